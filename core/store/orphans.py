"""Lanes that nobody serves any more: their worker died, or their ready stream was lost.

A stream may be evicted, deleted, or put aside, while the mail of its lanes is still there. Nobody
would serve them again: mail makes a lane ready only if the mailbox was empty before. A lane that
comes to stand twice in the stream does no harm: its second turn finds no mail.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from core.border import set_aside
from core.messages import split_conversation
from core.store import keys
from core.store.archive import Archive
from core.store.connection import script, store_errors
from core.store.lanes import lane_at, lane_named, streams
from core.store.sharded import together
from core.store.values import has_no_group, is_conversation

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
        async for key in self._archive.names(keys.mail(f"{platform}:"), "*"):
            name = key.removeprefix(_MAIL)
            lane = lane_named(name)
            if name in there or not is_conversation(lane.conversation):
                continue
            ready, lanes = streams(split_conversation(lane.conversation)[0])
            if stream != (lanes if lane.person else ready):
                continue
            with store_errors():
                revived = await self._revive(keys=[key, ready, lanes], args=[name])
            if cast(int, revived):
                set_aside("store.ready", "an entry was lost")


async def left_behind(
    redis: Redis, ready: Sequence[str], idle_ms: int
) -> Sequence[tuple[str, bytes]]:
    """Those of the streams *ready* in which a lease has run out, and the first such entry of each.

    XAUTOCLAIM looks at ten entries for each that it may claim. From the beginning of a stream, it
    would not get past the lanes that run. A shard that is away does not keep those of others back.

    Raises:
        redis.exceptions.RedisError: the whole store is away, or a stream has no group.
    """
    shards, found = together(redis, ready), list[tuple[str, bytes]]()
    looks = (_left_behind(shard, streams, idle_ms) for shard, streams in shards.items())
    looked = await asyncio.gather(*looks, return_exceptions=True)
    wrong = [one for one in looked if isinstance(one, BaseException)]
    if wrong and (len(wrong) == len(shards) or any(map(has_no_group, wrong))):
        raise next(filter(has_no_group, wrong), wrong[0])
    for some in looked:
        found += [] if isinstance(some, BaseException) else some
    return found


async def _left_behind(
    redis: Redis, ready: Sequence[str], idle_ms: int
) -> Sequence[tuple[str, bytes]]:
    async with redis.pipeline(transaction=False) as pipe:
        for stream in ready:
            pipe.xpending_range(stream, keys.GROUP, "-", "+", 1, idle=idle_ms)
        found = await pipe.execute()
    return [
        (stream, some[0]["message_id"]) for stream, some in zip(ready, found, strict=True) if some
    ]
