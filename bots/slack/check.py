"""What `palaver check` asks of Slack: auth.test for each token, which changes nothing."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bots.finding import Finding
from bots.slack.failures import slack_errors
from bots.slack.fields import scopes_of
from bots.slack.manifest import SCOPES
from core.errors import PlatformError
from core.net.way import DIRECT, Way

KINDS = {
    "xapp-": "an app-level token (SLACK_APP_TOKEN)",
    "xoxb-": "a bot token (SLACK_BOT_TOKEN)",
    "xoxp-": "a user's token",
    "xoxe": "a token of token rotation",
}


async def look(
    bot_token: str,
    api_url: str,
    *,
    app_token: str = "",
    signing_secret: str = "",
    way: Way = DIRECT,
) -> AsyncIterator[Finding]:
    """What works."""
    good = True
    for setting, token, start in (
        ("SLACK_BOT_TOKEN", bot_token, "xoxb-"),
        ("SLACK_APP_TOKEN", app_token, "xapp-"),
    ):
        if token and not token.startswith(start):
            kind = next((kind for begin, kind in KINDS.items() if token.startswith(begin)), "")
            text = f"{setting} must start with {start}" + (f", but is {kind}" if kind else "")
            yield Finding("FAIL", text)
            good = False
    if not app_token and not signing_secret:
        text = "SLACK_APP_TOKEN is needed for Socket Mode (or SLACK_SIGNING_SECRET for HTTP events)"
        yield Finding("FAIL", text)
    if not good:
        return
    async with way.session(timeout=aiohttp.ClientTimeout(total=15)) as session:
        client = AsyncWebClient(base_url=api_url, session=session)
        try:
            with slack_errors():
                answer: Any = await client.auth_test(token=bot_token)
        except PlatformError as error:
            yield Finding("FAIL", str(error))
        else:
            mode = "Socket Mode" if app_token else "HTTP events"
            yield Finding("ok", f"@{answer['user']} in {answer['team']} ({mode})")
            for finding in _of_scopes(answer.headers):
                yield finding
        if app_token:
            try:
                with slack_errors("SLACK_APP_TOKEN"):
                    await client.auth_test(token=app_token)
            except PlatformError as error:
                if "not_allowed_token_type" not in str(error):
                    yield Finding("FAIL", str(error))


def _of_scopes(headers: Any) -> list[Finding]:
    if not (granted := scopes_of(headers)):
        return []
    missing = [scope for scope in SCOPES if scope not in granted]
    if missing:
        text = f"scopes are missing: {', '.join(missing)} (add them, and install the app again)"
        return [Finding("FAIL", text)]
    return [Finding("ok", f"scopes granted: {', '.join(sorted(granted))}")]
