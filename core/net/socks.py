"""Connections through a SOCKS proxy, except to the hosts that are reached directly.

The proxy resolves the names of hosts.
"""

import socket
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp_socks import ProxyConnector
from aiohttp_socks.connector import NoResolver
from python_socks import parse_proxy_url
from yarl import URL


class _Names(AbstractResolver):
    """Resolves only the names of hosts that are reached directly, *past* the proxy."""

    def __init__(self, past: Callable[[URL], bool]) -> None:
        self._past = past
        self._direct = aiohttp.ThreadedResolver()
        self._left = NoResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        past = self._past(URL.build(scheme="https", host=host, port=port or 443))
        return await (self._direct if past else self._left).resolve(host, port, family)

    async def close(self) -> None:
        await self._direct.close()


class SocksConnector(ProxyConnector):
    """A connector through *proxy*. *past* says whether an address is reached directly."""

    def __init__(self, proxy: str, past: Callable[[URL], bool], **more: Any) -> None:
        # The h in `socks5h` means that the proxy resolves names. Here it always does.
        kind, host, port, user, password = parse_proxy_url(proxy.replace("socks5h:", "socks5:", 1))
        super().__init__(host, port, kind, user, password, rdns=True, **more)
        self._resolver = _Names(past)
        self._past = past

    async def _wrap_create_connection(self, *args: Any, **named: Any) -> Any:
        if self._past(named["req"].url):
            direct = aiohttp.TCPConnector._wrap_create_connection  # noqa: SLF001 - as it is made
            return await direct(self, *args, **named)
        return await super()._wrap_create_connection(*args, **named)
