"""What providers answer when they do not answer: their errors, typed.

The status says the most, then the words; a code says the least, for many send
`invalid_request_error` with everything. Sources: the error pages of OpenAI, Anthropic, DeepSeek,
Qwen, Qianfan, Zhipu, MiniMax, Moonshot, Gemini, OpenRouter, vLLM and llama.cpp, autumn 2026.
"""

import email.utils
import re
import time
from collections.abc import Iterator, Mapping

import aiohttp

from core.border import clean
from core.errors import ModelError, Overloaded, Refused, RefusedReason
from core.models.loose import count_of, parse, record, records, text_of
from core.net.body import read_up_to
from core.secret import redact

ERROR_BYTES = 20_000
SAID_CHARS = 4_000
TOLD_CHARS = 300

_FINAL: dict[str, RefusedReason] = {
    "invalid_api_key": "key",
    "invalid_token": "key",
    "token_mismatched": "key",
    "invalid_iam_token": "key",
    "authentication_error": "key",
    "permission_error": "key",
    "unauthenticated": "key",
    "invalid_client": "key",
    "insufficient_quota": "balance",
    "insufficient_user_quota": "balance",
    "exceeded_current_quota_error": "balance",
    "billing_error": "balance",
    "billing_not_active": "balance",
    "arrearage": "balance",
    "api_not_implemented": "model",
    "model_not_found": "model",
    "modelnotfound": "model",
    "model_not_exist": "model",
    "invalid_model": "model",
    "deploymentnotfound": "model",
    "content_filter": "policy",
    "content_policy_violation": "policy",
    "moderation_blocked": "policy",
    "data_inspection_failed": "policy",
    "datainspectionfailed": "policy",
    "responsibleaipolicyviolation": "policy",
    "context_length_exceeded": "length",
    "exceed_context_size_error": "length",
    "request_too_large": "length",
    "characters_too_long": "length",
    "tokens_too_long": "length",
    "invalid_request_error": "request",
    "invalid_argument": "request",
    "invalid_messages": "request",
    "malformed_json": "request",
}
_BUSY = re.compile(r"rate.?limit|overloaded|too.?many.?requests|server_error|unavailable|throttl")
"""Codes of what passes, told inside a stream or with the wrong status."""
_PASSING = (408, 409, 425, 429)
CLOSED = 499
"""Of nginx: whoever asked went away, which was not us."""
_STATUS: dict[int, RefusedReason] = {
    400: "request",
    401: "key",
    402: "balance",
    403: "key",
    404: "model",
    405: "request",
    410: "model",
    413: "length",
    451: "policy",
}
_PATTERNS: tuple[tuple[str, RefusedReason], ...] = (
    (
        r"context.{0,9}(?:length|window|size)|maximum (?:context|prompt)|prompt is too long|"
        r"(?:prompt|input|messages?|history|request|conversation) "
        r"(?:is|are|was) too (?:long|large)|max(?:imum)? (?:input )?(?:characters|tokens|length)|"
        r"too many (?:input )?tokens|tokens? .{0,40}exceeds? |"
        r"exceed(?:s|ed)? .{0,60}(?:token|context)|"
        r"(?:input|prompt)(?: token)?s? .{0,40}(?:is|are) longer than|too large for model|"
        r"reduce the length|range of input length|input length .{0,80}(?:exceed|should be)|"
        r"(?:prompt|input|inputs|context) (?:length .{0,40}(?:greater|larger|longer)|too long)|"
        r"tokens.{0,40}must be <|超长|过长|超过.{0,20}(?:长度|上下文)",
        "length",
    ),
    (
        r"quota.{0,40}(?:plan|billing)|insufficient.{0,9}(?:balance|quota|credit|fund)|"
        r"credit balance|out of credits|more credits|arrearage|overdue|billing|"
        r"balance.{0,20}(?:insufficient|not enough|too low|exhausted|negative)|"
        r"(?:no|not enough|out of) (?:funds|balance)|recharge|余额|欠费|充值|额度(?:不足|已用)",
        "balance",
    ),
    (
        r"(?:api[ _-]?key|access token|bearer token|authori[sz]ation).{0,60}"
        r"(?:invalid|incorrect|not valid|expired|missing|required|wrong|revoked)|"
        r"(?:invalid|incorrect|missing|no|expired|wrong|unknown) .{0,9}"
        r"(?:api[ _-]?key|access token|bearer token|credentials|authentication)|"
        r"authentication fails|unauthorized|user not found|"
        r"(?:令牌|密钥).{0,6}(?:无效|过期|错误|不正确)|(?:无效|错误)的.{0,6}(?:令牌|密钥|api)",
        "key",
    ),
    (
        r"model.{0,120}(?:not exist|not found|does not exist|not (?:a )?(?:valid|supported|"
        r"available)$|no such|unknown|not a valid model)|"
        r"(?:invalid|unknown|no such|not a valid|unsupported) model|"
        r"(?:is )?not a valid model|no endpoints found for|model identifier is invalid|"
        r"(?:unable|not able|not allowed|cannot|no|not have) (?:to )?access (?:to )?.{0,20}model|"
        r"model.{0,120}(?:decommissioned|deprecated|retired|discontinued|no longer)|"
        r"模型.{0,60}(?:不存在|未找到|下线|无权)|no available channel",
        "model",
    ),
    (
        r"content.{0,9}(?:policy|policies|filter|management|exists risk|moderation)|"
        r"responsible ai|high risk|inappropriate content|safety (?:system|reasons)|"
        r"flagged|prohibited content|sensitive (?:content|word)|usage polic|"
        r"nsfw|(?:by|in|for|failed|blocked).{0,9} moderation|prompt.?(?:was )?blocked|"
        r"违规|敏感|不合规",
        "policy",
    ),
)
_CODED: tuple[tuple[str, RefusedReason], ...] = (
    (r"model.*(?:not.?(?:found|exist)|decommission|deprecat|retired)|no.?such.?model", "model"),
    (r"insufficient.*(?:balance|fund|credit)|no_(?:balance|credit)", "balance"),
    (r"nsfw|moderation_(?:fail|block|reject)|(?:prompt|content).?(?:blocked|violat)", "policy"),
    (r"prompt.?too.?long|max_prompt_tokens|context.*exceed", "length"),
)
"""Families of codes, where none is known by its whole name."""
PICTURES = re.compile(
    r"(?<![-\w/])(?:images?|vision|visual|multi-?modal|pictures?)(?![-/]\w)|image_url|input_image|"
    r"mmproj|content.{0,40}\bstring\b|array of content|content parts?\b|"
    r"\bstr\b.{0,30}\blist\b|\blist\b.{0,30}\bstr(?:ing)?\b|'list' object"
)
"""Words that name the pictures of a request (or that its content is a list of parts)."""
_PART = re.compile(
    PICTURES.pattern + r"|(?<![-\w/])(?:stream(?:ing|ed)?|sse)(?![-/]\w)|"
    r"(?:system|developer) (?:role|message|instruction|prompt)s?"
)
"""Words that name a part of a request: it is that which a model does not support, not the model."""
_NOT_ABLE = re.compile(
    r"(?:not|n't) (?:be )?(?:support|enabled|implement|allow|accept|permit|capable|available)|"
    r"requires? --|unsupported|disabled|not (?:a )?multi-?modal|--mmproj|missing data|"
    r"no models? found that|cannot (?:read|process|handle|accept|see)|can only concat|"
    r"must be str|expected str|object has no|conversation roles must alternate"
)
_WORDS = tuple((re.compile(pattern), reason) for pattern, reason in _PATTERNS)
_CODES = tuple((re.compile(pattern), reason) for pattern, reason in _CODED)
_GONE = re.compile(r"not found|not exist|unknown model|no such|no available channel|不存在")
_PACE = re.compile(r"rate.?limit|(?:tokens|requests) per")
_KEY = re.compile(r"\b(?:sk|pk|xai|gsk|key)-[\w-]{6,}|(?<=[Bb]earer )\S+")
_NUMBERS: dict[str, RefusedReason] = {
    # Zhipu: account in arrears, model, content; MiniMax: key, balance, content.
    "1113": "balance",
    "1211": "model",
    "1261": "length",
    "1301": "policy",
    "1004": "key",
    "1008": "balance",
    "1026": "policy",
    "1027": "policy",
    "1039": "length",
}


