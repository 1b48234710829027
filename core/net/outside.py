"""The guarded fetch: every address that comes from outside is fetched here.

The IP address is checked when the socket for it is made. So it does not matter whether a name
resolves differently the second time, whether the address has a name, or where a redirect leads.
No credentials, no cookies and no proxy of the environment are used.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
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
    """*url*: the last address, after redirects; *mime*: the server's word, which may be wrong."""

    url: str
    mime: str
    charset: str
    data: bytes


class Answer(NamedTuple):
    """*headers*: by their names in small letters."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class _Inside(OSError):
    """The connection would lead inside."""


class Outside:
    """An async context manager. At most *at_once* fetches run, the others wait.

    A proxy resolves names itself, so nothing can be checked here. If *way* leads through one, all
    fetches are refused, unless the operator says that the proxy refuses to lead inside.
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
            most_s: for the fetch with all its redirects, but not for the wait for other fetches.
            kinds: what the MIME type may begin with; empty for any type.
            named: an address that the operator set. Its host and port are always allowed.

        Raises:
            AddressRefused: it is no address, or leads inside, or to a port other than `PORTS`.
            FetchError: it cannot be reached, is too large, takes too long, or has another type.
        """
        url = read_url(address, _schemes(address, schemes, named))
        async with self._guarding(most_s):
            return await self._followed(url, most_bytes, kinds, schemes, named)

    async def ask(
        self,
        method: str,
        address: str,
        *,
        most_bytes: int,
        most_s: float,
        named: str = "",
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        """What the server at *address* answers, whatever its status. No redirect is followed.

        Only https, but for an address that the operator set. Raises as `get`.
        """
        url = read_url(address, _schemes(address, ("https",), named))
        async with (
            self._guarding(most_s),
            self._session_for(url, named).request(
                method, url, headers=headers, data=data, allow_redirects=False
            ) as response,
        ):
            body = await read_up_to(response.content, most_bytes)
            if len(body) > most_bytes:
                raise FetchError("it is too large")
            told = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, told, body)

    @asynccontextmanager
    async def _guarding(self, most_s: float) -> AsyncIterator[None]:
        """A place among those that fetch, for *most_s*; errors become ours."""
        async with self._slots:
            try:
                async with asyncio.timeout(most_s):
                    yield
            except TimeoutError as error:
                raise FetchError("it takes too long") from error
            except aiohttp.ClientConnectorError as error:
                if isinstance(error.os_error, _Inside) or _INSIDE in str(error.os_error):
                    raise AddressRefused(_INSIDE) from error
                raise FetchError("its server cannot be reached") from error
            except (aiohttp.ClientError, ValueError, OSError) as error:
                # `ValueError` is raised for impossible names and unreadable headers.
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
        """The session that may fetch *url*. It is chosen again after each redirect."""
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
    """A socket for the address in *found* (from `getaddrinfo`), if it is public."""
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
    """Whether *address* has the scheme, host and port of *named*."""
    if not named:
        return False
    try:
        return origin_of(URL(address)) == origin_of(URL(named))
    except (ValueError, TypeError):
        return False


def _schemes(address: str, schemes: tuple[str, ...], named: str) -> tuple[str, ...]:
    """The schemes that *address* may have: those of *schemes*, and that of *named* if it is it."""
    return (*schemes, URL(named).scheme) if _same(address, named) else schemes
