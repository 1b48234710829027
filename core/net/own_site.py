"""Who asks our HTTP server: a page of our own, or another site in somebody's browser."""

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web


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
        if not _netloc(origin) or _netloc(origin) not in (host, _netloc(public_url)):
            raise web.HTTPForbidden(text="another site asks")
    elif request.headers.get("Sec-Fetch-Site") == "cross-site" and request.path != home:
        raise web.HTTPForbidden(text="another site asks")


def answers_to(host: str, *, local: bool, public_url: str) -> bool:
    """Whether *host*, the Host header of a request, is a name of this server.

    Another site can make its own name point to us (DNS rebinding). Its scripts would then count as
    ours. But it cannot have an address, or a name without a dot, as its name.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or (public_url and name == urlsplit(public_url).hostname):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return not local and not public_url and "." not in name
    return address.is_loopback or not (local or public_url)


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