_NOTHING = frozenset(("", "0", "null", "none", "nil", "false", "undefined"))


def is_error(said: object) -> bool:
    """Whether *said* (a payload) tells that something is wrong."""
    fields = record(said)
    base = record(fields.get("base_resp"))
    number = text_of(fields.get("error_code")) or text_of(base.get("status_code"))
    if isinstance(fields.get("message"), str) and not fields.keys() & {"choices", "done"}:
        number = number or text_of(fields.get("code"))
    return (
        _tells(fields.get("error"))
        or _tells(fields.get("errors"))
        or number not in ("", "0", "200")
    )


def _tells(error: object) -> bool:
    """Whether there is anything in it."""
    if isinstance(error, dict):
        return any(map(_tells, error.values()))
    if isinstance(error, list):
        return any(map(_tells, error))
    if isinstance(error, str):
        return error.strip().lower() not in _NOTHING
    return bool(error)


def read_error(said: object, status: int = 0) -> ModelError:
    """The typed error of *said*, a payload or an error of any kind, that came with *status*."""
    codes, message = _told(said)
    text = redact(_KEY.sub("***", " ".join(message.split())))
    where = " ".join(filter(None, (str(status or ""), *codes[:1])))
    reason = _reason(codes, message.lower(), status)
    told = f"{text[:TOLD_CHARS] or 'no reason given'} ({where})"
    if reason is None:
        return Overloaded(told)
    return Refused(told, reason, f"{text[:SAID_CHARS]} {_named(said)}".strip())


