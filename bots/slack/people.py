"""Who writes in a Slack workspace."""

import asyncio
from contextlib import suppress
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.inbound import NAME
from bots.slack.surface import slack_errors
from core.errors import PlatformError
from core.messages import Sender

NAME_S = 1.0
NAMES_KEPT = 10_000


class People:
    """The people of one workspace, as far as they were met."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._known: dict[str, Sender] = {}

    async def sender(self, user: str) -> Sender:
        """Who *user* (an id) is; by the id alone where Slack does not tell in time."""
        known = self._known.get(user)
        if known is not None:
            return known
        sender = Sender(f"{NAME}:{user}", user)
        with suppress(PlatformError), slack_errors():
            async with asyncio.timeout(NAME_S):
                answer: Any = await self._client.users_info(user=user, include_locale=True)
            profile = answer["user"].get("profile", {})
            name = profile.get("display_name") or answer["user"].get("real_name") or user
            sender = Sender(sender.id, str(name), str(answer["user"].get("locale", "")))
            if len(self._known) >= NAMES_KEPT:
                self._known.clear()
            self._known[user] = sender
        return sender
