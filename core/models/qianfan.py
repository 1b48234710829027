"""Qianfan's first API (ERNIE): an access token instead of a key, and a stream of its own.

Source: Baidu's "ERNIE-4.0-8K" and "获取access_token" references: the token lives for 30 days and
stands in the address; the messages take turns, and are odd in number.
"""

import time
from typing import Any

import aiohttp
import msgspec

from core.errors import Overloaded, Refused
from core.models.chunks import Delta, Finished, TextDelta, Usage, decoded
from core.models.providers import Endpoint
from core.models.refusals import read_error
from core.models.request import ChatRequest, in_turns
from core.net.body import read_up_to
from core.telemetry import keep_secret

TOKEN_AT = "/oauth/2.0/token"  # noqa: S105 - an address
CHAT_PATH = "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/"
TOKEN_BYTES = 100_000
EARLY_S = 3600.0
"""A token is taken for spent so long before it is."""
_BUSY = frozenset((2, 4, 15, 17, 18, 19, 336100, 336501, 336502, 336503, 336505))
"""Quotas and rates, and "try again later"."""
_NO_TOKEN = frozenset((100, 110, 111))


class _Token(msgspec.Struct):
    access_token: str = ""
    expires_in: float = 0.0


class AccessToken:
    """The token for the `API_KEY:SECRET_KEY` of *endpoint*, asked for when it is needed."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
        self._session = session
        self._endpoint = endpoint
        self._token = ""
        self._until = 0.0

    async def get(self) -> str:
        """Raises `Overloaded`; `Refused` when the keys are not accepted."""
        if time.monotonic() < self._until:
            return self._token
        key, _, secret = self._endpoint.api_key.partition(":")
        async with self._session.post(
            f"{self._endpoint.base_url}{TOKEN_AT}",
            params={
                "grant_type": "client_credentials",
                "client_id": key,
                "client_secret": secret,
            },
            allow_redirects=False,
        ) as response:
            raw = await read_up_to(response.content, TOKEN_BYTES)
        try:
            token = msgspec.json.decode(raw, type=_Token)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Overloaded("the token makes no sense") from error
        if not token.access_token:
            raise Refused("no token for this API_KEY:SECRET_KEY", "key")
        keep_secret(token.access_token)
        self._token = token.access_token
        self._until = time.monotonic() + token.expires_in - EARLY_S
        return self._token

    def forget(self) -> bool:
        """It is not accepted any more; whether another one may be."""
        known, self._until = self._until > 0, 0.0
        return known


def url(endpoint: Endpoint, request: ChatRequest) -> str:
    return f"{endpoint.base_url}{CHAT_PATH}{request.model or endpoint.model}"


def body(endpoint: Endpoint, request: ChatRequest) -> dict[str, object]:
    """The system prompt stands apart; what one side says in a row is one message."""
    system, said = in_turns(request.messages)
    turns = [
        {"role": role, "content": "\n\n".join(one.content for one in together)}
        for role, together in said
    ]
    if turns and turns[0]["role"] == "assistant":
        del turns[0]
    asked: dict[str, object] = {"messages": turns, "stream": True}
    if request.max_tokens:
        asked["max_output_tokens"] = request.max_tokens
    return asked | ({"system": system} if system else {})


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Event(msgspec.Struct):
    result: str = ""
    is_end: bool = False
    is_truncated: bool = False
    need_clear_history: bool = False
    usage: _Usage | None = None
    error_code: int = 0
    error_msg: str = ""
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode


def read(data: bytes) -> list[Delta]:
    """The deltas of one event, in order.

    Raises:
        Interrupted: *data* is no event.
        Overloaded, Refused: it is an error.
    """
    event = decoded(_decode, data)
    if event.error_code in _NO_TOKEN:
        raise Refused(f"{event.error_msg} ({event.error_code})", "key")
    if event.error_code in _BUSY:
        raise Overloaded(f"{event.error_msg} ({event.error_code})")
    if event.error_code or event.error:
        raise read_error(event.error or event.error_msg, 400)
    deltas: list[Delta] = [TextDelta(event.result)] if event.result else []
    if event.usage is not None:
        deltas.append(Usage(event.usage.prompt_tokens, event.usage.completion_tokens))
    if event.need_clear_history:
        deltas.append(Finished("content_filter"))
    elif event.is_end:
        deltas.append(Finished("length" if event.is_truncated else "stop"))
    return deltas
