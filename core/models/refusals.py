"""What providers answer when they do not answer: their errors, typed."""

import email.utils
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from core.errors import ModelError, Overloaded, Refused, RefusedReason
from core.net.body import read_up_to

ERROR_BYTES = 20_000

_FINAL: dict[str, RefusedReason] = {
    "invalid_api_key": "key",
    "invalid_token": "key",
    "token_mismatched": "key",
    "api_not_implemented": "model",
    "authentication_error": "key",
    "insufficient_quota": "balance",
    "model_not_found": "model",
    "invalid_model": "model",
    "content_filter": "policy",
    "content_policy_violation": "policy",
    "context_length_exceeded": "length",
    "characters_too_long": "length",
    "tokens_too_long": "length",
    "invalid_request_error": "request",
    "invalid_argument": "request",
    "invalid_messages": "request",
    "malformed_json": "request",
}
_STATUS: dict[int, RefusedReason] = {
    400: "request",
    401: "key",
    402: "balance",
    403: "key",
    404: "model",
    413: "length",
    422: "request",
}


def read_error(error: Any, status: int = 0) -> ModelError:
    """The typed error of an error object (or string), or of *status* where it says nothing."""
    code, message = "", ""
    if isinstance(error, dict):
        code = str(error.get("code") or error.get("type") or "")
        message = str(error.get("message") or "")
    elif error:
        message = str(error)
    where = " ".join(filter(None, (str(status or ""), code)))
    text = f"{message[:300] or 'no reason given'} ({where})"
    if code in _FINAL:
        return Refused(text, _FINAL[code])
    number = status or (int(code) if code.isdigit() else 0)
    if number in _STATUS:
        return Refused(text, _STATUS[number])
    return Overloaded(text)


async def http_error(response: aiohttp.ClientResponse) -> ModelError:
    """The typed error of *response*, whose status says that it is one."""
    body = await read_up_to(response.content, ERROR_BYTES)
    error: Any = None
    try:
        decoded = msgspec.json.decode(body)
        if isinstance(decoded, dict):
            error = decoded.get("error") or decoded
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass  # An HTML page says nothing that a person should read.
    found = read_error(error, response.status)
    if isinstance(found, Overloaded):
        found.retry_after_s = retry_after_s(response.headers, time.time())
    return found


def retry_after_s(sent: Mapping[str, str], now: float) -> float:
    """Seconds that `Retry-After` asks for: a number or an HTTP date; 0.0 when it asks nothing."""
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
