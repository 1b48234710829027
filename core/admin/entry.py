"""Who may use the operator's page: an owner with a link of the bot, and who has ADMIN_TOKEN.

The owner of one more bot or workspace does not run the others, so the page is not for them.

The role is looked up at each request, so who is an owner no more is out at once.

A right token is accepted whatever others try. If no more were looked at after some wrong ones,
anybody behind the same proxy could lock the operator out. What keeps guesses out is the token's
length (`core.fields.LongKey`). A wrong one is answered late, and counted in the metrics.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import msgspec
from aiohttp import web

from core.admin.words import reader
from core.border import set_aside
from core.cookies import cookie_of
from core.languages.catalogue import SOURCE, Language
from core.messages import Sender, conversation_id
from core.net.own_requests import read_json, store_as_http
from core.net.own_site import check_origin
from core.people.roles import tenant_of
from core.platform import Platform
from core.settings import Settings
from core.store.visits import SESSION_S, SharedVisits, Visit
from core.turn.services import Services

COOKIE = "palaver_admin"
WRONG_S = 1.0
"""Who brings a wrong token waits so long for the answer."""
MOST_WRONG = 100
"""So many wait at once. Others are answered at once: waiting must not use up all connections."""
TOKEN = "token"  # noqa: S105 - the tenant of who has it
_MOST_CHARS = 500


class Operator(NamedTuple):
    """Who is signed in. *id*: as the audit log names them. *language*: of their page."""

    id: str
    name: str
    language: Language = SOURCE


Handler = Callable[[web.Request, Operator], Awaitable[web.StreamResponse]]


class _Asked(msgspec.Struct, frozen=True):
    link: str = ""
    token: str = ""


_decode = msgspec.json.Decoder(_Asked).decode


class Entry:
    """Lets operators in, and knows them again."""

    def __init__(
        self,
        services: Services,
        visits: SharedVisits,
        platforms: Mapping[str, Platform],
    ) -> None:
        self._settings: Settings = services.settings
        self._rights = services.rights
        self._visits = visits
        self._platforms = platforms
        secure = self._settings.public_url.startswith("https:")
        self._secure, self._cookie = secure, f"__Host-{COOKIE}" if secure else COOKIE
        self._token = self._settings.admin_token.get_secret_value()
        self._wrong = 0
        """How many wait who brought a wrong token."""

    def check(self, request: web.Request) -> None:
        """Refuse other sites."""
        local, public_url = self._settings.loopback, self._settings.public_url
        check_origin(request, local=local, public_url=public_url, home="/admin")

    def guarded(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """*handler*, for operators only."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            self.check(request)
            if request.method != "GET" and request.content_type != "application/json":
                raise web.HTTPUnsupportedMediaType
            with store_as_http():
                operator = await self._operator(request)
                if operator is None:
                    return web.json_response({"signed_in": False}, status=403)
                operator = operator._replace(language=reader(request))
                response = await handler(request, operator)
            response.headers["Cache-Control"] = "no-store"
            return response

        return guarded

    async def sign_in(self, request: web.Request) -> web.Response:
        """Begin a session for who has a link or the token."""
        self.check(request)
        asked = await read_json(request, _decode)
        with store_as_http():
            visit = await self._visit(asked)
            if visit is None or await self._known(visit.sender) is None:
                return web.json_response({"signed_in": False}, status=403)
            cookie = await self._visits.begin(visit)
        response = web.json_response({"signed_in": True})
        response.set_cookie(
            self._cookie,
            cookie,
            max_age=SESSION_S["admin"],
            httponly=True,
            samesite="Strict",
            secure=self._secure,
        )
        return response

    async def sign_out(self, request: web.Request, _: Operator) -> web.Response:
        await self._visits.leave(cookie_of(request, self._cookie))
        response = web.json_response({"signed_in": False})
        response.del_cookie(self._cookie, secure=self._secure, httponly=True, samesite="Strict")
        return response

    async def _visit(self, asked: _Asked) -> Visit | None:
        if asked.link:
            return await self._visits.accept(asked.link[:_MOST_CHARS], "admin")
        if not (asked.token and self._token):
            return None
        given = asked.token.encode(errors="replace")
        if hmac.compare_digest(given, self._token.encode()):
            return Visit(Sender(self._named, "ADMIN_TOKEN"), "admin")
        set_aside("admin.session", "a wrong ADMIN_TOKEN")
        if self._wrong < MOST_WRONG:
            self._wrong += 1
            try:
                await asyncio.sleep(WRONG_S)
            finally:
                self._wrong -= 1
        return None

    async def _operator(self, request: web.Request) -> Operator | None:
        cookie = cookie_of(request, self._cookie)
        sender = await self._visits.of(cookie, "admin") if cookie else None
        return await self._known(sender) if sender is not None else None

    async def _known(self, sender: Sender) -> Operator | None:
        """*sender*, if they are an owner still."""
        tenant = tenant_of(sender.id)
        if tenant == TOKEN:
            ours = bool(self._token) and sender.id == self._named
            return Operator(TOKEN, sender.name) if ours else None
        if (platform := self._platforms.get(tenant)) is None:
            return None
        nowhere = conversation_id(tenant, "")
        role = await self._rights.role_at(platform, sender.id, nowhere)
        ours = self._rights.operates(sender.id, role)
        return Operator(sender.id, sender.name) if ours else None

    @property
    def _named(self) -> str:
        """Stands for the token in sessions: who changes it ends them."""
        return f"{TOKEN}:{hashlib.sha256(self._token.encode()).hexdigest()[:16]}"
