"""The bytes of what image APIs answer with: in the answer, or at an address that may be a trap."""

import asyncio
import base64
import binascii
import ipaddress
import socket
from urllib.parse import urlsplit

import aiohttp

from core.errors import Overloaded, Refused
from core.net.body import read_up_to

MOST_BYTES = 80 * 1024 * 1024
DOWNLOAD_S = 60.0


async def decoded(b64: str) -> bytes:
    """Raises `Refused` for what is no Base64."""
    try:
        return await asyncio.to_thread(base64.b64decode, b64, validate=True)
    except binascii.Error as error:
        raise Refused("the image API returned a broken picture", "empty") from error


async def downloaded(session: aiohttp.ClientSession, url: str, api_url: str) -> bytes:
    """What is at *url*: on the host of *api_url*, or else at a public https address.

    Raises:
        Refused: it is elsewhere, or too large.
        Overloaded: it cannot be reached.
    """
    ours = url.startswith(api_url.rsplit("/v1", 1)[0] + "/")
    if not ours and not url.startswith("https://"):
        raise Refused("the image API returned an address that is not https", "empty")
    if not ours and not await _is_public(urlsplit(url).hostname or ""):
        raise Refused("the image API returned an address inside our network", "empty")
    try:
        async with session.get(
            url, timeout=aiohttp.ClientTimeout(total=DOWNLOAD_S), allow_redirects=False
        ) as response:
            if response.status != 200:
                raise Overloaded(f"the picture cannot be downloaded ({response.status})")
            return await read_whole(response)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Overloaded(f"the picture cannot be downloaded ({type(error).__name__})") from error


async def read_whole(response: aiohttp.ClientResponse) -> bytes:
    """Raises `Refused` when it is too much."""
    body = await read_up_to(response.content, MOST_BYTES)
    if len(body) > MOST_BYTES:
        raise Refused("the image API returned too much", "empty")
    return body


async def _is_public(host: str) -> bool:
    """Whether every address of *host* is in the open internet."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(address[0]).is_global for *_, address in found)
