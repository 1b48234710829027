"""A proxy that signs people in, and tells in a header who they are.

Whoever reaches the server on another way could write that header themselves. So it is believed only
from the addresses that the operator named, and only if it comes once.
"""

import hashlib
import ipaddress
from collections.abc import Sequence

from aiohttp import web

from core.net.own_site import address_of

PERSON = "u-"
"""The names of such visitors begin so. They are people, not the operator."""


def read(addresses: str) -> Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Addresses and networks, separated by commas. Raises `ValueError` if one is neither."""
    named = filter(None, map(str.strip, addresses.split(",")))
    return [ipaddress.ip_network(one, strict=False) for one in named]


class Proxies:
    """*header*: its name; empty if there is no such proxy. *addresses*: see `read`."""

    def __init__(self, header: str = "", addresses: str = "") -> None:
        self._header = header
        self._networks = read(addresses)

    def visitor(self, request: web.Request) -> str:
        """The visitor whom a proxy tells us of; empty if *request* comes from no proxy.

        Raises:
            HTTPForbidden: it comes from a proxy that says of nobody, or of two, who they are.
        """
        if not self._header:
            return ""
        address = address_of(request)
        if address is None or not any(address in one for one in self._networks):
            return ""
        told = [name.strip() for name in request.headers.getall(self._header, [])]
        if len(told) != 1 or not told[0]:
            raise web.HTTPForbidden(text="the proxy does not say who you are")
        return PERSON + hashlib.sha256(told[0].encode("utf-8", "replace")).hexdigest()[:20]
