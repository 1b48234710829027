"""The levels of the token buckets in one shard, which all processes share.

A level is one value in Redis. A process remembers the value that it wrote last, applies the law of
`core.buckets`, and writes the new value if the old one still stands. Else it gets what stands, and
starts again. So a call costs one trip, if nobody else speaks there, and most updates cost none
(`core.store.ahead`). Calls that come while a trip is under way share the next one.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from core.border import set_aside
from core.buckets import Buckets
from core.budget import Grant
from core.errors import StoreError
from core.levels import Level, kept_s, settle
from core.platform import Bucket
from core.store import keys
from core.store.ahead import NOTHING, Ahead, Law, Result, Taken, decode, encode
from core.store.connection import script, store_errors
from core.tasks import end

More = Callable[[Mapping[str, Level], Grant, float], Taken]
SWAPS = 20
"""How often we try again if another process was faster. The last try writes in any case."""
_EMPTY = encode(Level())
CLOCK_APART_S = 0.25
"""We reckon the time of Redis from an answer of it. If we are wrong by more, we ask again."""
CLOCK_HOLDS_S = 10.0
"""For so long we believe that we are right."""
WRITE_AGAIN_S = 60.0
"""A level that stays the same is written again after this time, so that it is kept on."""
MOST_BELIEVED = 5_000
GIVE_EVERY_S = 1.0
"""So often tokens are looked for that were taken ahead and not used."""
MOST_TOGETHER = 50
"""For so many calls levels are written in one trip."""


class _Asked(NamedTuple):
    """A *law* that is to be applied to the levels of some buckets.

    *lasts_s*: how long their windows are, by key. *sized*: which of them have a size. *here*:
    whether what we know may be enough. *more*: what else to take. *result*: what the law says.
    """

    lasts_s: Mapping[str, float]
    sized: AbstractSet[str]
    law: Law[Any]
    here: bool
    more: More | None
    result: asyncio.Future[Any]


class SharedLevels:
    """The levels in *shard*."""

    def __init__(self, shard: Redis) -> None:
        self._swap = script(shard, "swap")
        self._believed: dict[str, bytes] = {}
        """The levels as they stood in Redis last; empty: none."""
        self._ahead = Ahead()
        self._ahead_s = time.time() - time.monotonic()
        """How much the time of Redis is ahead of our clock."""
        self._looked_at = -CLOCK_HOLDS_S
        """When we compared them last, by our clock."""
        self._mine = asyncio.Lock()
        """One trip at a time in this process, so that its own tasks do not disturb each other."""
        self._asked: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None
        self._giving_back: asyncio.Task[None] | None = None

    async def apply(
        self, buckets: Sequence[Bucket], law: Law[Result], *, here: bool, ahead: bool
    ) -> Result:
        """Apply *law* to the levels of *buckets*; *here*: to what we know, if that is enough.

        *ahead*: else take more tokens than one, if that is wise. Raises `StoreError`.
        """
        lasts_s = {one.like: 0.0 for one in buckets if one.like}
        lasts_s |= {one.key: one.seconds for one in buckets}
        idle = self._asking is None and not self._mine.locked()
        if here and idle and (found := self._ahead.apply(lasts_s, law, self._now())):
            return found[0]
        sized = {one.key for one in buckets if one.most}
        more = partial(self._ahead.plan, buckets) if ahead else None
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._asked.append(_Asked(lasts_s, sized, law, here, more, result))
        if self._asking is None:
            # It serves many turns, so it holds nothing of this one.
            self._asking = asyncio.create_task(
                self._ask(), name="ask for tokens", context=Context()
            )
        return await result

    async def _ask(self) -> None:
        """Serve all who asked, some at a time."""
        waiting = self._asked
        try:
            while waiting:
                some = _apart(waiting)
                try:
                    await self._serve(some)
                except Exception as error:
                    _fail(some, error)
                # Who was cancelled meanwhile wants no token.
                waiting[:] = [one for one in waiting if not one.result.done()]
        finally:
            self._asking = None

    async def _serve(self, some: Sequence[_Asked]) -> None:
        known = self._ahead
        async with self._mine:
            left = []
            for one in some:
                if one.here and (found := known.apply(one.lasts_s, one.law, self._now())):
                    _resolve(one, found[0])
                else:
                    left.append(one)
            if left:
                for one, result in zip(left, await self._everywhere(left), strict=True):
                    _resolve(one, result)
            if known and self._giving_back is None:
                self._giving_back = asyncio.create_task(
                    self._keep_giving(), name="give tokens back"
                )

    async def _everywhere(self, asked: Sequence[_Asked]) -> Sequence[Any]:
        """Apply the laws of *asked* to the levels in Redis. Returns their results."""
        for tries_left in reversed(range(SWAPS)):
            done, results = await self._swapped(asked, force=not tries_left)
            if done:
                break
        return results

    async def _swapped(self, asked: Sequence[_Asked], *, force: bool) -> tuple[bool, Sequence[Any]]:
        """Apply the laws of *asked* to the levels, unless Redis has others than we believe.

        Then we know better what they are. With *force* the levels are written in any case.
        """
        lasts_s = {key: lasts for one in asked for key, lasts in one.lasts_s.items()}
        names = [keys.level(key) for key in lasts_s]
        ahead = self._ahead
        began = time.monotonic()
        looked = began - self._looked_at >= CLOCK_HOLDS_S
        now = self._now()
        believed = {key: self._believed.get(key, b"") for key in lasts_s}
        true = {key: ahead.truth(key) or raw for key, raw in believed.items()}
        levels = {key: level for key, raw in true.items() if (level := _read(raw))}
        seen_at = {key: level.seen_at for key, level in levels.items()}
        for level in levels.values():
            settle(level, now)
        buckets = Buckets(levels)
        results = [one.law(buckets, now) for one in asked]
        taken = [
            one.more(levels, result, now) if one.more and isinstance(result, Grant) else NOTHING
            for one, result in zip(asked, results, strict=True)
        ]
        shown = {key: level for one in taken for key, level in one.levels.items()}
        args: list[bytes | float] = [int(force), now if looked else b"", CLOCK_APART_S]
        new: list[bytes] = []
        for key, raw in believed.items():
            level = shown.get(key) or levels.get(key, Level())
            new.append(_to_write(level, raw, seen_at.get(key, now), now))
            args += [raw, new[-1], kept_s(lasts_s[key], level, now)]
        try:
            with store_errors():
                seconds, micros, swapped, *had = await self._swap(keys=names, args=args)
        except (StoreError, asyncio.CancelledError):
            # It may be written. Then all may take there what we had taken ahead.
            ahead.forget(lasts_s)
            raise
        if looked:
            self._looked_at = time.monotonic()
            self._ahead_s = int(seconds) + int(micros) / 1e6 - self._looked_at
        if len(self._believed) > MOST_BELIEVED:
            self._believed.clear()
        if swapped:
            found = zip(had, new, strict=True)
            self._believed |= zip(lasts_s, [written or old for old, written in found], strict=True)
            for one, ours in zip(asked, taken, strict=True):
                ahead.note(one.lasts_s, one.sized, levels, ours, began)
        else:
            sized = {key for one in asked for key in one.sized}
            for key, raw in zip(lasts_s, had, strict=True):
                if raw != believed[key]:
                    self._believed[key] = raw
                    ahead.lose(key, _read(raw) if key in sized else None, now)
        return bool(swapped), results

    def _now(self) -> float:
        """The time of Redis."""
        return time.monotonic() + self._ahead_s

    async def _keep_giving(self) -> None:
        ahead = self._ahead
        try:
            while ahead:
                await asyncio.sleep(GIVE_EVERY_S)
                await self._give_back()
        finally:
            self._giving_back = None

    async def _give_back(self, within_s: float = 0.0) -> None:
        """Tell the others what is true of the buckets that lapse *within_s*."""
        ahead = self._ahead
        async with self._mine:
            lasts_s = ahead.lapsed(within_s)
            unsaid = {
                key: seconds
                for key, seconds in lasts_s.items()
                if ahead.truth(key) != (self._believed.get(key) or _EMPTY)
            }
            with suppress(StoreError):
                if unsaid:
                    told = asyncio.get_running_loop().create_future()
                    nothing = _Asked(unsaid, unsaid.keys(), lambda *_: None, False, None, told)
                    await self._everywhere([nothing])
            ahead.forget(lasts_s)

    async def aclose(self) -> None:
        """Give back at once what was taken ahead."""
        await end(task for task in (self._asking, self._giving_back) if task is not None)
        _fail(self._asked, StoreError("the process ends"))
        await self._give_back(math.inf)


def _apart(waiting: Sequence[_Asked]) -> Sequence[_Asked]:
    """The first of those *waiting* that may share a trip.

    Of a bucket that has a size, one takes after the other: only then it is known what is left.
    """
    some: list[_Asked] = []
    sized: set[str] = set()
    for one in waiting:
        if sized.isdisjoint(one.sized):
            some.append(one)
        sized |= one.sized
        if len(some) >= MOST_TOGETHER:
            break
    return some


def _resolve(asked: _Asked, result: object) -> None:
    if not asked.result.done():
        asked.result.set_result(result)


def _fail(some: Sequence[_Asked], error: Exception) -> None:
    for one in some:
        if not one.result.done():
            one.result.set_exception(error)


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
