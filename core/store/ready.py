"""Reading the ready streams: entries that no worker has, at once, and those of workers that died.

A read blocks at the server until there is one, so nobody polls. Each shard has a read of its own
under way. If one brings entries, the others go on, and what they bring comes with a later call: a
read that is given up may already have taken an entry, which then waits until its lease runs out.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.store import keys
from core.store.looks import Looks
from core.store.sharded import together
from core.store.values import has_no_group
from core.tasks import end

Entries = Sequence[tuple[bytes, Sequence[tuple[bytes, Mapping[bytes, bytes] | None]]]]
"""By stream: the names of entries, and what is in them."""
AGAIN_S = 1.0
"""When a shard is asked again that could not be reached."""


class ReadyEntries:
    """What *worker* reads. To be asked by one task."""

    def __init__(self, redis: Redis, worker: str) -> None:
        self._redis = redis
        self._worker = worker
        self._under_way: dict[Redis, asyncio.Task[Entries]] = {}
        self._away: set[Redis] = set()
        self._looks: Looks[Redis, Sequence[tuple[str, bytes]]] = Looks()

    async def read(self, streams: Sequence[str], count: int, wait_s: float) -> Entries:
        """At most *count* entries of each of *streams*, from now on this worker's.

        Waits for *wait_s* if there is none.

        Raises:
            redis.exceptions.RedisError: no shard can be reached, or a stream has no group.
        """
        shards = together(self._redis, streams)
        if len(shards) == 1 and not self._under_way:
            (shard,) = shards
            return await self._read(shard, streams, count, wait_s)
        for shard, names in shards.items():
            if shard not in self._under_way:
                reading = self._read_again(shard, names, count, wait_s)
                self._under_way[shard] = asyncio.create_task(reading, name="ready")
        await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)
        return self._read_by_now(len(shards))

    async def close(self) -> None:
        """Read no more."""
        await end(list(self._under_way.values()))
        self._under_way.clear()
        await self._looks.close()

    async def left_behind(
        self, streams: Sequence[str], idle_ms: int
    ) -> Sequence[tuple[str, bytes]]:
        """Those of *streams* in which a lease has run out, and the first such entry of each.

        XAUTOCLAIM looks at ten entries for each that it may claim. From the beginning of a stream,
        it would not get past the lanes that run.

        Raises:
            redis.exceptions.RedisError: no shard can be reached, or a stream has no group.
        """
        shards = together(self._redis, streams)
        looks = {one: partial(_left_behind, one, some, idle_ms) for one, some in shards.items()}
        found = await self._looks.at(looks)
        return [one for some in found.values() for one in some]

    def _read_by_now(self, shards: int) -> Entries:
        """What the reads brought that have ended."""
        found: list[Any] = []
        wrong: BaseException | None = None
        for shard, task in tuple(self._under_way.items()):
            if not task.done():
                continue
            del self._under_way[shard]
            self._away.discard(shard)
            if error := task.exception():
                self._away.add(shard)
                wrong = error
            else:
                found += task.result()
        matters = wrong is not None and (has_no_group(wrong) or len(self._away) >= shards)
        if wrong is not None and matters and not found:
            raise wrong
        return found

    async def _read_again(
        self, shard: Redis, streams: Sequence[str], count: int, wait_s: float
    ) -> Entries:
        try:
            return await self._read(shard, streams, count, wait_s)
        except (RedisError, OSError) as error:
            if not has_no_group(error):
                await asyncio.sleep(AGAIN_S)
            raise

    async def _read(
        self, shard: Redis, streams: Sequence[str], count: int, wait_s: float
    ) -> Entries:
        answer = await shard.xreadgroup(
            keys.GROUP,
            self._worker,
            dict.fromkeys(streams, ">"),
            count=count,
            block=int(wait_s * 1000) or None,
        )
        # redis-py 8 returns a dict for RESP3 and a list for RESP2. Its types say neither.
        found: Any = answer
        if isinstance(found, dict):
            return [(stream, groups[0]) for stream, groups in found.items()]
        return found or ()


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
