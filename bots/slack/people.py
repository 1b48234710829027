"""The names of the people, channels and groups of a Slack workspace, as far as we know them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.failures import slack_errors
from bots.slack.fields import items, mapping, string
from core.errors import ChatLost, PlatformError
from core.messages import Sender

NAME_S = 1.0
"""How long we wait for Slack. An event must be acknowledged within three seconds."""
NAMES_KEPT = 10_000
MOST_NAMES = 30
"""At most so many names are looked up at once. The others stay ids."""
LATE_S = 5.0
UNKNOWN_S = 600.0
"""If Slack did not tell a name, we ask for it again after so long."""


class People:
    """The people, channels and groups of one workspace."""

    def __init__(self, client: AsyncWebClient, tenant: str) -> None:
        self._client, self._tenant = client, tenant
        self._senders: dict[str, Sender] = {}
        self._names: dict[str, str] = {}
        self._not_told: dict[str, float] = {}

    async def sender(self, user: str, name: str = "") -> Sender:
        """Who *user* (an id) is. If Slack does not tell in time, the name is *name* or the id."""
        await self._learn([user])
        found = self._senders.get(user)
        sender = found or Sender(f"{self._tenant}:{user}", name or user)
        return replace(sender, name=name or user) if sender.name == user else sender

    def unnamed(self, user: str) -> Sender:
        """*user* (an id), whose name is not looked up."""
        return Sender(f"{self._tenant}:{user}", user)

    async def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """The names of *ids*, as far as Slack tells them in time: the first ones first."""
        await self._learn(ids)
        return {one: self._names[one] for one in ids if one in self._names}

    async def direct_with(self, user: str) -> str:
        """The channel of our direct message with *user*, opened if need be."""
        with slack_errors():
            # docs.slack.dev/reference/methods/conversations.open: gives the open one, if there is.
            opened: Any = await self._client.conversations_open(users=user)
        channel = string(mapping(opened.data, "channel"), "id")
        if not channel:
            raise ChatLost("no direct message was opened")
        return channel

    async def _learn(self, ids: Collection[str]) -> None:
        now = time.monotonic()
        new = [one for one in ids if one not in self._names and self._not_told.get(one, 0) < now]
        new = new[:MOST_NAMES]
        if not new:
            return
        if len(self._names) + len(self._not_told) > NAMES_KEPT:
            self._names.clear()
            self._senders.clear()
            self._not_told.clear()
        try:
            async with asyncio.timeout(NAME_S):
                await asyncio.gather(*map(self._learn_one, new))
        except TimeoutError:
            late = [one for one in new if one not in self._names]
            self._not_told.update(dict.fromkeys(late, now + LATE_S))

    async def _learn_one(self, one: str) -> None:
        ask: Mapping[str, Callable[[str], Awaitable[str]]] = {
            "U": self._person,
            "W": self._person,
            "S": self._group,
        }
        name = ""
        with suppress(PlatformError), slack_errors():
            name = await ask.get(one[:1], self._channel)(one)
        if name:
            self._names[one] = name
        else:
            self._not_told[one] = time.monotonic() + UNKNOWN_S

    async def _person(self, user: str) -> str:
        answer: Any = await self._client.users_info(user=user, include_locale=True)
        found = mapping(answer.data, "user")
        profile = mapping(found, "profile")
        name = string(profile, "display_name") or string(found, "real_name") or user
        self._senders[user] = Sender(f"{self._tenant}:{user}", name, string(found, "locale"))
        return name

    async def _channel(self, channel: str) -> str:
        answer: Any = await self._client.conversations_info(channel=channel)
        return string(mapping(answer.data, "channel"), "name")

    async def _group(self, group: str) -> str:
        answer: Any = await self._client.usergroups_list()
        for one in items(answer.data, "usergroups"):
            self._names[string(one, "id")] = string(one, "handle") or string(one, "name")
        return self._names.get(group, "")
