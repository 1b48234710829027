"""Reactions to people's messages."""

import logging
from collections.abc import Mapping

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.failures import slack_errors
from core.errors import ContentRefused, NoRight
from core.said import Feeling

log = logging.getLogger(__name__)

NAMES: Mapping[Feeling, str] = {"thanks": "heart", "joy": "tada", "seen": "+1"}
"""Slack's own names of emoji; every workspace has these."""
THERE = "already_reacted"
"""docs.slack.dev/reference/methods/reactions.add: we have put it there before."""


class Reactions:
    """Reacts with the token of one workspace. The operator is told once what does not let us."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._told = False

    async def add(self, channel: str, message: str, feeling: Feeling) -> None:
        """React to *message* (its ts). Raises the errors of a surface."""
        try:
            with slack_errors():
                await self._client.reactions_add(
                    channel=channel, timestamp=message, name=NAMES[feeling]
                )
        except ContentRefused as error:
            if str(error) == THERE:
                return
            if str(error) != "missing_scope":
                raise
            if not self._told:
                self._told = True
                log.error("Slack lets us react to no message: the scope reactions:write is missing")
            raise NoRight(str(error), "reactions") from error
