"""Qianfan's first API (ERNIE). It has an access token instead of a key, and its own stream.

Source: Baidu's "ERNIE-4.0-8K" and "获取access_token" references. The token is valid for 30 days and
is part of the address. The roles of messages alternate, and their number is odd.
"""

import time
from collections.abc import Mapping

import aiohttp
import msgspec

from core.errors import Overloaded, Refused
from core.models.chunks import Delta, Finished
from core.models.endings import ending_of
from core.models.loose import count_of, record, text_of
from core.models.providers import Endpoint
from core.models.reading import Reading
from core.models.refusals import is_error, read_error
from core.models.request import ChatRequest, in_turns
from core.models.usage import usage_of
from core.models.ways import Ways
from core.net.bounded_body import read_up_to
from core.secret import keep_secret

TOKEN_AT = "/oauth/2.0/token"  # noqa: S105 - an address
CHAT_PATH = "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/"
TOKEN_BYTES = 100_000
EARLY_S = 3600.0
"""A new token is requested so long before the old one ends."""
_BUSY = frozenset((2, 4, 15, 17, 18, 19, 336100, 336501, 336502, 336503, 336505))
"""Codes of quotas and rates, and of "try again later"."""
_TOO_LONG = frozenset((336007, 336103, 336104))
"""`tokens_too_long` and `characters_too_long` of the first API."""
_OPTIONS = ("temperature", "top_p", "stop", "response_format")
_NO_TOKEN = frozenset((100, 110, 111))


class _Token(msgspec.Struct):
    access_token: str = ""
    expires_in: float = 0.0


class AccessToken:
    """The token for the `API_KEY:SECRET_KEY` of *endpoint*. It is requested when it is needed."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
        self._session = session
        self._endpoint = endpoint
        self._token = ""
        self._until = 0.0

    async def get(self) -> str:
        """The token. Raises `Overloaded`, or `Refused` if the keys are not accepted."""
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
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Overloaded("the token makes no sense") from error
        if not token.access_token:
            raise Refused("no token for this API_KEY:SECRET_KEY", "key")
        keep_secret(token.access_token)
        self._token = token.access_token
        self._until = time.monotonic() + token.expires_in - EARLY_S
        return self._token

    def forget(self) -> bool:
        """The token is no longer accepted. Return whether a new one may be."""
        known, self._until = self._until > 0, 0.0
        return known


def url(endpoint: Endpoint, request: ChatRequest) -> str:
    return f"{endpoint.base_url}{CHAT_PATH}{request.model or endpoint.model}"


def body(endpoint: Endpoint, request: ChatRequest, ways: Ways) -> dict[str, object]:
    """The body of the request. Messages of one side in a row become one message."""
    system, said = in_turns(request)
    turns = [
        {"role": role, "content": "\n\n".join(one.content for one in together)}
        for role, together in said
    ]
    named = {name: request.options[name] for name in _OPTIONS if name in request.options}
    asked: dict[str, object] = {"messages": turns, "stream": True, **named}
    if request.max_tokens:
        asked["max_output_tokens"] = request.max_tokens
    return asked | ({"system": system} if system else {})


class Reader(Reading):
    """Reads the events of one stream."""

    def _object(self, event: Mapping[str, object], some: list[Delta]) -> None:
        self._say(event.get("result"), some)
        self._count(usage_of(record(event.get("usage"))), some)
        code, words = count_of(event.get("error_code")), text_of(event.get("error_msg"))
        if code in _NO_TOKEN:
            raise Refused(f"{words} ({code})", "key")
        if code in _BUSY:
            raise Overloaded(f"{words} ({code})")
        if code in _TOO_LONG:
            raise Refused(f"{words} ({code})", "length", words)
        if is_error(event):
            raise read_error(event, 400)
        ending = ""
        if event.get("need_clear_history") is True:
            ending = "content_filter"
        elif event.get("is_truncated") is True:
            ending = "length"
        elif event.get("is_end") is True:
            ending = text_of(event.get("finish_reason")) or "stop"
        if ending:
            self.rest(some)
            some.append(Finished(ending_of(ending)))
