"""When a growing answer may be updated: shared tokens, and whose turn it is.

The law. With n tokens for a known time T, an answer is shown best at equal distances of T / n.
T is not known, but how long answers get is: what is unseen on average over all of them is least
when the distances follow `core.live.length_model`. They are planned in characters, as the tokens
allow that are left and come back. A first text is not spaced: it goes as soon as there is a
token, and before everybody's previews.

For example: a group of 20 calls a minute, an answer at 240 characters a second, one token
kept for its end. After the first text 18 are left, of which the next comes back in 60 s; until
then 14,400 characters may come, of which, as answers are, an update is worth most early: the
next is due after some 90 characters, 0.4 s. After ten updates and 2,500 characters the distance
is 500 characters, 2 s; at 20 calls a minute it ends at one in three seconds.

An update shows most when it goes out just after the model has written: where a model writes
in bursts, the times so found are moved to the nearest burst.
"""

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from core.budget import LOOK_AGAIN_S, Budget, Grant
from core.live.length_model import LengthModel
from core.live.progress import Progress, clock
from core.platform import Bucket
from core.tasks import end

FIRST_CHARS = 12
FIRST_WAIT_S = 0.7
"""The first text appears with so many characters, or so long after the first of them."""

LATE_GAPS = 5
"""For so many distances between updates the characters planned for one are waited for."""
MOST_BUCKETS = 10_000
MOST_TOKENS = 64
"""So many of the tokens that come back are planned with."""
CLOCK_S, STEP_S = 0.001, 0.01
"""What is due so soon is due now; and so long passes before it is looked at again."""


class GrowingAnswer(Protocol):
    """A growing answer that waits for its turn to be shown."""

    @property
    def budget(self) -> Sequence[Bucket]:
        """What its next update takes a token of: the place's bucket first."""
        ...

    @property
    def progress(self) -> Progress: ...


class Turn(NamedTuple):
    """The right to one call: what it took a token of, and what the budget said to that."""

    buckets: Sequence[Bucket] = ()
    grant: Grant = Grant(0.0)


@dataclass
class _Lane:
    """The growing answers that share a place's bucket, and wait."""

    waiting: dict[GrowingAnswer, asyncio.Future[Turn | None]] = field(default_factory=dict)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    first_at: float = 0.0
    """When a first text, which had no token, asks again."""


@dataclass
class _Known:
    """What this process knows of a bucket: when it took tokens, when previews ask next.

    *gap*: the planned distance, in seconds, of which *speed* was expected, in characters a second.
    """

    taken: deque[float]
    next_at: float = 0.0
    gap: float = 0.0
    speed: float = 0.0
    crowd: int = 1

    def spaced(self, progress: Progress) -> float:
        """When the next one is due: sooner, if the model turns out to write faster."""
        faster = max(1.0, progress.writing_speed / self.speed) if self.speed else 1.0
        return self.next_at - self.gap + self.gap / faster


