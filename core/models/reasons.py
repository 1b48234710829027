"""Why a provider refuses: read from the status, the codes and the words of its error. Pure.

The status says most, then the words. A code says least, because many servers send
`invalid_request_error` with every error. Sources: the error pages of OpenAI, Anthropic, DeepSeek,
Qwen, Qianfan, Zhipu, MiniMax, Moonshot, Gemini, OpenRouter, Azure, Bedrock and LiteLLM, and the
sources and issues of vLLM, SGLang, TGI, llama.cpp, Ollama, LM Studio and LocalAI, autumn 2026.
"""

import re

from core.errors import RefusedReason
from core.models.loose import count_of

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
"""Codes of errors that pass by themselves, sent in a stream or with a wrong status."""
_PASSES = re.compile(
    r"throttl|too many requests|(?:has |have )?crashed|model (?:was |is )?unloaded|"
    r"model is not ready|notready|(?:still|currently|is) (?:loading|overloaded|unavailable|busy)|"
    r"(?:at|over) capacity|capacity exceeded|high traffic|temporarily|"
    r"(?:try|retry) (?:again )?(?:later|in \d)|server (?:is )?busy"
)
"""Words of errors that pass by themselves, with any status."""
_PASSING = (408, 409, 424, 425, 429)
CLOSED = 499
"""nginx: the client closed the connection. It was not us, but a proxy between."""
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
        r"(?:(?:is|are|was) )?too (?:long|large)|length .{0,30}exceeds? |"
        r"exceeds? .{0,30}\blength|max(?:imum)? (?:input )?(?:characters|tokens|length)|"
        r"too many (?:input )?tokens|tokens? .{0,40}exceeds? |"
        r"exceed(?:s|ed)? .{0,60}(?:token|context)|"
        r"(?:input|prompt)(?: token)?s? .{0,40}(?:is|are) longer than|too large for model|"
        r"reduce the length|range of input length|input length .{0,80}(?:exceed|should be)|"
        r"(?:prompt|input|inputs|context) (?:length .{0,40}(?:greater|larger|longer)|too long)|"
        r"(?:history|conversation|prompt|sequence).{0,40}(?:exceeds? |(?:larger|longer) than )|"
        r"tokens.{0,40}must be <|must have (?:less|fewer) than \d+ tokens|"
        # The prompt fills the window, so there is no room for an answer.
        r"max_(?:new_|completion_)?tokens.{0,20}must be at least 1.{0,6}got -|n_keep: |"
        r"超长|过长|超过.{0,20}(?:长度|上下文)",
        "length",
    ),
    (
        r"quota.{0,40}(?:plan|billing)|insufficient.{0,9}(?:balance|quota|credit|fund)|"
        r"credit balance|out of credits|more credits|arrearage|overdue|billing|"
        r"budget (?:has been |was )?exceeded|(?:requires|need) an? .{0,12}subscription|"
        r"included credits|api usage limits|spending limit|account .{0,20}suspended|"
        r"credits? .{0,9}(?:run out|exhausted|used up)|payment required|"
        r"(?:not|n't) have any credits|free tier.{0,40}exhausted|"
        r"balance.{0,20}(?:insufficient|not enough|too low|exhausted|negative)|"
        r"in arrears|non-?payment|unpaid|\btop.?up\b|"
        r"(?:no|not enough|out of) (?:funds|balance)|recharge|余额|欠费|充值|额度(?:不足|已用)",
        "balance",
    ),
    (
        r"(?:api[ _-]?key|(?:access|bearer|security) token|authori[sz]ation).{0,60}"
        r"(?:invalid|incorrect|not valid|expired|missing|required|wrong|revoked|not authorized)|"
        r"(?:not|n't) provided? an? (?:valid )?api[ _-]?key|"
        r"(?:invalid|incorrect|missing|no|expired|wrong|unknown) .{0,9}"
        r"(?:api[ _-]?key|access token|bearer token|credentials|authentication)|"
        r"(?:location|country|region).{0,20}not supported|"
        r"authentication fails|unauthorized|user not found|not (?:authenticated|authorized)|"
        r"(?:令牌|密钥).{0,6}(?:无效|过期|错误|不正确)|(?:无效|错误)的.{0,6}(?:令牌|密钥|api)",
        "key",
    ),
    (
        r"model.{0,120}(?:not exist|not found|does not exist|not (?:a )?(?:valid|supported|"
        r"available)$|no such|unknown|not a valid model|"
        r"not available (?:for|in|to) )|"
        r"(?:invalid|unknown|unrecognized|no such|not a valid|unsupported) model|"
        r"(?:is )?not a valid model|no endpoints found for|model identifier is invalid|"
        r"(?:unable|not able|not allowed|cannot|no|not have|n't have) (?:to )?access (?:to )?"
        r".{0,20}model|"
        r"model.{0,120}(?:decommissioned|deprecated|retired|discontinued|removed|no longer)|"
        r"无可用.{0,9}(?:渠道|通道)|模型.{0,60}(?:不存在|未找到|下线|无权)|no available channel|"
        r"model.{0,120}not (?:served|hosted|deployed|recogni[sz]ed)|model: invalid value|"
        r"no (?:provider|endpoint|worker|deployment)s? (?:is |are )?available for|"
        r"no models? (?:is |are )?(?:loaded|available)|invalid model name|"
        r"(?:not|n't) support (?:chat|completions?)\b|(?:not|n't) (?:supported|work).{0,40}"
        r"(?:with|by) (?:the specified model|any provider)|n't support the model that|"
        r"access to model denied|on-demand throughput|reached the end of its life",
        "model",
    ),
    (
        r"content.{0,9}(?:policy|policies|filter|management|exists risk|moderation)|"
        r"responsible ai|high risk|inappropriate content|"
        r"safety (?:system|reasons|filter|polic|guideline)|"
        r"flagged|prohibited content|sensitive (?:content|word)|usage polic|"
        r"nsfw|(?:by|in|for|failed|blocked).{0,9} moderation|prompt.?(?:was )?blocked|"
        r"violat.{0,40}(?:guideline|polic|terms)|guardrail|(?:harmful|unsafe) content|"
        r"content audit|不当|违规|敏感|不合规|审核(?:不通过|未通过|失败)",
        "policy",
    ),
)
_CODED: tuple[tuple[str, RefusedReason], ...] = (
    (
        r"model.*(?:not.?(?:found|exist|supported)|access.?denied|decommission|deprecat|retired)|"
        r"(?:no.?such|unknown).?model",
        "model",
    ),
    (r"auth.?fail|access.?denied|unauthori[sz]ed|invalid.?api.?key|secretid", "key"),
    (r"insufficient.*(?:balance|fund|credit)|no_(?:balance|credit)|budget.?exceeded", "balance"),
    (r"nsfw|moderation_(?:fail|block|reject)|(?:prompt|content).?(?:blocked|violat)", "policy"),
    (r"prompt.?too.?long|max_prompt_tokens|context.*exceed", "length"),
)
"""Parts of codes, for codes whose whole name is not known."""
PICTURES = re.compile(
    r"(?<![-\w/])(?:images?|vision|visual|multi-?modal|pictures?)(?![-/]\w)|image_url|input_image|"
    r"mmproj|content.{0,40}\bstring\b|array of content|content parts?\b|"
    r"\bstr\b.{0,30}\blist\b|\blist\b.{0,30}\bstr(?:ing)?\b|'list' object"
)
"""Words for the pictures of a request, or for content that is a list of parts."""
_PART = re.compile(
    PICTURES.pattern + r"|input_audio|\baudio\b|(?<![-\w/])(?:stream(?:ing|ed)?|sse)(?![-/]\w)|"
    r"(?:system|developer) (?:role|message|instruction|prompt)s?"
)
"""Words for a part of a request: the model does not support that part."""
_NOT_ABLE = re.compile(
    r"(?:not|n't) (?:be )?(?:support|enabled|implement|allow|accept|permit|capable|available)|"
    r"requires? --|unsupported|disabled|not (?:a )?multi-?modal|--mmproj|missing data|"
    r"no models? found that|cannot (?:read|process|handle|accept|see)|can only concat|"
    r"must be str|expected str|object has no|conversation roles must alternate"
)
_WORDS = tuple((re.compile(pattern), reason) for pattern, reason in _PATTERNS)
_CODES = tuple((re.compile(pattern), reason) for pattern, reason in _CODED)
_GONE = re.compile(
    r"not found|not exist|unknown model|no such|no available channel|not support completions|不存在"
)
_PACE = re.compile(r"rate.?limit|(?:tokens|requests) per|per (?:minute|day)|retry in \d")
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


def reason_of(codes: list[str], words: str, status: int) -> RefusedReason | None:
    """Why the request will never be answered; None if another try may help."""
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
        # The tokens of a minute are used up. Some call that a length, but it passes.
        told = "balance" in coded or ("balance" in worded and not _PACE.search(words))
        return "balance" if told else None
    if _PART.search(words) and _NOT_ABLE.search(words) and set(known) <= {"model", "key"}:
        return "request"
    if number == 403:
        every = (*coded, *worded)
        return next((one for one in ("balance", "policy", "model") if one in every), "key")
    if number == 404:
        # OpenRouter also sends it for a model that exists but cannot do this.
        return "request" if "no endpoints found that" in words else "model"
    if not known and _PASSES.search(words):
        return None
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
    """Whether *reason* is final, although the status says that the error passes."""
    if reason == "model":
        return reason in coded or bool(_GONE.search(words))
    return reason in ("length", "key", "balance")
