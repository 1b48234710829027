"""Lanes that nobody serves any more, because their ready stream was lost.

A stream may be evicted, deleted, or put aside, while the mail of its lanes is still there. Nobody
would serve them again: mail makes a lane ready only if the mailbox was empty before. A lane that
comes to stand twice in the stream does no harm: its second turn finds no mail.
"""

from collections.abc import AsyncIterator
from typing import Any, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from core.border import set_aside
from core.store import keys
from core.store.archive import Archive, literal
from core.store.connection import script, store_errors
from core.store.lanes import lane_at, lane_named, streams
from core.store.values import is_conversation
from core.tenant_names import GUEST, OWN, home_tenant

_MAIL = keys.mail("")


class Orphans:
    """Makes lanes ready again. Raises `StoreError`."""

    def __init__(self, redis: Redis, archive: Archive) -> None:
        self._redis = redis
        self._archive = archive
        self._revive: AsyncScript = script(redis, "revive")

    async def revive(self, stream: str, platform: str) -> None:
        """Make all lanes with mail ready that belong into *stream*, a ready stream just made."""
        with store_errors():
            entries: Any = await self._redis.xrange(stream)
        found = [lane_at(stream, fields) for _, fields in entries]
        there = {one[0].name for one in found if one}
        async for key in self._mail_of(platform):
            name = key.removeprefix(_MAIL)
            lane = lane_named(name)
            if name in there or not is_conversation(lane.conversation):
                continue
            ready, lanes = streams(home_tenant(lane.conversation))
            if stream != (lanes if lane.person else ready):
                continue
            with store_errors():
                revived = await self._revive(keys=[key, ready, lanes], args=[name])
            if cast(int, revived):
                set_aside("store.ready", "an entry was lost")

    async def _mail_of(self, tenant: str) -> AsyncIterator[str]:
        """The mailboxes of *tenant*, also those of its people who are guests elsewhere."""
        async for key in self._archive.names(keys.mail(f"{tenant}:"), "*"):
            yield key
        if OWN in tenant:
            async for key in self._archive.names(_MAIL, f"*:*{GUEST}{literal(tenant)}:*"):
                yield key
