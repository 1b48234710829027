"""Who asks our HTTP server: a page of our own, or another site in somebody's browser."""

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from yarl import URL

from core.net.urls import origin_of


def check_origin(request: web.Request, *, local: bool, public_url: str, home: str = "/") -> None:
    """Refuse other sites, and hosts that are not ours.

    *home*: the page that a link on another site may lead to.

    Raises:
        HTTPForbidden: *request* does not come from our own page.
    """
    host = request.headers["Host"]
    if not answers_to(host, local=local, public_url=public_url):
        raise web.HTTPForbidden(text="this server has another name: see PUBLIC_URL")
    origin = request.headers.get("Origin")
    if origin is not None:
        # Before us may stand a proxy that ends TLS. So the scheme is the one that the browser saw.
        scheme = origin.partition(":")[0]
        ours = _site(f"{scheme}://{host}"), _site(public_url)
        if _site(origin) is None or _site(origin) not in ours:
            raise web.HTTPForbidden(text="another site asks")
    elif request.headers.get("Sec-Fetch-Site") == "cross-site" and request.path != home:
        raise web.HTTPForbidden(text="another site asks")


def address_of(request: web.Request) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Who asks, as far as the connection tells; of an IPv4 address written as IPv6, the former."""
    try:
        found = ipaddress.ip_address(request.remote or "")
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def counted_as(request: web.Request) -> str:
    """The name under which we count what one asker does.

    One machine usually has half of an IPv6 address for itself alone (RFC 6177). With the other half
    it could be another asker in each request.
    """
    found = address_of(request)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found or "")


def answers_to(host: str, *, local: bool, public_url: str) -> bool:
    """Whether *host*, the Host header of a request, is a name of this server.

    Another site can make its own name point to us (DNS rebinding). Its scripts would then count as
    ours. But it cannot have an address, or a name without a dot, as its name.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    site = _site(public_url)
    if name == "localhost" or (site is not None and name == site[0]):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return not local and not public_url and "." not in name
    return address.is_loopback or not (local or public_url)


def _site(url: str) -> tuple[str, int] | None:
    """The host and port of *url*, however they are written; None if it is none."""
    try:
        found = origin_of(URL(url))
    except (ValueError, TypeError, IndexError):
        return None
    return found.host, found.port
