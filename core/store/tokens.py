"""The token buckets of every platform, counted across replicas."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from contextvars import Context
from functools import partial

import msgspec
from redis.asyncio import Redis

from core.border import set_aside
from core.buckets import JITTER_S, Buckets
from core.budget import Call, Grant
from core.errors import StoreError
from core.latency import Usual, worth_telling
from core.levels import Level, kept_s, settle
from core.platform import Bucket
from core.store import keys
from core.store.ahead import NOTHING, Ahead, Law, Result, Taken, decode, encode
from core.store.connection import script, store_errors
from core.store.sharded import at_home, shards_of
from core.tasks import end

More = Callable[[Mapping[str, Level], Grant, float], Taken]
SWAPS = 20
"""How often we try again if another process was faster. The last try writes in any case."""
_EMPTY = encode(Level())
CLOCK_APART_S = 0.25
"""We reckon the time of Redis from an answer of it. If we are wrong by more, we ask again."""
CLOCK_HOLDS_S = 5.0
"""For so long we believe that we are right."""
WRITE_AGAIN_S = 60.0
"""A level that stays the same is written again after this time, so that it is kept on."""
MOST_BELIEVED = 5_000


class SharedBudget:
    """A `Budget` of all processes.

    The level of a bucket is one value in Redis, in the shard of the tenant whose calls it counts. A
    process remembers the value that it wrote last, applies the law of `core.buckets`, and writes
    the new value if the old one still stands. Else it gets what stands, and starts again. So a call
    costs one trip, if nobody else speaks there, and most updates cost none (`core.store.ahead`).

    While Redis is away, each process counts alone, so that a running answer can still be shown.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._swaps = {shard: script(shard, "swap") for shard in shards_of(redis)}
        self._local = Buckets()
        self._usual = Usual()
        self._believed: dict[str, bytes] = {}
        """The levels as they stood in Redis last; empty: none."""
        self._ahead = {shard: Ahead() for shard in self._swaps}
        self._giving_back: dict[Redis, asyncio.Task[None]] = {}
        self._ahead_s = time.time() - time.monotonic()
        """How much Redis's time is ahead of our clock."""
        self._looked_at, self._looked_in = -CLOCK_HOLDS_S, redis
        """When we compared them last, by our clock, and in which shard: each has a clock."""
        # One at a time in this process, so that its own tasks do not disturb each other. But no
        # tenant waits for a shard that is away, unless it is its own.
        self._mine = {shard: asyncio.Lock() for shard in self._swaps}

    async def take(self, buckets: Sequence[Bucket], call: Call, *, growing: int = 1) -> Grant:
        """As `Budget.take`."""
        if not buckets:
            return Grant(0.0)
        return await self._apply(
            buckets,
            lambda all_, now: all_.take(buckets, call, now, growing=growing),
            here=call in ("preview", "nicety"),
            ahead=call == "preview",
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
        """Apply *law* to the levels; *here*: to what we know, if that is enough.

        *ahead*: else take more tokens than one, if that is wise.
        """
        shard = at_home(self._redis, buckets[0].of)
        known = self._ahead[shard]
        lasts_s = {one.like: 0.0 for one in buckets if one.like}
        lasts_s |= {one.key: one.seconds for one in buckets}
        try:
            async with self._mine[shard]:
                if here and (found := known.apply(lasts_s, law, self._now())):
                    return found[0]
                sized = {one.key for one in buckets if one.most}
                more = partial(known.plan, buckets) if ahead else None
                result = await self._everywhere(shard, lasts_s, sized, law, more)
                if known.next_s is not None and shard not in self._giving_back:
                    # It belongs to no turn, so it holds nothing of the one that is under way.
                    self._giving_back[shard] = asyncio.create_task(
                        self._keep_giving(shard), name="give tokens back", context=Context()
                    )
                return result
        except StoreError:
            pass
        return law(self._local, time.time())

    async def _everywhere(
        self,
        shard: Redis,
        lasts_s: Mapping[str, float],
        sized: AbstractSet[str],
        law: Law[Result],
        more: More | None = None,
    ) -> Result:
        """Apply *law* to the levels in *shard*."""
        for tries_left in reversed(range(SWAPS)):
            force = not tries_left
            done, result = await self._swapped(shard, lasts_s, sized, law, more, force=force)
            if done:
                break
        return result

    async def _swapped(
        self,
        shard: Redis,
        lasts_s: Mapping[str, float],
        sized: AbstractSet[str],
        law: Law[Result],
        more: More | None,
        *,
        force: bool,
    ) -> tuple[bool, Result]:
        """Apply *law* to the levels in *shard*. Fails if they are not what we believe.

        Then we know better what they are. With *force* the levels are written in any case.
        """
        names = [keys.level(key) for key in lasts_s]
        ahead = self._ahead[shard]
        began = time.monotonic()
        looked = began - self._looked_at >= CLOCK_HOLDS_S or shard != self._looked_in
        now = self._now()
        believed = {key: self._believed.get(key, b"") for key in lasts_s}
        true = {key: ahead.truth(key) or raw for key, raw in believed.items()}
        levels = {key: level for key, raw in true.items() if (level := _read(raw))}
        seen_at = {key: level.seen_at for key, level in levels.items()}
        for level in levels.values():
            settle(level, now)
        result = law(Buckets(levels), now)
        taken = more(levels, result, now) if more and isinstance(result, Grant) else NOTHING
        args: list[bytes | float] = [int(force), now if looked else b"", CLOCK_APART_S]
        new: list[bytes] = []
        for key, raw in believed.items():
            level = taken.levels.get(key) or levels.get(key, Level())
            new.append(_to_write(level, raw, seen_at.get(key, now), now))
            args += [raw, new[-1], kept_s(lasts_s[key], level, now)]
        try:
            with store_errors():
                seconds, micros, swapped, *had = await self._swaps[shard](keys=names, args=args)
        except (StoreError, asyncio.CancelledError):
            # It may be written. Then all may take there what we had taken ahead.
            ahead.forget(lasts_s)
            raise
        if looked:
            self._looked_at, self._looked_in = time.monotonic(), shard
            self._ahead_s = int(seconds) + int(micros) / 1e6 - self._looked_at
        if len(self._believed) > MOST_BELIEVED:
            self._believed.clear()
        if swapped:
            found = zip(had, new, strict=True)
            self._believed |= zip(lasts_s, [written or old for old, written in found], strict=True)
            ahead.note(lasts_s, sized, levels, taken, began)
        else:
            for key, raw in zip(lasts_s, had, strict=True):
                if raw != believed[key]:
                    self._believed[key] = raw
                    ahead.lose(key, _read(raw) if key in sized else None, now)
        return bool(swapped), result

    def _now(self) -> float:
        """The time of Redis."""
        return time.monotonic() + self._ahead_s

    async def _keep_giving(self, shard: Redis) -> None:
        ahead = self._ahead[shard]
        try:
            while (next_s := ahead.next_s) is not None:
                await asyncio.sleep(next_s)
                await self._give_back(shard)
        finally:
            del self._giving_back[shard]

    async def _give_back(self, shard: Redis, within_s: float = 0.0) -> None:
        """Tell the others what is true of the buckets of *shard* that lapse *within_s*."""
        ahead = self._ahead[shard]
        async with self._mine[shard]:
            lasts_s = ahead.lapsed(within_s)
            unsaid = {
                key: seconds
                for key, seconds in lasts_s.items()
                if ahead.truth(key) != (self._believed.get(key) or _EMPTY)
            }
            with suppress(StoreError):
                if unsaid:
                    await self._everywhere(shard, unsaid, unsaid.keys(), lambda *_: None)
            ahead.forget(lasts_s)

    async def aclose(self) -> None:
        """Give back at once what was taken ahead."""
        await end(self._giving_back.values())
        for shard in self._ahead:
            await self._give_back(shard, math.inf)


def _to_write(level: Level, had: bytes, seen_at: float, now: float) -> bytes:
    """What is to be written of *level*, read as *had*: nothing, if it says nothing new."""
    level.seen_at = seen_at if had else 0.0
    if encode(level) == (had or _EMPTY) and 0 <= now - seen_at < WRITE_AGAIN_S:
        return b""
    level.seen_at = now
    return encode(level)


def _read(value: bytes) -> Level | None:
    if not value:
        return None
    try:
        return decode(value)
    except msgspec.MsgspecError as error:
        set_aside("buckets", type(error).__name__)
        return None
