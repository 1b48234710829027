"""When a growing answer may be updated: shared token buckets, and whose turn it is.

With a bucket of C tokens that refills by r a second, an answer of known length T is
shown best at equal distances of T / (C + r T). T is not known, but an answer that has
run for t will run for about t more (its length has no scale), so the spare tokens
are spread over the time that the answer has run so far: dense at first, at r in the end.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Protocol

from core.platform import Bucket

FIRST_CHARS = 12
FIRST_WAIT_S = 0.7
"""The first text appears with so many characters, or so long after the first of them."""

HORIZON_S = 4.0
"""How long an answer that has just begun is taken to run."""
HORIZON_GROWTH = 1.0
SLOWEST_PACE, SLOWER, FASTER = 0.25, 0.5, 0.02
"""A refusal halves a bucket's refill, each call that is let pass adds a fiftieth of the whole."""


class Grant(NamedTuple):
    """What a budget says: *wait_s* is 0.0 when a token of each bucket was taken.

    *levels*: the tokens left in each bucket; below zero in one that is held.
    """

    wait_s: float
    levels: Sequence[float] = ()


class Budget(Protocol):
    """Where tokens come from; shared by all replicas."""

    async def take(self, buckets: Sequence[Bucket], *, final: bool) -> Grant:
        """Take one token of each of *buckets*, or none; a preview leaves their reserve."""
        ...

    async def hold(self, bucket: Bucket, seconds: float) -> None:
        """Nobody may take from *bucket* for *seconds*, and more slowly after that."""
        ...


@dataclass
class _Level:
    tokens: float
    at: float
    pace: float = 1.0
    held_until: float = 0.0


class LocalBuckets:
    """Token buckets in this process, by a clock that the caller reads."""

    def __init__(self) -> None:
        self._levels: dict[str, _Level] = {}

    def take(self, buckets: Sequence[Bucket], now: float, *, final: bool) -> Grant:
        """As `Budget.take`, at the moment *now* (seconds)."""
        wait = 0.0
        levels = [self._at(bucket, now) for bucket in buckets]
        for bucket, level in zip(buckets, levels, strict=True):
            needed = 1.0 if final else 1.0 + bucket.reserve
            wait = max(
                wait,
                level.held_until - now,
                (needed - level.tokens) / (bucket.per_s * level.pace),
            )
        if wait > 0:
            return Grant(wait, [-1.0 if one.held_until > now else one.tokens for one in levels])
        for level in levels:
            level.tokens -= 1
            level.pace = min(1.0, level.pace + FASTER)
        return Grant(0.0, [level.tokens for level in levels])

    def hold(self, bucket: Bucket, now: float, seconds: float) -> None:
        """As `Budget.hold`, from the moment *now*."""
        level = self._at(bucket, now)
        level.held_until = max(now + seconds, level.held_until)
        level.pace = max(SLOWEST_PACE, level.pace * SLOWER)

    def _at(self, bucket: Bucket, now: float) -> _Level:
        level = self._levels.setdefault(bucket.key, _Level(bucket.capacity, now))
        refilled = level.tokens + (now - level.at) * bucket.per_s * level.pace
        level.tokens, level.at = min(bucket.capacity, refilled), now
        return level


class Screen(Protocol):
    """A growing answer that waits for its turn to be shown."""

    @property
    def budget(self) -> Sequence[Bucket]:
        """What its next update takes a token of: the place's bucket first, the widest last."""
        ...

    @property
    def unseen(self) -> float:
        """How many characters are written and not shown; infinite when nothing is shown yet."""
        ...

    @property
    def age_s(self) -> float:
        """For how long it has been growing."""
        ...


@dataclass
class _Lane:
    """The screens that share a widest bucket, and wait."""

    waiting: dict[Screen, asyncio.Future[bool]] = field(default_factory=dict)
    came: asyncio.Event = field(default_factory=asyncio.Event)


class Pacer:
    """Gives the growing answers of this process their turns: the stalest screen first.

    An async context manager. Tokens are shared with the other processes by *budget*;
    the distances between turns follow from how many tokens are left.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._lanes: dict[str, _Lane] = {}
        self._next_at: dict[str, float] = {}
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> "Pacer":
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for lane in self._lanes.values():
            for future in lane.waiting.values():
                future.cancel()
        await self._group.__aexit__(kind, error, trace)

    async def turn(self, screen: Screen) -> bool:
        """Wait for the turn of *screen*: true with a token of its budget, false after `leave`."""
        buckets = screen.budget
        if not buckets:
            return True
        key = buckets[-1].key
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane()
            self._group.create_task(self._drive(key, lane), name=f"pace {key}")
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        lane.waiting[screen] = future
        lane.came.set()
        try:
            return await future
        finally:
            lane.waiting.pop(screen, None)
            lane.came.set()

    def leave(self, screen: Screen) -> None:
        """End the waiting of *screen*, if it waits."""
        for lane in self._lanes.values():
            future = lane.waiting.get(screen)
            if future is not None and not future.done():
                future.set_result(False)

    async def _drive(self, key: str, lane: _Lane) -> None:
        """Give turns in *lane* until nobody waits."""
        clock = asyncio.get_running_loop().time
        while lane.waiting:
            now = clock()
            ready = [(self._due(one), one) for one, f in lane.waiting.items() if not f.done()]
            soonest = min((due for due, _ in ready), default=now + 60)
            if soonest > now:
                lane.came.clear()
                try:
                    async with asyncio.timeout(soonest - now):
                        await lane.came.wait()
                except TimeoutError:
                    pass
                continue
            stalest = max((one for due, one in ready if due <= now), key=lambda one: one.unseen)
            grant = await self.budget.take(stalest.budget, final=False)
            self._space(stalest, grant, clock())
            future = lane.waiting.pop(stalest, None) if not grant.wait_s else None
            if future is not None and not future.done():
                future.set_result(True)
        del self._lanes[key]

    def _due(self, screen: Screen) -> float:
        return max(self._next_at.get(bucket.key, 0.0) for bucket in screen.budget)

    def _space(self, screen: Screen, grant: Grant, now: float) -> None:
        """Note when each bucket of *screen* may be asked again."""
        for bucket, level in zip(screen.budget, grant.levels, strict=False):
            spare = level - bucket.reserve
            if not grant.wait_s:
                self._next_at[bucket.key] = now + gap_s(bucket, spare, screen.age_s)
            elif spare < 1:
                self._next_at[bucket.key] = now + grant.wait_s
        if len(self._next_at) > 10_000:
            self._next_at = {key: at for key, at in self._next_at.items() if at > now}


def gap_s(bucket: Bucket, spare: float, age_s: float) -> float:
    """How long to wait between two updates while *spare* tokens are left, for an answer so old."""
    horizon = HORIZON_S + HORIZON_GROWTH * age_s
    return 1 / (bucket.per_s + max(0.0, spare) / horizon)


def worth_showing(text: str, waited_s: float) -> bool:
    """Whether a first *text* is enough to show, *waited_s* after its first character."""
    return bool(text.strip()) and (len(text) >= FIRST_CHARS or waited_s >= FIRST_WAIT_S)
