"""Where a workspace installs the app: the way to Slack, and back.

Whoever comes back must be the browser that set out, within ten minutes, and only once: its cookie
holds what the state was made for (RFC 6749, 10.12).
"""

import hashlib
import hmac
import html
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlencode, urljoin

from aiohttp import web

from bots.plugin import Speak
from bots.slack.installation import Installation, OAuth
from bots.slack.manifest import SCOPES
from core.errors import PalaverError
from core.lent import Safe

log = logging.getLogger(__name__)

INSTALL, BACK = "/slack/install", "/slack/oauth_redirect"
COOKIE = "palaver-slack-install"
WAY_S = 600
MOST_CHARS = 2_000
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
Keep = Callable[[Installation], Awaitable[bool]]


class Install:
    """*keep*: keeps an installation; false if the operator does not want that workspace."""

    def __init__(
        self, oauth: OAuth, safe: Safe, api_url: str, public_url: str, speak: Speak, keep: Keep
    ) -> None:
        self._oauth, self._safe = oauth, safe
        self._consent = urljoin(api_url, "/oauth/v2/authorize")
        self._redirect = f"{public_url}{BACK}"
        self._speak, self._keep = speak, keep

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return (
            web.get(INSTALL, self._set_out, allow_head=False),
            web.get(BACK, self._come_back, allow_head=False),
        )

    async def _set_out(self, request: web.Request) -> web.StreamResponse:
        state, browser = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        try:
            await self._safe.issue(f"install {state}", _digest(browser), WAY_S)
        except PalaverError as error:
            return self._failed(request, error)
        told = {
            "client_id": self._oauth.client_id,
            "scope": ",".join(SCOPES),
            "redirect_uri": self._redirect,
            "state": state,
        }
        away = web.Response(
            status=302, headers={**_HEADERS, "Location": f"{self._consent}?{urlencode(told)}"}
        )
        away.set_cookie(
            COOKIE,
            browser,
            max_age=WAY_S,
            path=BACK,
            httponly=True,
            # Who comes back comes from another site.
            samesite="Lax",
            secure=self._redirect.startswith("https:"),
        )
        return away

    async def _come_back(self, request: web.Request) -> web.StreamResponse:
        state, code = (request.query.get(name, "")[:MOST_CHARS] for name in ("state", "code"))
        try:
            browser = await self._safe.redeem(f"install {state}") if state else ""
            here = _digest(request.cookies.get(COOKIE, ""))
            if not browser or not hmac.compare_digest(browser, here):
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
        """*sentence* in the language of the browser."""
        language = request.headers.get("Accept-Language", "en").partition(",")[0].partition(";")[0]
        text = html.escape(self._speak(sentence, language.strip()[:20], **values))
        body = (
            '<!doctype html><meta charset="utf-8"><meta name="viewport" '
            'content="width=device-width"><title>Palaver</title><style>body{font:1.1em/1.5 '
            f"system-ui;max-width:32em;margin:15vh auto;padding:0 1em}}</style><p>{text}</p>"
        )
        return web.Response(status=status, text=body, content_type="text/html", headers=_HEADERS)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
