"""An installation: what Slack gives us when somebody installs the app in their workspace.

Sources: docs.slack.dev/authentication/installing-with-oauth, /authentication/using-token-rotation,
/enterprise/organization-ready-apps, and /reference/methods/oauth.v2.access.
"""

import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.failures import slack_errors
from bots.slack.fields import mapping, number, string
from core.border import set_aside
from core.errors import PlatformError, Revoked
from core.net.way import Way

EARLY_S = 2 * 3600
"""Before its end by so much a token is renewed. Slack's tokens last twelve hours."""
CALL_S = 15.0


class Installation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One workspace, or one organisation with all that are in it.

    Args:
        team: its id: `T…`, or `E…` of an organisation.
        refresh: what a newer token is got with, if tokens end. It ends at *until*, after *lasts*
            seconds.
        by: the id of who installed it.
        at: when. *scopes*: what was granted.
    """

    team: str
    token: str
    name: str = ""
    by: str = ""
    at: float = 0.0
    refresh: str = ""
    until: float = 0.0
    lasts: float = 0.0
    scopes: str = ""

    def __repr__(self) -> str:
        return f"Installation({self.team!r})"

    @property
    def due(self) -> bool:
        """Whether its token must be renewed now."""
        early_s = min(EARLY_S, self.lasts / 4)
        return bool(self.refresh) and time.time() > self.until - early_s


_installation = msgspec.json.Decoder(Installation)


def encoded(installation: Installation) -> bytes:
    return msgspec.json.encode(installation)


def decoded(raw: bytes | None) -> Installation | None:
    """The installation in *raw*; None if it is none."""
    if raw is None:
        return None
    try:
        return _installation.decode(raw)
    except msgspec.DecodeError as error:
        set_aside("slack.installation", error)
        return None


class OAuth:
    """Slack's side of installing, for the app *client_id*."""

    def __init__(self, client_id: str, client_secret: str, api_url: str, way: Way) -> None:
        self.client_id, self.client_secret = client_id, client_secret
        self._api_url, self._way = api_url, way

    async def redeem(self, code: str, redirect: str) -> Installation:
        """The installation that *code* stands for. Raises `PlatformError`."""
        answer = await self._access(code=code, redirect_uri=redirect)
        org = answer.get("is_enterprise_install") is True
        place = mapping(answer, "enterprise" if org else "team")
        made = Installation(
            string(place, "id"),
            string(answer, "access_token"),
            string(place, "name"),
            string(mapping(answer, "authed_user"), "id"),
            time.time(),
            scopes=string(answer, "scope"),
            **_life(answer),
        )
        if not made.team or not made.token or string(answer, "token_type") != "bot":
            raise PlatformError("Slack's answer names no bot's token")
        return made

    async def renew(self, old: Installation) -> Installation:
        """*old* with a newer token. Its refresh token is used up. Raises `PlatformError`."""
        answer = await self._access(grant_type="refresh_token", refresh_token=old.refresh)
        token = string(answer, "access_token")
        if not token:
            raise PlatformError("Slack's answer names no token")
        return msgspec.structs.replace(old, token=token, **_life(answer))

    async def holds(self, made: Installation) -> bool:
        """Whether Slack still accepts the token of *made*. Raises `PlatformError`."""
        try:
            await self._call("auth.test", {}, made.token)
        except Revoked:
            return False
        return True

    async def _access(self, **told: str) -> Mapping[str, Any]:
        # Also allowed in the body, and the client's own way warns of what it uses.
        who = {"client_id": self.client_id, "client_secret": self.client_secret}
        return await self._call("oauth.v2.access", {**who, **told})

    async def _call(
        self, method: str, told: Mapping[str, str], token: str | None = None
    ) -> Mapping[str, Any]:
        timeout = aiohttp.ClientTimeout(total=CALL_S)
        async with self._way.session(timeout=timeout) as session:
            client = AsyncWebClient(token, self._api_url, session=session)
            with slack_errors("SLACK_CLIENT_SECRET"):
                answer: Any = await client.api_call(method, data={**told})
        return answer.data if isinstance(answer.data, dict) else {}


def _life(answer: Mapping[str, Any]) -> dict[str, Any]:
    refresh, lasts_s = string(answer, "refresh_token"), number(answer, "expires_in")
    return {"refresh": refresh, "until": time.time() + lasts_s, "lasts": lasts_s} if refresh else {}
