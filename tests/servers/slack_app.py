"""One Slack app that many workspaces install: OAuth, token rotation, events of all of them.

Rules: docs.slack.dev/authentication/installing-with-oauth, /authentication/using-token-rotation,
/reference/methods/oauth.v2.access, /reference/events/app_uninstalled and tokens_revoked.
"""

import json
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web

from tests.servers.loopback import listening
from tests.servers.slack import APP_TOKEN, SCOPES, SlackServer

CLIENT_ID, CLIENT_SECRET = "123.456", "loopback-client-secret"
LIFE_S = 43200


class SlackApp:
    """*workspaces*: one server for each, by team. *rotates*: whether tokens end."""

    def __init__(self, teams=("T01", "T02"), *, rotates=False):
        self.rotates = rotates
        self.life_s = LIFE_S
        self.workspaces = {}
        self.codes, self.refreshes = {}, {}
        self.exchanges, self.refused = [], []
        """What oauth.v2.access gave, by grant; and the codes of its refusals."""
        self.sockets_allowed = True
        self._number = 0
        for team in teams:
            self.add(team)

    def add(self, team):
        one = SlackServer(team=team, bot_user=f"UBOT{team}", token="")
        one.installed = False
        one._number = 10_000 * (1 + len(self.workspaces))  # Ids of envelopes are an app's own.
        self.workspaces[team] = one
        return one

    def approve(self, url, team, user="U01"):
        """Somebody of *team* says yes at *url*. Returns where Slack sends their browser."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert set(asked["scope"].split(",")) == set(SCOPES), "as the manifest"
        code = self._next("code")
        self.codes[code] = (team, user, asked["redirect_uri"])
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def uninstall(self, team):
        """/reference/events/app_uninstalled: the tokens are revoked, and both events come."""
        one = self.workspaces[team]
        one.bot_token, one.installed = self._next("revoked"), False
        one.event({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [one.bot_user]}})
        one.event({"type": "app_uninstalled"})

    def _next(self, prefix):
        self._number += 1
        return f"{prefix}-{self._number:05d}"

    @asynccontextmanager
    async def running(self):
        app = web.Application(client_max_size=60 * 1024 * 1024)
        app.router.add_post("/api/oauth.v2.access", self._access)
        app.router.add_post("/api/apps.connections.open", self._open)
        app.router.add_route("*", "/api/{method}", self._serve)
        app.router.add_get("/link", self._socket)
        async with listening(app) as self.url:
            for one in self.workspaces.values():
                one.url = self.url
            try:
                yield self
            finally:
                for one in self.workspaces.values():
                    for task in one._deliveries:
                        task.cancel()
                for socket in [*next(iter(self.workspaces.values()))._sockets]:
                    await socket.close()

    @property
    def api_url(self):
        return f"{self.url}/api/"

    @property
    def connections(self):
        return len(next(iter(self.workspaces.values()))._sockets)

    def _of_token(self, request):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        found = [one for one in self.workspaces.values() if one.bot_token == token and token]
        return found[0] if found else None

    async def _serve(self, request):
        one = self._of_token(request)
        if one is None:
            return web.json_response({"ok": False, "error": "token_revoked"})
        return await one._serve(request)

    async def _open(self, request):
        allowed = self.sockets_allowed
        if not allowed or request.headers.get("Authorization") != f"Bearer {APP_TOKEN}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        return web.json_response({"ok": True, "url": f"{self.url}/link".replace("http", "ws", 1)})

    async def _socket(self, request):
        # Events of all installations come through the sockets of the app
        # (docs.slack.dev/apis/events-api/using-socket-mode).
        socket = web.WebSocketResponse(heartbeat=None)
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1})
        all_of_them = [*self.workspaces.values()]
        for one in all_of_them:
            one._sockets.append(socket)
        try:
            async for message in socket:
                envelope = json.loads(message.data).get("envelope_id")
                for one in all_of_them:
                    acked = one._acks.get(envelope)
                    if acked is not None and not acked.done():
                        acked.set_result(None)
        finally:
            for one in all_of_them:
                one._sockets.remove(socket)
        return socket

    async def _access(self, request):
        told = dict(await request.post())
        # The client's id and secret may come in the body (/reference/methods/oauth.v2.access).
        if (told.get("client_id"), told.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return self._refuse("bad_client_secret")
        if told.get("grant_type") == "refresh_token":
            # /authentication/using-token-rotation: a refresh token can be used once.
            team = self.refreshes.pop(told["refresh_token"], None)
            if team is None:
                return self._refuse("invalid_refresh_token")
            self.exchanges.append("refresh")
            return web.json_response({"ok": True, **self._token(team)})
        team, user, redirect = self.codes.pop(told.get("code"), ("", "", ""))
        if not team:
            return self._refuse("invalid_code")
        if told.get("redirect_uri") != redirect:
            return self._refuse("bad_redirect_uri")
        self.exchanges.append("code")
        one = self.workspaces[team]
        one.installed = True
        place = {"team": {"id": team, "name": f"Workspace {team}"}, "enterprise": None}
        if one.org:
            # /enterprise/organization-ready-apps
            place = {"team": None, "enterprise": {"id": one.org, "name": f"Org {one.org}"}}
        return web.json_response(
            {
                "ok": True,
                **self._token(team),
                **place,
                "is_enterprise_install": bool(one.org),
                "app_id": "A01",
                "authed_user": {"id": user},
            }
        )

    def _token(self, team):
        one = self.workspaces[team]
        one.bot_token = self._next("xoxb")
        answer = {
            "access_token": one.bot_token,
            "token_type": "bot",
            "scope": ",".join(SCOPES),
            "bot_user_id": one.bot_user,
        }
        if self.rotates:
            refresh = self._next("xoxe")
            self.refreshes[refresh] = team
            answer |= {"refresh_token": refresh, "expires_in": self.life_s}
        return answer

    def _refuse(self, code):
        self.refused.append(code)
        return web.json_response({"ok": False, "error": code})
