"""Who may make requests: our own page, in a browser that was let in.

No other site can post to the server: it takes only JSON of its own origin. No other site can read
from it: the cookie is not sent along with their requests, and the host is checked. See `sessions`.
"""

import hashlib

import msgspec
from aiohttp import web

from bots.web.posts import NAME, Visitor
from bots.web.proxies import Proxies
from bots.web.sessions import Sessions
from core.cookies import cookie_of
from core.lent import Visits
from core.messages import Sender
from core.net.own_requests import read_json, store_as_http
from core.net.own_site import check_origin, counted_as

COOKIE = "palaver"
SECURE_COOKIE = "__Host-palaver"
"""With this name, only this host can set the cookie, and only over https (RFC 6265bis, 4.1.3)."""
COOKIE_S = 365 * 24 * 3600
PERSON_COOKIE = "palaver_person"
"""Who came by a link of the bot. The other cookie stays: who signs out has its conversations."""
PERSON = "p-"
"""The names of such visitors begin so."""


class Admission:
    """Lets browsers in, and knows them again."""

    def __init__(
        self,
        sessions: Sessions,
        proxies: Proxies,
        visits: Visits,
        *,
        local: bool,
        public_url: str,
    ) -> None:
        self._sessions = sessions
        self._proxies = proxies
        self._visits = visits
        self._local = local
        self._public_url = public_url
        self._secure = public_url.startswith("https:")
        self._cookie = SECURE_COOKIE if self._secure else COOKIE
        self._person_cookie = f"__Host-{PERSON_COOKIE}" if self._secure else PERSON_COOKIE

    async def session(self, request: web.Request) -> web.Response:
        """Give the browser a session, or renew the one it has."""
        self.check(request)
        if told := self._proxies.visitor(request):
            return web.json_response({"welcome": True, "who": told})
        asked = await read_json(request, _decode_asked)
        if asked.link:
            return await self._sign_in(asked.link)
        with store_as_http():
            if person := await self._visits.person(cookie_of(request, self._person_cookie)):
                # `platform:id`: the page shows the first.
                shown = {"name": person.name, "platform": person.id.partition(":")[0]}
                return web.json_response({"welcome": True, "who": self._name_of(person), **shown})
            known = cookie_of(request, self._cookie) or cookie_of(request, COOKIE)
            cookie = await self._sessions.renew(known, asked.key, counted_as(request))
        if not cookie:
            return web.json_response({"guarded": self._sessions.guarded}, status=403)
        response = web.json_response({"welcome": True})
        self._set(response, self._cookie, cookie)
        return response

    async def _sign_in(self, link: str) -> web.Response:
        """Let the browser be the person who was given *link*."""
        with store_as_http():
            cookie = await self._visits.begin(link)
        if not cookie:
            return web.json_response({"gone": True}, status=410)
        response = web.json_response({"welcome": True})
        self._set(response, self._person_cookie, cookie)
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        self.check(request)
        with store_as_http():
            await self._visits.leave(cookie_of(request, self._person_cookie))
        response = web.json_response({"signed_out": True})
        response.del_cookie(self._person_cookie, secure=self._secure, httponly=True, samesite="Lax")
        return response

    def _set(self, response: web.Response, name: str, value: str) -> None:
        # A cookie goes along with links on other sites, never with their forms or scripts.
        response.set_cookie(
            name, value, max_age=COOKIE_S, httponly=True, samesite="Lax", secure=self._secure
        )

    def check(self, request: web.Request) -> None:
        """Refuse other sites, and hosts that are not ours."""
        check_origin(request, local=self._local, public_url=self._public_url)

    async def visitor(self, request: web.Request) -> Visitor | None:
        """The visitor of *request*; None if we do not let them in."""
        self.check(request)
        if told := self._proxies.visitor(request):
            return _unknown(told)
        with store_as_http():
            if person := await self._visits.person(cookie_of(request, self._person_cookie)):
                return Visitor(self._name_of(person), person)
            name = await self._sessions.visitor(cookie_of(request, self._cookie))
        return _unknown(name) if name else None

    def _name_of(self, person: Sender) -> str:
        digest = hashlib.sha256(person.id.encode()).hexdigest()[:20]
        return f"{PERSON}{digest}{self._visits.ending_of(person.id)}"


def _unknown(name: str) -> Visitor:
    return Visitor(name, Sender(f"{NAME}:{name}", "You"))


class _Asked(msgspec.Struct, frozen=True):
    """What the page sends for a session. *key*: of the start's link. *link*: a person's own."""

    key: str = ""
    link: str = ""


_decode_asked = msgspec.json.Decoder(_Asked).decode