class Pacer:
    """Gives the growing answers of this process their turns: the stalest first.

    An async context manager. Tokens are shared with the other processes by *budget*;
    the distances between turns follow from how many tokens are left.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.length_model = LengthModel()
        self._lanes: dict[str, _Lane] = {}
        self._buckets: dict[str, _Known] = {}
        self._places: dict[GrowingAnswer, str] = {}
        self._drivers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Pacer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await end(self._drivers)

    async def turn(self, answer: GrowingAnswer) -> Turn | None:
        """Wait for the turn of *answer*, with a token of its budget; None after `leave`."""
        buckets = answer.budget
        if not buckets:
            return Turn()
        key = self._places[answer] = buckets[0].key
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane()
            driver = asyncio.create_task(self._drive(key, lane), name=f"pace {key}")
            self._drivers.add(driver)
            driver.add_done_callback(self._drivers.discard)
        future: asyncio.Future[Turn | None] = asyncio.get_running_loop().create_future()
        lane.waiting[answer] = future
        lane.came.set()
        try:
            return await future
        finally:
            lane.waiting.pop(answer, None)
            lane.came.set()

    def look(self, answer: GrowingAnswer) -> None:
        """Look whether *answer* is due: a pause of its model has ended."""
        lane = self._lanes.get(answer.budget[0].key) if answer.budget else None
        if lane is not None and answer in lane.waiting and self._due(answer, lane) <= clock():
            lane.came.set()

    def leave(self, answer: GrowingAnswer) -> None:
        """Forget *answer*, which grows no more; its waiting ends, if it waits."""
        self._places.pop(answer, None)
        for lane in self._lanes.values():
            future = lane.waiting.get(answer)
            if future is not None and not future.done():
                future.set_result(None)

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
            waiting = [one for one, future in lane.waiting.items() if not future.done()]
            # Nobody's preview before somebody's first text.
            waiting = [one for one in waiting if one.progress.shown is None] or waiting
            ready = [(self._due(one, lane), one) for one in waiting]
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
                key=lambda one: one.progress.unseen,
            )
            await self._give(stalest, lane)

    async def _give(self, answer: GrowingAnswer, lane: _Lane) -> None:
        """Give *answer* its turn, if there is a token."""
        # What it costs may have changed while it waited.
        buckets, first = answer.budget, answer.progress.shown is None
        place = self._places[answer] = buckets[0].key
        crowd = sum(one == place for one in self._places.values())
        grant = await self.budget.take(buckets, "first" if first else "preview", growing=crowd)
        if grant.wait_s and first:
            lane.first_at = clock() + min(max(grant.wait_s, 2 * CLOCK_S), LOOK_AGAIN_S)
        else:
            self._space(buckets, answer.progress, grant, clock(), crowd)
        future = lane.waiting.pop(answer, None) if not grant.wait_s else None
        if future is not None and not future.done():
            future.set_result(Turn(buckets, grant))

    def _due(self, answer: GrowingAnswer, lane: _Lane) -> float:
        progress, now = answer.progress, clock()
        if progress.shown is None:
            return lane.first_at
        earliest = spaced = gap = apart_s = 0.0
        for bucket in answer.budget:
            known = self._buckets.get(bucket.key)
            if known is None:
                continue
            earliest = max(earliest, known.next_at - known.gap)
            spaced = max(spaced, known.spaced(progress))
            gap, apart_s = max(gap, known.gap), max(apart_s, known.gap * known.crowd)
        if progress.unseen > 0:
            # Planned are characters, and a model that stops, or slows down, does not write them.
            enough = now + gap - progress.unseen / progress.writing_speed
            spaced = max(spaced, min(enough, spaced + LATE_GAPS * gap))
        due = progress.best_time(earliest, spaced)
        return min(due, max(earliest, progress.stop_time(apart_s)))

    def _space(
        self, buckets: Sequence[Bucket], progress: Progress, grant: Grant, now: float, crowd: int
    ) -> None:
        """Note when each of *buckets*, for which *crowd* wait, may be asked again for a preview."""
        for bucket, spare, tokens_s in zip(buckets, grant.levels, grant.speeds, strict=True):
            if not bucket.most:
                continue
            most = max(bucket.most, bucket.upto)
            known = self._buckets.setdefault(bucket.key, _Known(deque(maxlen=most)))
            known.crowd = crowd
            if not grant.wait_s:
                known.taken.append(now)
                back_s = _back_s(bucket, tokens_s, known.taken, now)
                known.gap = gap_s(spare, back_s, progress, self.length_model, now, crowd)
                known.next_at = now + known.gap
                # Tokens that drip come back in time, whatever the model does.
                known.speed = 0.0 if bucket.refills else progress.writing_speed
            elif spare < 1:
                known.gap = 0.0
                known.next_at = now + max(grant.wait_s, 2 * CLOCK_S)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets = {key: one for key, one in self._buckets.items() if one.next_at > now}


def gap_s(
    spare: float,
    back_s: Sequence[float],
    progress: Progress,
    length_model: LengthModel,
    now: float,
    crowd: int,
) -> float:
    """How long to wait between two updates of an answer while *spare* tokens are left.

    Until a token comes back, no more updates may be due than there are tokens without it.

    Args:
        back_s: in how many seconds tokens come back, the next one first.
        lengths: how long answers get.
        crowd: how many answers share the bucket, 1 or more: the more, the more evenly, for
            new ones begin where others end.
    """
    speed, writing = progress.speed(now), progress.writing_speed
    further = [seconds * speed for seconds in back_s]
    shares = length_model.shares(progress.written, further, 0.5 / math.sqrt(crowd))
    return max(
        share / writing / (spare + n) if spare + n > 0 else seconds
        for n, (seconds, share) in enumerate(zip(back_s, shares, strict=True), 1)
    )


def _back_s(bucket: Bucket, tokens_s: float, taken: Sequence[float], now: float) -> Sequence[float]:
    """In how many seconds tokens come back; *taken*: when they were, oldest first."""
    if bucket.refills:
        return [n / tokens_s for n in range(1, MOST_TOKENS)]
    return [at + bucket.seconds - now for at in taken if at > now - bucket.seconds]


def worth_showing(text: str, waited_s: float) -> bool:
    """Whether a first *text* is enough to show, *waited_s* after its first character."""
    return bool(text.strip()) and (len(text) >= FIRST_CHARS or waited_s >= FIRST_WAIT_S)
