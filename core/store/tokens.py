"""The token buckets of every platform, counted across replicas."""

import time
from collections.abc import Sequence

from redis.asyncio import Redis

from core.buckets import JITTER_S, Buckets
from core.budget import Call, Grant
from core.errors import StoreError
from core.latency import Usual, worth_telling
from core.platform import Bucket
from core.store.ahead import Law, Result
from core.store.sharded import at_home, shards_of
from core.store.shared_levels import SharedLevels


class SharedBudget:
    """A `Budget` of all processes.

    The level of a bucket is in the shard of the tenant whose calls it counts. No tenant waits for a
    shard that is away, unless it is its own.

    While Redis is away, each process counts alone, so that a running answer can still be shown.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._levels = {shard: SharedLevels(shard) for shard in shards_of(redis)}
        self._local = Buckets()
        self._usual = Usual()

    async def take(self, buckets: Sequence[Bucket], call: Call, *, growing: int = 1) -> Grant:
        """As `Budget.take`."""
        if not buckets:
            return Grant(0.0)
        return await self._apply(
            buckets,
            lambda all_, now: all_.take(buckets, call, now, growing=growing),
            here=call in ("preview", "nicety"),
            ahead=call in ("first", "preview"),
        )

    async def passed(self, buckets: Sequence[Bucket], grant: Grant, took_s: float) -> None:
        """As `Budget.passed`."""
        late_s = self._usual.late_s(buckets, took_s)
        if worth_telling(grant, late_s):
            await self._apply(
                buckets,
                lambda all_, now: all_.passed(buckets, grant, late_s, now),
                here=late_s <= JITTER_S,
            )

    async def refused(self, buckets: Sequence[Bucket], grant: Grant, seconds: float) -> None:
        """As `Budget.refused`."""
        if buckets:
            self._local.refused(buckets, grant, seconds, time.time())
            await self._apply(buckets, lambda all_, now: all_.refused(buckets, grant, seconds, now))

    async def hold(self, bucket: Bucket, seconds: float) -> None:
        """As `Budget.hold`."""
        self._local.hold(bucket, seconds, time.time())
        await self._apply([bucket], lambda all_, now: all_.hold(bucket, seconds, now))

    async def _apply(
        self,
        buckets: Sequence[Bucket],
        law: Law[Result],
        *,
        here: bool = False,
        ahead: bool = False,
    ) -> Result:
        levels = self._levels[at_home(self._redis, buckets[0].of)]
        try:
            return await levels.apply(buckets, law, here=here, ahead=ahead)
        except StoreError:
            return law(self._local, time.time())

    async def aclose(self) -> None:
        """Give back at once what was taken ahead."""
        for levels in self._levels.values():
            await levels.aclose()
