"""Who is an admin of a channel for us: admins of the workspace, and who made the channel.

Sources: docs.slack.dev/reference/objects/user-object (`is_admin`, `is_owner`, `is_stranger`,
`team_id`, `enterprise_user`) and conversation-object (`creator`). In a shared channel there are
people of other workspaces. They are admins at home, and not here.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.failures import slack_errors
from bots.slack.fields import entries, mapping, string
from core.errors import PlatformError

KNOWN_S = 300.0
UNKNOWN_S = 30.0
"""If Slack did not tell, we ask again after so long."""
MOST_KNOWN = 5_000
ADMIN = ("is_admin", "is_owner", "is_primary_owner")
NOT_OURS = ("is_stranger", "is_restricted", "is_ultra_restricted", "deleted", "is_bot")


class Admins:
    """The admins of *team*: of a workspace, or of all those of an organisation."""

    def __init__(self, client: AsyncWebClient, team: str) -> None:
        self._client = client
        self._team = team
        self._known: OrderedDict[str, tuple[float, Mapping[str, Any]]] = OrderedDict()

    async def has(self, channel: str, user: str) -> bool:
        """Whether *user* is an admin in *channel*."""
        person = await self._look(user, self._person)
        if not self._ours(person) or any(person.get(one) is True for one in NOT_OURS):
            return False
        if any(person.get(one) is True for one in ADMIN):
            return True
        return string(await self._look(channel, self._channel), "creator") == user

    def _ours(self, person: Mapping[str, Any]) -> bool:
        of_org = mapping(person, "enterprise_user")
        ours = (string(person, "team_id"), string(of_org, "enterprise_id"))
        return self._team in (*ours, *entries(of_org, "teams"))

    async def _look(
        self, name: str, ask: Callable[[str], Awaitable[Mapping[str, Any]]]
    ) -> Mapping[str, Any]:
        until, found = self._known.get(name, (0.0, {}))
        if until < time.monotonic():
            found, lasts_s = {}, UNKNOWN_S
            with suppress(PlatformError), slack_errors():
                found, lasts_s = await ask(name), KNOWN_S
            self._known[name] = time.monotonic() + lasts_s, found
            self._known.move_to_end(name)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return found

    async def _person(self, user: str) -> Mapping[str, Any]:
        answer: Any = await self._client.users_info(user=user)
        return mapping(answer.data, "user")

    async def _channel(self, channel: str) -> Mapping[str, Any]:
        answer: Any = await self._client.conversations_info(channel=channel)
        return mapping(answer.data, "channel")
