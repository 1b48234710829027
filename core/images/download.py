"""The bytes of what image APIs answer with: in the answer, or at an address that may be a trap."""

import asyncio
import base64
import binascii

import aiohttp

from core.errors import AddressRefused, FetchError, Refused
from core.net.body import read_up_to
from core.net.outside import Outside

MOST_BYTES = 48 * 1024 * 1024
"""Of one answer: ten pictures of 3 MB, as Base64."""
PICTURE_BYTES = 32 * 1024 * 1024
DOWNLOAD_S = 60.0
DOWNLOADS = 2
"""So often a picture that is paid for is fetched."""
_DATA = "data:image/"


async def decoded(b64: str) -> bytes:
    """The bytes of *b64*, which may be a whole `data:` address, and may be cut into lines.

    Raises:
        Refused: it is no Base64.
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


async def downloaded(outside: Outside, url: str, api_url: str) -> bytes:
    """What is at *url*: on the host of *api_url*, or else at a public https address.

    Raises:
        Refused: it is elsewhere, too large, or cannot be had.
    """
    if url.startswith(_DATA):
        return await decoded(url)
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


async def read_whole(response: aiohttp.ClientResponse) -> bytes:
    """Raises `Refused` when it is too much."""
    body = await read_up_to(response.content, MOST_BYTES)
    if len(body) > MOST_BYTES:
        raise Refused("the image API returned too much", "picture")
    return body
