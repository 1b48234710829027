"""A strict OAuth 2.1 authorization server, for one MCP server. What breaks a rule is in `broken`.

Sources: RFC 6749, 7591, 7636, 8414, 8707, 9207, 9700, 9728, 7009, and
modelcontextprotocol.io/specification/2025-06-18/basic/authorization.
"""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import ClientSession, CookieJar, web


class Authorization:
    """*resource*: the address of the MCP server. *base*: our own; both are set once they run."""

    def __init__(self, *, registers=True, rotates=True, lasts=3600, iss=True):
        self.registers, self.rotates, self.lasts, self.iss = registers, rotates, lasts, iss
        self.base = self.resource = ""
        self.issuer = ""
        """What it calls itself, if that is not *base*."""
        self.broken = []
        self.clients = {}
        self.codes = {}
        self.access = {}
        """By access token: user and scope."""
        self.refresh = {}
        """By refresh token: user, scope and client, or None once it was used."""
        self.revoked = []
        self.asked = []
        """The grant types that the token endpoint was asked for."""
        self.needs_scope = ""
        self.metadata = {}
        self.resource_metadata = {}

    def routes(self):
        return (
            web.get("/.well-known/oauth-protected-resource/mcp", self._resource),
            web.get("/.well-known/oauth-authorization-server", self._told),
            web.post("/register", self._register),
            web.get("/authorize", self._authorize),
            web.post("/token", self._token),
            web.post("/revoke", self._revoke),
        )

    def at(self, url):
        """Both run at *url*."""
        self.resource, self.base = url, url.removesuffix("/mcp")

    @property
    def name(self):
        return self.issuer or self.base

    def user_of(self, request):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user, scope = self.access.get(token, (None, ""))
        if scheme != "Bearer" or self.needs_scope not in ("", *scope.split()):
            return None
        return user

    def challenge(self):
        # RFC 9728, 5.1
        place = f"{self.resource.removesuffix('/mcp')}/.well-known/oauth-protected-resource/mcp"
        return f'Bearer realm="it, \\"quoted\\"", resource_metadata="{place}"'

    def rule(self, kept, told):
        if not kept:
            self.broken.append(told)
        return kept

    async def _resource(self, request):
        told = {"resource": self.resource, "authorization_servers": [self.name]}
        return web.json_response({**told, **self.resource_metadata})

    async def _told(self, request):
        told = {
            "issuer": self.name,
            "authorization_endpoint": f"{self.base}/authorize",
            "token_endpoint": f"{self.base}/token",
            "revocation_endpoint": f"{self.base}/revoke",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
            "authorization_response_iss_parameter_supported": self.iss,
            **({"registration_endpoint": f"{self.base}/register"} if self.registers else {}),
            **self.metadata,
        }
        return web.json_response(told)

    async def _register(self, request):
        self.rule(request.content_type == "application/json", "RFC 7591, 3.1: the type")
        body = await request.json()
        self.rule(body.get("redirect_uris"), "RFC 7591, 2: redirect_uris")
        self.rule("authorization_code" in body.get("grant_types", ()), "RFC 7591: grant_types")
        name = f"client-{len(self.clients)}"
        self.clients[name] = body
        return web.json_response({**body, "client_id": name}, status=201)

    async def _authorize(self, request):
        """Where a person is asked; `approve` does it for them."""
        return web.Response(text="a form")

    async def approve(self, url, user):
        """*user* agrees at *url*, an address of ours. Returns where their browser goes then."""
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.base}/authorize"
        asked = {name: some[0] for name, some in parse_qs(parts.query).items()}
        client = self.clients.get(asked["client_id"])
        assert client is not None
        assert asked["redirect_uri"] in client["redirect_uris"]
        self.rule(asked.get("response_type") == "code", "response_type")
        # OAuth 2.1, 7.5.2, and RFC 7636, 4.2
        self.rule(asked.get("code_challenge_method") == "S256", "S256")
        self.rule(len(asked.get("code_challenge", "")) == 43, "code_challenge")
        self.rule(len(asked.get("state", "")) >= 32, "state")
        # .../basic/authorization#resource-parameter-implementation
        self.rule(asked.get("resource") == self.resource, "resource")
        code = secrets.token_hex(16)
        self.codes[code] = user, asked
        back = {"code": code, "state": asked["state"]}
        if self.iss:
            back["iss"] = self.name
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    async def _token(self, request):
        self.rule(request.content_type == "application/x-www-form-urlencoded", "the form")
        form = dict(await request.post())
        self.asked.append(form.get("grant_type"))
        self.rule(form.get("resource") == self.resource, "resource")
        client = self._client(request, form)
        if client is None:
            return web.json_response({"error": "invalid_client"}, status=401)
        if form.get("grant_type") == "authorization_code":
            user, asked = self.codes.pop(form.get("code"), (None, None))
            if user is None or asked["client_id"] != client:
                return web.json_response({"error": "invalid_grant"}, status=400)
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            right = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if not self.rule(right == asked["code_challenge"], "code_verifier"):
                return web.json_response({"error": "invalid_grant"}, status=400)
            self.rule(form.get("redirect_uri") == asked["redirect_uri"], "redirect_uri")
            return self._given(user, asked.get("scope", ""), client)
        kept = self.refresh.get(form.get("refresh_token"))
        if kept is None or kept[2] != client:
            # RFC 9700, 4.14.2: a used refresh token ends them all.
            if form.get("refresh_token") in self.refresh:
                self.broken.append("a refresh token was used twice")
                self.access.clear()
            return web.json_response({"error": "invalid_grant"}, status=400)
        user, scope, client = kept
        if self.rotates:
            self.refresh[form["refresh_token"]] = None
        return self._given(user, scope, client)

    def _client(self, request, form):
        header = request.headers.get("Authorization", "")
        if header.startswith("Basic "):
            name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
            good = self.clients.get(name, {}).get("client_secret") == secret
            return name if good else None
        name = form.get("client_id")
        known = self.clients.get(name)
        return name if known is not None and "client_secret" not in known else None

    def _given(self, user, scope, client):
        access = secrets.token_urlsafe(24)
        self.access[access] = user, scope
        told = {"access_token": access, "token_type": "bearer", "expires_in": self.lasts}
        if self.rotates or not self.refresh:
            refresh = secrets.token_urlsafe(24)
            self.refresh[refresh] = user, scope, client
            told["refresh_token"] = refresh
        return web.json_response(told, headers={"Cache-Control": "no-store"})

    async def _revoke(self, request):
        form = dict(await request.post())
        self.revoked.append(form["token"])
        self.access.pop(form["token"], None)
        self.refresh.pop(form["token"], None)
        return web.Response()


class Browser:
    """A person's browser: it keeps cookies, and follows no redirect by itself."""

    def __init__(self):
        self._jar = CookieJar(unsafe=True)

    async def get(self, url, **headers):
        """(status, where it leads, text)"""
        async with (
            ClientSession(cookie_jar=self._jar) as session,
            session.get(url, allow_redirects=False, headers=headers) as response,
        ):
            return response.status, response.headers.get("Location", ""), await response.text()
