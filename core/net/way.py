"""Which proxy a request takes, and which certificates are trusted.

Models, pictures, Telegram and Slack all use it, so the operator sets up the network once.
`trust_env` stays off, because it would also send the passwords of `.netrc`.
"""

import base64
import ipaddress
import ssl
from functools import cache
from typing import Any

import aiohttp
import msgspec
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from yarl import URL

from core.errors import ConfigError
from core.net.interim import bounded

SOCKS = ("socks5", "socks5h", "socks4")


class Way(msgspec.Struct, frozen=True):
    """Args:
    proxy: an `http://`, `https://` or `socks5://` address, or empty.
    past: hosts that are reached directly, past the proxy, as in `NO_PROXY`.
    judges: whether the proxy refuses to lead into our network.
    ca: a file of certificates that are trusted besides the usual ones.
    """

    proxy: str = ""
    past: str = ""
    judges: bool = False
    ca: str = ""

    def __repr__(self) -> str:
        return f"Way(proxy={'***' if self.proxy else ''!r}, past={self.past!r})"

    def proxy_for(self, url: str) -> str | None:
        """The proxy that a request to *url* takes; None for this machine itself."""
        if not self.proxy:
            return None
        parsed = URL(url)
        host, port = (parsed.host or "").lower().rstrip("."), parsed.port
        if host == "localhost" or _in_network(host, "127.0.0.0/8") or host == "::1":
            return None
        return (
            None if any(_matches(host, port, one) for one in self.past.split(",")) else self.proxy
        )

    @property
    def socks(self) -> bool:
        return self.proxy.partition("://")[0] in SOCKS

    def tls(self) -> ssl.SSLContext | bool:
        """The TLS context; True: that of aiohttp. Raises `ConfigError` if *ca* cannot be read."""
        return _trusting(self.ca) if self.ca else True

    def session(
        self, *, socket_factory: Any = None, limit: int = 100, **more: Any
    ) -> aiohttp.ClientSession:
        """A session that uses this proxy and these certificates.

        It keeps no cookies: a provider's cookies could link one person's calls to another's.
        """
        if self.socks:
            from core.net.socks import SocksConnector  # noqa: PLC0415 - for few

            connector: aiohttp.BaseConnector = SocksConnector(
                self.proxy,
                lambda url: self.proxy_for(str(url)) is None,
                limit=limit,
                keepalive_timeout=60,
                ssl=self.tls(),
                socket_factory=socket_factory,
            )
            jar = aiohttp.DummyCookieJar()
            return aiohttp.ClientSession(
                connector=bounded(connector), cookie_jar=jar, trust_env=False, **more
            )

        async def choose(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
            proxy, user = _with_user(self.proxy_for(str(request.url)))
            request.update_proxy(proxy, None, user)
            return await handler(request)

        return aiohttp.ClientSession(
            connector=bounded(
                aiohttp.TCPConnector(
                    limit=limit, keepalive_timeout=60, ssl=self.tls(), socket_factory=socket_factory
                )
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(choose,),
            trust_env=False,
            **more,
        )


DIRECT = Way()


@cache
def _trusting(ca: str) -> ssl.SSLContext:
    """One for all sessions: to read the usual certificates takes 20 ms and a megabyte."""
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("CA_BUNDLE", f"{ca} holds no certificates") from error
    return context


def _with_user(proxy: str | None) -> tuple[URL | None, dict[str, str] | None]:
    """*proxy* without its user, and the header that tells the proxy the user."""
    if proxy is None:
        return None, None
    url = URL(proxy)
    if url.user is None:
        return url, None
    user = base64.b64encode(f"{url.user}:{url.password or ''}".encode()).decode()
    return url.with_user(None), {"Authorization": f"Basic {user}"}


def _matches(host: str, port: int | None, entry: str) -> bool:
    """Whether *entry* of `NO_PROXY` covers *host*.

    An entry is a name (which covers all names below it), an address or a network, with or without
    a port; or `*`.
    """
    entry = entry.strip().lower()
    if not entry or entry == "*":
        return entry == "*"
    if "/" in entry:
        return _in_network(host, entry)
    name, colon, digits = entry.rpartition(":")
    if colon and digits.isdigit() and name.count(":") != 1 and (":" not in name or "[" in name):
        if port != int(digits):
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").lstrip(".")
    return host == entry or host.endswith(f".{entry}")


def _in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
