"""When a growing answer may be updated: shared tokens, and whose turn it is.

With n tokens for a known time T, an answer is shown best at equal distances of T / n. T is
not known, but how long answers get is: what is unseen on average over all of them is least
when the distances follow `core.live.lengths`. They are planned in characters, as the tokens
allow that are left and come back.

An update shows most when it goes out just after the model has written: where a model writes
in bursts, the times so found are moved to the nearest burst.
"""

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from core.budget import Budget, Grant
from core.live.growth import Growth, clock
from core.live.lengths import Lengths
from core.platform import Bucket
from core.tasks import end

FIRST_CHARS = 12
FIRST_WAIT_S = 0.7
"""The first text appears with so many characters, or so long after the first of them."""

LATE_GAPS = 5
"""For so many distances between updates the characters planned for one are waited for."""
MOST_BUCKETS = 10_000
LOOK_AGAIN_S = 1.0
"""Who waits for a token looks so often whether it still wants that one."""
CLOCK_S, STEP_S = 0.001, 0.01
"""What is due so soon is due now; and so long passes before it is looked at again."""


class Screen(Protocol):
    """A growing answer that waits for its turn to be shown."""

    @property
    def budget(self) -> Sequence[Bucket]:
        """What its next update takes a token of: the place's bucket first, the widest last."""
        ...

    @property
    def growth(self) -> Growth: ...


@dataclass
class _Lane:
    """The screens that share a widest bucket, and wait."""

    waiting: dict[Screen, asyncio.Future[bool]] = field(default_factory=dict)
    came: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class _Known:
    """What this process knows of a bucket: when it took tokens, when it asks next, for how many."""

    taken: deque[float]
    next_at: float = 0.0
    gap: float = 0.0
    crowd: int = 1


class Pacer:
    """Gives the growing answers of this process their turns: the stalest screen first.

    An async context manager. Tokens are shared with the other processes by *budget*;
    the distances between turns follow from how many tokens are left.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.lengths = Lengths()
        self._lanes: dict[str, _Lane] = {}
        self._buckets: dict[str, _Known] = {}
        self._places: dict[Screen, str] = {}
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
        self._places[screen] = buckets[0].key
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

    def look(self, screen: Screen) -> None:
        """Look whether *screen* is due: a pause of its model has ended."""
        lane = self._lanes.get(screen.budget[-1].key) if screen.budget else None
        if lane is not None and screen in lane.waiting and self._due(screen) <= clock():
            lane.came.set()

    def leave(self, screen: Screen) -> None:
        """Forget *screen*, which grows no more; its waiting ends, if it waits."""
        self._places.pop(screen, None)
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
        while lane.waiting:
            now = clock()
            ready = [(self._due(one), one) for one, f in lane.waiting.items() if not f.done()]
            soonest = min((due for due, _ in ready), default=now + 60)
            if soonest > now + CLOCK_S:
                lane.came.clear()
                try:
                    async with asyncio.timeout(min(max(soonest - now, STEP_S), LOOK_AGAIN_S)):
                        await lane.came.wait()
                except TimeoutError:
                    pass
                continue
            stalest = max(
                (one for due, one in ready if due <= now + CLOCK_S),
                key=lambda one: one.growth.unseen,
            )
            # What it costs may have changed while it waited.
            place = self._places[stalest] = stalest.budget[0].key
            crowd = sum(one == place for one in self._places.values())
            buckets = _kept(stalest.budget, crowd)
            grant = await self.budget.take(buckets, final=False)
            self._space(buckets, stalest.growth, grant, clock(), crowd)
            future = lane.waiting.pop(stalest, None) if not grant.wait_s else None
            if future is not None and not future.done():
                future.set_result(True)

    def _due(self, screen: Screen) -> float:
        growth, now = screen.growth, clock()
        earliest = spaced = gap = apart_s = 0.0
        for bucket in screen.budget:
            known = self._buckets.get(bucket.key)
            if known is None or (known.gap and growth.shown is None):
                continue  # Nothing is shown yet: not spaced, only as the tokens allow.
            earliest = max(earliest, known.next_at - known.gap)
            spaced = max(spaced, known.next_at)
            gap, apart_s = max(gap, known.gap), max(apart_s, known.gap * known.crowd)
        if growth.unseen > 0:
            # Planned are characters, and a model that stops, or slows down, does not write them.
            enough = now + gap - growth.unseen / growth.writing_speed
            spaced = max(spaced, min(enough, spaced + LATE_GAPS * gap))
        due = growth.best_time(earliest, spaced)
        return min(due, max(earliest, growth.stop_time(apart_s)))

    def _space(
        self, buckets: Sequence[Bucket], growth: Growth, grant: Grant, now: float, crowd: int
    ) -> None:
        """Note when each of *buckets*, for which *crowd* wait, may be asked again."""
        for bucket, level in zip(buckets, grant.levels, strict=False):
            known = self._buckets.setdefault(bucket.key, _Known(deque(maxlen=bucket.most)))
            spare, known.crowd = level - bucket.reserve, crowd
            if not grant.wait_s:
                known.taken.append(now)
                known.gap = gap_s(bucket, spare, growth, self.lengths, known.taken, now, crowd)
                known.next_at = now + known.gap
            elif spare < 1:
                known.gap = 0.0
                known.next_at = now + max(grant.wait_s, 2 * CLOCK_S)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets = {key: one for key, one in self._buckets.items() if one.next_at > now}


def _kept(buckets: Sequence[Bucket], crowd: int) -> Sequence[Bucket]:
    """*buckets*, where more is kept for final texts if a *crowd* will soon need as many."""
    place, *wider = buckets
    reserve = min(place.most - 1, crowd - place.most // 4)
    if reserve <= place.reserve:
        return buckets
    return msgspec.structs.replace(place, reserve=reserve), *wider


def gap_s(
    bucket: Bucket,
    spare: float,
    growth: Growth,
    lengths: Lengths,
    taken: Sequence[float],
    now: float,
    crowd: int,
) -> float:
    """How long to wait between two updates of an answer while *spare* tokens are left.

    Until a token comes back, no more updates may be due than there are tokens without it.

    Args:
        lengths: how long answers get.
        taken: when this process took tokens, oldest first, the last of them now.
        crowd: how many answers share the bucket, 1 or more: the more, the more evenly, for
            new ones begin where others end.
    """
    speed, writing = growth.speed(now), growth.writing_speed
    back_s = [at + bucket.seconds - now for at in taken if at > now - bucket.seconds]
    further = [seconds * speed for seconds in back_s]
    shares = lengths.shares(growth.written, further, 0.5 / math.sqrt(crowd))
    return max(
        share / writing / (spare + n) if spare + n > 0 else seconds
        for n, (seconds, share) in enumerate(zip(back_s, shares, strict=True), 1)
    )


def worth_showing(text: str, waited_s: float) -> bool:
    """Whether a first *text* is enough to show, *waited_s* after its first character."""
    return bool(text.strip()) and (len(text) >= FIRST_CHARS or waited_s >= FIRST_WAIT_S)
