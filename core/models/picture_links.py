"""Gives a model the addresses of pictures, if it fetches pictures itself.

The addresses are on our own server. They are valid for some minutes, and nobody can guess them. A
platform's address is never given away: Telegram's holds the bot's token, and Slack's needs one.
"""

import base64
import binascii
import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

from aiohttp import web
from msgspec.structs import replace

from core.errors import StoreError
from core.models.cache import Memory
from core.models.request import ChatMessage, ChatRequest

PATH = "/pictures/"
TTL_S = 900
MOST_KNOWN = 1_000
_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
_PICTURE = re.compile(r"data:(image/(?:png|jpeg|webp|gif));base64,", re.ASCII)


class PictureLinks:
    """*memory* keeps the pictures. *public_url* is the address of our server in the internet."""

    def __init__(self, memory: Memory, public_url: str) -> None:
        self._memory = memory
        self._url = public_url.rstrip("/") + PATH
        self._tokens: OrderedDict[bytes, str] = OrderedDict()

    async def linked(self, request: ChatRequest) -> ChatRequest:
        """*request* with addresses in place of its pictures; unchanged if the store fails."""
        if not any(one.images for one in request.messages):
            return request
        with suppress(StoreError):
            messages = [await self._message(one) for one in request.messages]
            return replace(request, messages=tuple(messages))
        return request

    async def picture(self, token: str) -> tuple[str, bytes] | None:
        """The type and the bytes of the picture of *token*; None if there is none."""
        kept = await self._memory.recall(_key(token)) if _TOKEN.fullmatch(token) else ""
        found = _PICTURE.match(kept)
        if found is None:
            return None
        try:
            return found[1], base64.b64decode(kept[found.end() :], validate=True)
        except binascii.Error:
            return None

    async def _message(self, message: ChatMessage) -> ChatMessage:
        return replace(message, images=tuple([await self._address(one) for one in message.images]))

    async def _address(self, url: str) -> str:
        if not _PICTURE.match(url):
            return url
        # The same picture keeps its address, so that the provider's cache of the question works.
        digest = hashlib.sha256(url.encode()).digest()
        token = self._tokens.setdefault(digest, secrets.token_urlsafe(32))
        self._tokens.move_to_end(digest)
        if len(self._tokens) > MOST_KNOWN:
            self._tokens.popitem(last=False)
        await self._memory.keep(_key(token), url, TTL_S)
        return self._url + token


def picture_routes(links: PictureLinks) -> Sequence[web.AbstractRouteDef]:
    """The route that providers fetch pictures from."""

    async def handle(request: web.Request) -> web.Response:
        try:
            found = await links.picture(request.match_info["token"])
        except StoreError as error:
            raise web.HTTPServiceUnavailable from error
        if found is None:
            raise web.HTTPNotFound
        headers = {
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
        }
        return web.Response(body=found[1], content_type=found[0], headers=headers)

    return (web.get(PATH + "{token}", handle),)


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
