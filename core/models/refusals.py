"""Turns the error answers of providers into typed errors.

Each provider wraps an error in its own way, and gateways wrap it again. `core.models.reasons`
says what an error means.
"""

import email.utils
import re
import time
from collections.abc import Iterator, Mapping
from itertools import islice

import aiohttp

from core.border import clean
from core.errors import ModelError, Overloaded, Refused
from core.models.loose import parse, parse_few, record, records, text_of
from core.models.reasons import reason_of
from core.net.bounded_body import read_up_to
from core.secret import redact

ERROR_BYTES = 20_000
MOST_CHARS = 20_000
"""So much of an error is looked at, also of one in a stream, where it may have megabytes."""
MOST_ERRORS = 50
SAID_CHARS = 4_000
TOLD_CHARS = 300
MOST_HOLDERS = 3

_KEY = re.compile(r"\b(?:sk|pk|xai|gsk|key)-[\w-]{6,}|(?<=[Bb]earer )\S+")
_NOTHING = frozenset(("", "0", "null", "none", "nil", "false", "undefined"))


def is_error(said: object) -> bool:
    """Whether the payload *said* reports an error."""
    fields = record(said)
    base = record(fields.get("base_resp"))
    number = text_of(fields.get("error_code")) or text_of(base.get("status_code"))
    if not fields.keys() & {"choices", "done"}:
        if any(isinstance(fields.get(name), str) for name in ("message", "msg")):
            number = number or text_of(fields.get("code"))
        if fields.get("success") is False:
            return True
    return (
        _tells(fields.get("error"))
        or _tells(fields.get("errors"))
        or number not in ("", "0", "200")
    )


def _tells(error: object) -> bool:
    """Whether *error* has any content."""
    if isinstance(error, dict):
        return any(map(_tells, error.values()))
    if isinstance(error, list):
        return any(map(_tells, error))
    if isinstance(error, str):
        return error.strip().lower() not in _NOTHING
    return bool(error)


def tells_of_error(said: object) -> bool:
    """Whether *said*, which holds no answer, has words that may be the reason."""
    return bool(_told(said)[1])


def read_error(said: object, status: int = 0) -> ModelError:
    """The typed error for *said*, a payload or any error value, that came with *status*."""
    codes, message = _told(said)
    text = redact(_KEY.sub("***", " ".join(message.split())))
    where = " ".join(filter(None, (str(status or ""), *codes[:1])))
    reason = reason_of(codes, message.lower(), status)
    told = f"{text[:TOLD_CHARS] or 'no reason given'} ({where})"
    # console.groq.com/docs/tool-use, "tool_use_failed"
    found = (text_of(one.get("failed_generation")) for one in _errors(said))
    generated = next(filter(None, found), "")[:MOST_CHARS]
    if reason is None and not generated:
        return Overloaded(told)
    words = f"{text[:SAID_CHARS]} {_named(said)}".strip()
    return Refused(told, reason or "request", words, generated)


def _named(said: object) -> str:
    """The part of the request that the error names, if it names one."""
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
    """The codes in *said*, in lower case, and its message."""
    codes: list[str] = []
    words: list[str] = []
    for error in _errors(said):
        fields = _plain(error)
        for name in _CODES:
            code = text_of(fields.get(name)).strip().lower()
            if code and code not in codes and len(code) < 80:
                codes.append(code)
        words += [text_of(fields.get(name), ("msg", "message")) for name in _WORDS]
    if isinstance(said, str):
        words.append(said)
    message = " ".join(dict.fromkeys(filter(None, words)))
    return codes, clean(message[:MOST_CHARS]).strip()


_CODES = ("status", "type", "code", "errorcode", "statuscode")
_WORDS = (
    *("message", "msg", "errormsg", "errormessage", "statusmsg", "detail", "errordescription"),
    *("faultstring", "title"),
)
_HOLDERS = frozenset(("response", "fault", "header"))
"""Other fields that hold an error: Tencent's, Apigee's, Spark's."""
_ERRORS = frozenset(("error", "errors", "baseresp", "innererror"))


def _plain(fields: Mapping[str, object]) -> Mapping[str, object]:
    """*fields* under plain names: `errorCode`, `error_code` and `ErrorCode` become `errorcode`."""
    return {name.replace("_", "").lower(): value for name, value in fields.items()}


def _errors(said: object) -> Iterator[Mapping[str, object]]:
    """The first parts of *said* that may be an error."""
    return islice(_all_errors(said), MOST_ERRORS)


def _all_errors(said: object, depth: int = 0) -> Iterator[Mapping[str, object]]:
    """All parts of *said* that may be an error. Gemini sends a list, gateways wrap errors."""
    for outer in records(said):
        yield outer
        for name, inner in _plain(outer).items():
            if name in _HOLDERS and depth < MOST_HOLDERS:
                yield from _all_errors(inner, depth + 1)
            if name not in _ERRORS:
                continue
            if isinstance(inner, str):
                yield {"message": inner}
            for one in records(inner):
                yield one
                metadata = record(one.get("metadata"))
                raw = text_of(metadata.get("raw"))
                if raw:
                    try:
                        yield from _all_errors(parse(raw[:ERROR_BYTES].encode("utf-8", "replace")))
                    except ValueError:
                        yield {"message": raw}
                yield from records(one.get("innererror"))


def told_in(body: bytes) -> object:
    """The content of *body*, which reports an error."""
    try:
        return parse_few(body)
    except ValueError:
        # An HTML page is nothing for a person to read. A plain line may be.
        text = body.decode("utf-8", "replace").strip()
        return text if text and "<" not in text else None


async def http_error(response: aiohttp.ClientResponse) -> ModelError:
    """The typed error of *response*, which has an error status."""
    body = await read_up_to(response.content, ERROR_BYTES)
    found = read_error(told_in(body), response.status)
    if isinstance(found, Overloaded):
        found.retry_after_s = retry_after_s(response.headers, time.time())
    return found


def retry_after_s(sent: Mapping[str, str], now: float) -> float:
    """The seconds in `Retry-After`, a number or an HTTP date; 0.0 if there is none."""
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
