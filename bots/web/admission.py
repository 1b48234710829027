"""Who may make requests: our own page, in a browser that was let in.

No other site can post to the server: it takes only JSON of its own origin. No other site can read
from it: the cookie is not sent along with their requests, and the host is checked. See `sessions`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from bots.web.proxies import Proxies
from bots.web.responses import read_json
from bots.web.sessions import Sessions, answers_to
from core.errors import StoreError

COOKIE = "palaver"
SECURE_COOKIE = "__Host-palaver"
"""With this name, only this host can set the cookie, and only over https (RFC 6265bis, 4.1.3)."""
COOKIE_S = 365 * 24 * 3600


class Admission:
    """Lets browsers in, and knows them again."""

    def __init__(
        self, sessions: Sessions, proxies: Proxies, *, local: bool, public_url: str
    ) -> None:
        self._sessions = sessions
        self._proxies = proxies
        self._local = local
        self._public_url = public_url
        self._cookie = SECURE_COOKIE if public_url.startswith("https:") else COOKIE

    async def session(self, request: web.Request) -> web.Response:
        """Give the browser a session, or renew the one it has."""
        self.check(request)
        if self._proxies.visitor(request):
            return web.json_response({"welcome": True})
        asked = await read_json(request, _decode_asked)
        known = request.cookies.get(self._cookie) or request.cookies.get(COOKIE, "")
        with store_as_http():
            cookie = await self._sessions.renew(known, asked.key, request.remote or "")
        if not cookie:
            return web.json_response({"guarded": self._sessions.guarded}, status=403)
        response = web.json_response({"welcome": True})
        response.set_cookie(
            self._cookie,
            cookie,
            max_age=COOKIE_S,
            httponly=True,
            # The cookie goes along with links on other sites, never with their forms or scripts.
            samesite="Lax",
            secure=self._cookie == SECURE_COOKIE,
        )
        return response

    def check(self, request: web.Request) -> None:
        """Refuse other sites, and hosts that are not ours."""
        host = request.headers["Host"]
        if not answers_to(host, local=self._local, public_url=self._public_url):
            raise web.HTTPForbidden(text="this server has another name: see PUBLIC_URL")
        origin = request.headers.get("Origin")
        if origin is not None:
            if not _netloc(origin) or _netloc(origin) not in (host, _netloc(self._public_url)):
                raise web.HTTPForbidden(text="another site asks")
        elif request.headers.get("Sec-Fetch-Site") == "cross-site" and request.path != "/":
            raise web.HTTPForbidden(text="another site asks")

    async def visitor(self, request: web.Request) -> str:
        """The visitor of *request*; empty if we do not let them in."""
        self.check(request)
        if told := self._proxies.visitor(request):
            return told
        with store_as_http():
            return await self._sessions.visitor(request.cookies.get(self._cookie, ""))


class _Asked(msgspec.Struct, frozen=True):
    """What the page sends for a session. *key* comes from the link."""

    key: str = ""


_decode_asked = msgspec.json.Decoder(_Asked).decode


@contextmanager
def store_as_http() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise web.HTTPServiceUnavailable(text="the store is away") from error


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
