"""Where a workspace installs the app: the way to Slack, and back.

Whoever comes back must be the browser that set out, within ten minutes, and only once: its cookie
holds what the state was made for (RFC 6749, 10.12). Anybody may set out, so we keep nothing then.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlencode, urljoin

from aiohttp import web

from bots.slack.installation import Installation, OAuth
from bots.slack.manifest import SCOPES
from core.errors import PalaverError
from core.languages.catalogue import Speak
from core.lent import Safe
from core.net.round_trip import RoundTrip, new_traveller, plain_page

log = logging.getLogger(__name__)

INSTALL, BACK = "/slack/install", "/slack/oauth_redirect"
COOKIE = "palaver-slack-install"
WAY_S = 600
MOST_CHARS = 2_000
Keep = Callable[[Installation], Awaitable[bool]]


class Install:
    """*keep*: keeps an installation; false if the operator does not want that workspace."""

    def __init__(
        self, oauth: OAuth, safe: Safe, api_url: str, public_url: str, speak: Speak, keep: Keep
    ) -> None:
        self._oauth, self._safe = oauth, safe
        self._consent = urljoin(api_url, "/oauth/v2/authorize")
        self._redirect = f"{public_url}{BACK}"
        self._trip = RoundTrip(COOKIE, BACK, WAY_S, self._redirect.startswith("https:"))
        self._speak, self._keep = speak, keep

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return (
            web.get(INSTALL, self._set_out, allow_head=False),
            web.get(BACK, self._come_back, allow_head=False),
        )

    async def _set_out(self, request: web.Request) -> web.StreamResponse:
        traveller = new_traveller()
        told = {
            "client_id": self._oauth.client_id,
            "scope": ",".join(SCOPES),
            "redirect_uri": self._redirect,
            "state": self._trip.state(traveller, self._oauth.client_secret),
        }
        return self._trip.sent(f"{self._consent}?{urlencode(told)}", traveller)

    async def _come_back(self, request: web.Request) -> web.StreamResponse:
        state, code = (request.query.get(name, "")[:MOST_CHARS] for name in ("state", "code"))
        try:
            browser = self._trip.browser_in(state, self._oauth.client_secret)
            once = bool(browser) and await self._safe.redeem(f"install {browser}", WAY_S)
            if not once or not self._trip.is_of(request, browser):
                return self._page(request, "install_gone", status=400)
            if not code:  # They did not want to, and Slack says so: `error=access_denied`.
                return self._page(request, "install_failed", status=400)
            made = await self._oauth.redeem(code, self._redirect)
            if not await self._keep(made):
                log.warning("not wanted by SLACK_WORKSPACES: %s", made.team)
                return self._page(request, "install_failed", status=403)
        except PalaverError as error:
            return self._failed(request, error)
        return self._page(request, "installed", name=made.name or made.team)

    def _failed(self, request: web.Request, error: PalaverError) -> web.Response:
        log.warning("not installed: %s", error)
        return self._page(request, "install_failed", status=502)

    def _page(
        self, request: web.Request, sentence: str, *, status: int = 200, **values: object
    ) -> web.Response:
        return plain_page(self._speak, request, sentence, status=status, **values)
