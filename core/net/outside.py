"""The one guarded fetch: whatever an address from outside leads to is read through here.

Judged is the address of the connection itself, when its socket is made: a name that is resolved
twice in two ways, an address without a name, and every redirect are all the same to it.
No credential, no cookie and no proxy of the environment takes part.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp
from yarl import URL

from core import __version__
from core.errors import AddressRefused, FetchError
from core.net.addresses import is_public
from core.net.bounded_body import read_up_to
from core.net.urls import SCHEMES, joined, origin_of, read_url
from core.net.way import Way

PORTS = (80, 443)
HOPS = 3
CONNECT_S = 10.0
_REDIRECTS = (301, 302, 303, 307, 308)


class Fetched(NamedTuple):
    """*url*: where it was found at last; *mime*: what its server calls it, which may be wrong."""

    url: str
    mime: str
    charset: str
    data: bytes


class _Inside(OSError):
    """The connection would lead inside."""


class Outside:
    """An async context manager; at most *at_once* fetches run, the others wait.

    Where *way* leads through a proxy, that resolves names itself, and nothing can be judged here:
    all is refused then, unless the operator says that the proxy judges.
    """

    def __init__(self, way: Way, *, at_once: int = 8) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._way = way

    async def __aenter__(self) -> Self:
        self._guarded = _session(self._way, _guarded_socket)
        self._direct = _session(self._way)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._guarded.close()
        await self._direct.close()

    async def get(
        self,
        address: str,
        *,
        most_bytes: int,
        most_s: float,
        kinds: Sequence[str] = (),
        schemes: tuple[str, ...] = SCHEMES,
        named: str = "",
    ) -> Fetched:
        """What is at *address*.

        Args:
            most_bytes: of the decoded body.
            most_s: for all of it, redirects and waiting for others aside.
            kinds: what its type may begin with; empty for any.
            named: an address of the operator's, whose host and port are allowed wherever it is.

        Raises:
            AddressRefused: it is no address, or leads inside, or to another port.
            FetchError: it cannot be reached, is too large, takes too long, or is of another kind.
        """
        url = read_url(address, (*schemes, _scheme(named)) if _same(address, named) else schemes)
        async with self._slots:
            try:
                async with asyncio.timeout(most_s):
                    return await self._followed(url, most_bytes, kinds, schemes, named)
            except TimeoutError as error:
                raise FetchError("it takes too long") from error
            except aiohttp.ClientConnectorError as error:
                if isinstance(error.os_error, _Inside) or _INSIDE in str(error.os_error):
                    raise AddressRefused(_INSIDE) from error
                raise FetchError("its server cannot be reached") from error
            except (aiohttp.ClientError, ValueError, OSError) as error:
                # `ValueError`: a name that cannot be looked up, a header that cannot be read.
                raise FetchError(f"it cannot be read ({type(error).__name__})") from error

    async def _followed(
        self,
        url: URL,
        most_bytes: int,
        kinds: Sequence[str],
        schemes: tuple[str, ...],
        named: str,
    ) -> Fetched:
        for _ in range(HOPS + 1):
            async with self._session_for(url, named).get(url, allow_redirects=False) as response:
                if response.status in _REDIRECTS:
                    address = joined(url, response.headers.get("Location", ""))
                    url = read_url(address, schemes)
                    continue
                if response.status != 200:
                    raise FetchError(f"its server answers {response.status}")
                mime = response.content_type
                if kinds and not mime.startswith(tuple(kinds)):
                    raise FetchError("it is of a kind that is not read")
                data = await read_up_to(response.content, most_bytes)
                if len(data) > most_bytes:
                    raise FetchError("it is too large")
                return Fetched(str(url), mime, response.charset or "", data)
        raise FetchError("it was moved too often")

    def _session_for(self, url: URL, named: str) -> aiohttp.ClientSession:
        """The session that may ask for *url*; decided anew at each hop."""
        if _same(str(url), named):
            return self._direct
        if origin_of(url).port not in PORTS:
            raise AddressRefused("the address has an unusual port")
        if self._way.proxy_for(str(url)) is None:
            return self._guarded
        if not self._way.judges:
            raise AddressRefused("a proxy is set, and where it would lead cannot be judged")
        host = origin_of(url).host
        if _is_ip(host) and not is_public(host):
            raise AddressRefused(_INSIDE)
        return self._direct


_INSIDE = "the address leads inside our network"


def _guarded_socket(found: tuple[Any, ...]) -> socket.socket:
    """A socket for the address that *found* (as of `getaddrinfo`) says, if it is public."""
    family, kind, protocol, _, address = found
    if not is_public(str(address[0])):
        raise _Inside(_INSIDE)
    return socket.socket(family, kind, protocol)


def _session(way: Way, socket_factory: Any = None) -> aiohttp.ClientSession:
    return way.session(
        socket_factory=socket_factory,
        headers={"User-Agent": f"palaver/{__version__}", "Accept-Encoding": "gzip, deflate"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
    )


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _same(address: str, named: str) -> bool:
    """Whether *address* is at the host and port of *named*, by the same scheme."""
    if not named:
        return False
    try:
        return origin_of(URL(address)) == origin_of(URL(named))
    except (ValueError, TypeError):
        return False


def _scheme(named: str) -> str:
    return URL(named).scheme
