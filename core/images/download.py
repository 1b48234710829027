"""The bytes of a painted picture. They are in the answer, or at an address that is not trusted."""

import asyncio
import base64
import binascii
from contextlib import AsyncExitStack

import aiohttp

from core.errors import AddressRefused, FetchError, Refused
from core.net.bounded_body import PIECE_BYTES
from core.net.outside import Outside
from core.semaphore import Weighted

MOST_BYTES = 40 * 1024 * 1024
"""The longest answer: ten pictures of 3 MB, as Base64."""
SMALL_BYTES = 2 * 1024 * 1024
PICTURE_BYTES = 30 * 1024 * 1024
DOWNLOAD_S = 60.0
DOWNLOADS = 2
"""How often the download of a picture is tried. It is paid for already."""
_DATA = "data:image/"


class Room:
    """Memory for one answer's pictures.

    Small answers need no permission. Of the large ones only one is in memory at a time: from the
    moment it is read until *held* is closed, when it is sent.
    """

    def __init__(self, large: Weighted, held: AsyncExitStack) -> None:
        self._large = large
        self._held = held
        self._taken = False

    async def take(self, read_bytes: int) -> None:
        """Wait for room if *read_bytes* make a large answer."""
        if read_bytes > SMALL_BYTES and not self._taken:
            self._taken = True
            await self._held.enter_async_context(self._large.hold(1))


async def decoded(b64: str) -> bytes:
    """The bytes of *b64*, which may be a `data:` address, and may have line ends in it.

    Raises:
        Refused: it is not Base64.
    """
    if b64.startswith("data:"):
        b64 = b64.partition(",")[2]
    try:
        return await asyncio.to_thread(_decoded, b64)
    except (binascii.Error, ValueError) as error:
        raise Refused("the image API returned a broken picture", "picture") from error


def _decoded(b64: str) -> bytes:
    try:
        return base64.b64decode(b64, validate=True)
    except binascii.Error:
        return base64.b64decode("".join(b64.split()), validate=True)


async def downloaded(outside: Outside, url: str, api_url: str, room: Room) -> bytes:
    """The bytes at *url*, which is on the host of *api_url* or at any public https address.

    Raises:
        Refused: the address is not allowed, the picture is too large, or the download failed.
    """
    if url.startswith(_DATA):
        return await decoded(url)
    await room.take(PICTURE_BYTES)
    for left in reversed(range(DOWNLOADS)):
        try:
            found = await outside.get(
                url,
                most_bytes=PICTURE_BYTES,
                most_s=DOWNLOAD_S,
                schemes=("https",),
                named=api_url,
            )
            return found.data
        except AddressRefused as error:
            raise Refused(f"the picture is not fetched: {error}", "picture") from error
        except FetchError as error:
            if not left:
                raise Refused(f"the picture cannot be downloaded: {error}", "picture") from error
            await asyncio.sleep(1)
    raise AssertionError


async def read_whole(response: aiohttp.ClientResponse, room: Room) -> bytes:
    """The whole body. Raises `Refused` if it is longer than `MOST_BYTES`."""
    body = bytearray()
    async for piece in response.content.iter_chunked(PIECE_BYTES):
        body += piece
        await room.take(len(body))
        if len(body) > MOST_BYTES:
            raise Refused("the image API returned too much", "picture")
    return bytes(body)
