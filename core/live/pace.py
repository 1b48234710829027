"""When a growing answer may be updated: shared tokens, and whose turn it is.

With n tokens for a known time T, an answer is shown best at equal distances of T / n. T is
not known, and has no scale: an answer that has run for t may end now or run for t more.
What is unseen on average over all such T is least when the distances grow with the square
root of t; how fast, follows from the tokens that are left until the first ones come back.
"""

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.budget import Budget, Grant
from core.platform import Bucket
from core.tasks import end

FIRST_CHARS = 12
FIRST_WAIT_S = 0.7
"""The first text appears with so many characters, or so long after the first of them."""

YOUNGEST_S = 0.25
MOST_BUCKETS = 10_000
REST_S = 0.25
"""A model that is silent for so long rests: what is shown now stays fresh until it goes on."""
RESTED = 0.7
"""A rest is used when so much of the distance to the last update has passed."""
LOOK_AGAIN_S = 1.0
"""Who waits for a token looks so often whether it still wants that one."""
CLOCK_S = 0.001
"""What is due so soon is due now."""


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

    @property
    def rests_at(self) -> float:
        """When (by the loop's clock) the model will have been silent for `REST_S`."""
        ...


@dataclass
class _Lane:
    """The screens that share a widest bucket, and wait."""

    waiting: dict[Screen, asyncio.Future[bool]] = field(default_factory=dict)
    came: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class _Known:
    """What this process knows of a bucket: when it took tokens, and when it will ask again."""

    taken: deque[float]
    next_at: float = 0.0
    gap: float = 0.0


class Pacer:
    """Gives the growing answers of this process their turns: the stalest screen first.

    An async context manager. Tokens are shared with the other processes by *budget*;
    the distances between turns follow from how many tokens are left.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._lanes: dict[str, _Lane] = {}
        self._buckets: dict[str, _Known] = {}
        self._drivers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Pacer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await end(self._drivers)

    async def turn(self, screen: Screen) -> bool:
        """Wait for the turn of *screen*: true with a token of its budget, false after `leave`."""
        buckets = screen.budget
        if not buckets:
            return True
        key = buckets[-1].key
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane()
            driver = asyncio.create_task(self._drive(key, lane), name=f"pace {key}")
            self._drivers.add(driver)
            driver.add_done_callback(self._drivers.discard)
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
        try:
            await self._give_turns(lane)
        except Exception as error:
            # A fault of ours is told to those who wait, as if it had happened in their call.
            for future in lane.waiting.values():
                if not future.done():
                    future.set_exception(error)
        finally:
            del self._lanes[key]

    async def _give_turns(self, lane: _Lane) -> None:
        """Give turns in *lane* until nobody waits."""
        clock = asyncio.get_running_loop().time
        while lane.waiting:
            now = clock()
            ready = [(self._due(one), one) for one, f in lane.waiting.items() if not f.done()]
            soonest = min((due for due, _ in ready), default=now + 60)
            if soonest > now + CLOCK_S:
                lane.came.clear()
                try:
                    async with asyncio.timeout(min(soonest - now, LOOK_AGAIN_S)):
                        await lane.came.wait()
                except TimeoutError:
                    pass
                continue
            stalest = max(
                (one for due, one in ready if due <= now + CLOCK_S), key=lambda one: one.unseen
            )
            grant = await self.budget.take(stalest.budget, final=False)
            place = stalest.budget[0].key
            crowd = sum(one.budget[0].key == place for one in lane.waiting)
            self._space(stalest, grant, clock(), crowd)
            future = lane.waiting.pop(stalest, None) if not grant.wait_s else None
            if future is not None and not future.done():
                future.set_result(True)

    def _due(self, screen: Screen) -> float:
        due = 0.0
        for bucket in screen.budget:
            known = self._buckets.get(bucket.key)
            if known is None or (known.gap and screen.unseen == math.inf):
                continue  # Nothing is shown yet: not spaced, only as the tokens allow.
            rest = max(screen.rests_at, known.next_at - (1 - RESTED) * known.gap)
            due = max(due, min(known.next_at, rest))
        return due

    def _space(self, screen: Screen, grant: Grant, now: float, crowd: int) -> None:
        """Note when each bucket of *screen*, for which *crowd* wait, may be asked again."""
        for bucket, level in zip(screen.budget, grant.levels, strict=False):
            known = self._buckets.setdefault(bucket.key, _Known(deque(maxlen=bucket.most)))
            spare = level - bucket.reserve
            if not grant.wait_s:
                known.taken.append(now)
                known.gap = gap_s(bucket, spare, screen.age_s, known.taken, now, crowd)
                known.next_at = now + known.gap
            elif spare < 1:
                known.gap = 0.0
                known.next_at = now + max(grant.wait_s, 2 * CLOCK_S)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets = {key: one for key, one in self._buckets.items() if one.next_at > now}


def gap_s(
    bucket: Bucket,
    spare: float,
    age_s: float,
    taken: Sequence[float] = (),
    now: float = 0.0,
    crowd: int = 1,
) -> float:
    """How long to wait between two updates while *spare* tokens are left, for an answer so old.

    Args:
        spare: one of them is kept in store for a rest of the model.
        taken: when this process took tokens, oldest first; they come back.
        crowd: how many answers share the bucket: the more, the more evenly, for new ones
            begin where others end.
    """
    window, age_s = bucket.seconds, max(age_s, YOUNGEST_S)
    oldest = next((at for at in taken if at > now - window), now)
    ahead = max(window / 4, oldest + window - now)
    coming = sum(now - window < at <= now - window + ahead for at in taken)
    tokens = max(0.5, spare - 1 + coming)
    growth = 0.5 / max(1, crowd)
    rest = 1 - growth
    span = (math.pow(age_s + ahead, rest) - math.pow(age_s, rest)) / rest
    return span * math.pow(age_s, growth) / tokens


def worth_showing(text: str, waited_s: float) -> bool:
    """Whether a first *text* is enough to show, *waited_s* after its first character."""
    return bool(text.strip()) and (len(text) >= FIRST_CHARS or waited_s >= FIRST_WAIT_S)