def _reason(codes: list[str], words: str, status: int) -> RefusedReason | None:
    """Why it will never be answered; None where another try may help."""
    coded = [_FINAL[code] for code in codes if code in _FINAL]
    coded += [_NUMBERS[code] for code in codes if code in _NUMBERS]
    coded += [why for code in codes for pattern, why in _CODES if pattern.search(code)]
    worded = [reason for pattern, reason in _WORDS if pattern.search(words)]
    number = (
        status if status >= 400 else next((n for n in map(count_of, codes) if 400 <= n < 600), 0)
    )
    if number in (401, 402):
        return _STATUS[number]
    known = [reason for reason in coded if reason != "request"] or worded
    if number == 429 and "request too large" in words:
        return "length"
    if number in _PASSING:
        # A minute's tokens are spent: that is no length, whatever it is called.
        told = "balance" in coded or ("balance" in worded and not _PACE.search(words))
        return "balance" if told else None
    if _PART.search(words) and _NOT_ABLE.search(words) and set(known) <= {"model", "key"}:
        return "request"
    if number == 403:
        every = (*coded, *worded)
        return next((one for one in ("balance", "policy", "model") if one in every), "key")
    if number == 404:
        # OpenRouter says it of a model that is there, and cannot do what it is asked for.
        return "request" if "no endpoints found that" in words else "model"
    if known and (number < 500 or _lasts(known[0], words, coded)):
        return known[0]
    if not number and any(_BUSY.search(code) for code in codes):
        return None
    if number >= 500:
        return "request" if _NOT_ABLE.search(words) else None
    if number >= 400 and number != CLOSED:
        return _STATUS.get(number, "request")
    return "request" if "request" in coded else None


def _lasts(reason: RefusedReason, words: str, coded: list[RefusedReason]) -> bool:
    """Whether it stays so for *reason*, though the status says that it passes."""
    if reason == "model":
        return reason in coded or bool(_GONE.search(words))
    return reason in ("length", "key", "balance")


def _named(said: object) -> str:
    """Which part of the request it is about, where that is told."""
    named: list[str] = []
    for error in _errors(said):
        named.append(text_of(error.get("param")))
        if "n_ctx" in error:
            named.append(f"n_ctx {text_of(error['n_ctx'])}")
        for part in records(error.get("detail")):
            where = part.get("loc")
            named += map(text_of, where) if isinstance(where, list) else []
    return " ".join(filter(None, named))[:TOLD_CHARS]


def _told(said: object) -> tuple[list[str], str]:
    """The codes in *said*, in lower case, and its words."""
    codes: list[str] = []
    words: list[str] = []
    for error in _errors(said):
        for name in ("status", "type", "code", "error_code", "status_code", "errorCode"):
            code = text_of(error.get(name)).strip().lower()
            if code and code not in codes and len(code) < 80:
                codes.append(code)
        names = ("message", "msg", "error_msg", "status_msg", "detail", "error_description")
        words += [text_of(error.get(name), ("msg", "message")) for name in names]
    if isinstance(said, str):
        words.append(said)
    return codes, clean(" ".join(dict.fromkeys(filter(None, words)))).strip()


def _errors(said: object) -> Iterator[Mapping[str, object]]:
    """Whatever in *said* may be an error: Gemini sends a list, gateways wrap what they got."""
    for outer in records(said):
        yield outer
        for name in ("error", "errors", "base_resp", "innererror"):
            inner = outer.get(name)
            if isinstance(inner, str):
                yield {"message": inner}
            for one in records(inner):
                yield one
                metadata = record(one.get("metadata"))
                raw = text_of(metadata.get("raw"))
                if raw:
                    try:
                        yield from _errors(parse(raw[:ERROR_BYTES].encode("utf-8", "replace")))
                    except ValueError:
                        yield {"message": raw}
                yield from records(one.get("innererror"))


def told_in(body: bytes) -> object:
    """What *body*, which tells of an error, says."""
    try:
        return parse(body)
    except ValueError:
        # An HTML page says nothing that a person should read; a line of plain words may.
        text = body.decode("utf-8", "replace").strip()
        return text if text and "<" not in text else None


async def http_error(response: aiohttp.ClientResponse) -> ModelError:
    """The typed error of *response*, whose status says that it is one."""
    body = await read_up_to(response.content, ERROR_BYTES)
    found = read_error(told_in(body), response.status)
    if isinstance(found, Overloaded):
        found.retry_after_s = retry_after_s(response.headers, time.time())
    return found


def retry_after_s(sent: Mapping[str, str], now: float) -> float:
    """Seconds that `Retry-After` asks for: a number or an HTTP date; 0.0 when it asks nothing."""
    try:
        return max(0.0, float(sent.get("Retry-After-Ms", ""))) / 1000
    except ValueError:
        pass
    value = sent.get("Retry-After", "").strip()
    if not value:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return 0.0
