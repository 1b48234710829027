"""Signing in to a tool server, in a browser: from the link to the authorization server, and back.

A link can be passed on: Mallory may send hers to Ann, so that Ann signs in for Mallory. So whoever
comes back is only shown a code. The account is kept when the person of the link says that code in a
chat (`core.turn.commands.accounts`). Ann then has the code, and Mallory the link. A cookie makes
sure that who comes back is who set out (RFC 6749, 10.12).
"""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from core.credentials import secret_in
from core.errors import PalaverError
from core.languages.catalogue import say
from core.mcp.authorization import Provider, SignInFailed
from core.mcp.entry import ServerEntry
from core.mcp.oauth import Client, Denied, OAuth
from core.net.round_trip import RoundTrip, new_traveller, plain_page
from core.store.sign_ins import LINK_S, SignIns, Walk
from core.telemetry import logger
from core.toolbox import BACK, DOCUMENT
from core.tools.servers import Servers
from core.turn.signing_in import LINK

log = logger(__name__)

COOKIE = "palaver-sign-in"
MOST_CHARS = 8_000

Asking = Callable[[str], ServerEntry | None]


class _SigningIn:
    """*asking*: the entry of a server by its name, if it asks people to sign in."""

    def __init__(self, oauth: OAuth, sign_ins: SignIns, asking: Asking) -> None:
        self._oauth = oauth
        self._trip = RoundTrip(COOKIE, BACK, LINK_S, oauth.redirect.startswith("https:"))
        self._sign_ins = sign_ins
        self._asking = asking

    async def set_out(self, request: web.Request) -> web.StreamResponse:
        link = request.match_info["link"]
        sign_in = await self._sign_ins.of_link(link)
        entry = self._asking(sign_in.server) if sign_in is not None else None
        if sign_in is None or entry is None:
            return plain_page(say, request, "sign_in_gone", status=410)
        provider = await self._oauth.provider(entry, sign_in.scope)
        client = await self._client(entry, provider)
        journey = self._oauth.journey(entry, provider, client)
        traveller = new_traveller()
        walk = Walk(link, journey.verifier, provider, client, traveller.digest)
        if not await self._sign_ins.set_out(journey.state, walk):
            return plain_page(say, request, "sign_in_gone", status=410)
        return self._trip.sent(journey.url, traveller)

    async def come_back(self, request: web.Request) -> web.StreamResponse:
        told = {name: request.query.get(name, "")[:MOST_CHARS] for name in ("state", "code", "iss")}
        found = await self._sign_ins.come_back(told["state"]) if told["state"] else None
        if found is None:
            return plain_page(say, request, "sign_in_gone", status=410)
        walk, sign_in = found
        entry = self._asking(sign_in.server)
        if entry is None or not self._trip.is_of(request, walk.browser):
            return plain_page(say, request, "sign_in_gone", status=410)
        # RFC 9207: a code of another authorization server is not taken to this one.
        expected = told["iss"] or ("" if walk.provider.says_iss else walk.provider.issuer)
        if expected != walk.provider.issuer or not told["code"]:
            return plain_page(say, request, "sign_in_failed", status=400, reason="")
        person = sign_in.person
        try:
            account = await self._oauth.redeem(
                entry, walk.provider, walk.client, person, told["code"], walk.verifier
            )
        except Denied:
            # Perhaps it has forgotten us. Next time we register anew.
            await self._sign_ins.forget_client(self._known_as(walk.provider))
            raise
        code = await self._sign_ins.arrive(sign_in, account)
        return plain_page(say, request, "sign_in_code", server=sign_in.server, code=code)

    async def document(self, _: web.Request) -> web.StreamResponse:
        """Who we are (OAuth Client ID Metadata Document)."""
        told = {"client_id": self._oauth.document, **self._oauth.metadata()}
        return web.json_response(told)

    async def _client(self, entry: ServerEntry, provider: Provider) -> Client:
        """What we are to *provider*. Raises `SignInFailed`, `ConfigError`."""
        if entry.client_id:
            secret = secret_in(entry.client_secret, f"the tool server {entry.name}")
            basic = not provider.methods or "client_secret_basic" in provider.methods
            method = "client_secret_basic" if basic else "client_secret_post"
            return Client(entry.client_id, secret, method if secret else "none")
        if provider.documents and self._oauth.document:
            return Client(self._oauth.document)
        name = self._known_as(provider)
        client = await self._sign_ins.client(name)
        if client is None or client.ended:
            client = await self._oauth.register(entry, provider)
            await self._sign_ins.keep_client(name, client)
        return client

    def _known_as(self, provider: Provider) -> str:
        return f"{provider.issuer} {self._oauth.redirect}"


def sign_in_routes(sign_ins: SignIns | None, servers: Servers) -> Sequence[web.AbstractRouteDef]:
    """The routes that people's browsers take; none if nobody signs in."""
    if sign_ins is None or servers.accounts is None:
        return ()
    signing_in = _SigningIn(servers.accounts.oauth, sign_ins, servers.asking)
    return (
        web.get(LINK + "{link}", _told(signing_in.set_out), allow_head=False),
        web.get(BACK, _told(signing_in.come_back), allow_head=False),
        web.get(DOCUMENT, signing_in.document),
    )


def _told(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """*handle*. What goes wrong in it is told to the person in a plain sentence."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return await handle(request)
        except PalaverError as error:
            log.warning("nobody can sign in", reason=str(error))
            reason = str(error) if isinstance(error, SignInFailed) else ""
            return plain_page(say, request, "sign_in_failed", status=502, reason=reason)

    return handler
