"""When a growing answer may be updated. This text explains the whole pacing.

The problem. An edit costs a token, tokens are few, and nobody knows when an answer will end.
Each update should spare the reader as many unseen characters as it can.

The law.
1. If the end were known, updates at equal distances would be best: with n tokens for T seconds,
   one each T / n.
2. The end is not known, but the lengths of earlier answers are. On average over them, the fewest
   characters stay unseen when updates are frequent early and rare late. `core.live.length_model`
   says how many updates are planned until a given character.
3. The distance to the next update is planned in characters, and `core.live.plan` turns it
   into seconds. Until a token comes back, no more updates are planned than there are tokens.
4. The first text has no distance to keep. It goes as soon as there is a token, and before all
   previews. Of several previews that are due, the one with the most unseen characters goes first.
5. A model that writes in bursts is shown just after the burst nearest to the planned time. A
   model that stops is shown in the stop, if enough is unseen. `core.live.progress` finds both.

An example, computed by this code. A place has 20 tokens in 60 s, and one is kept for the end of
the answer. The model writes 240 characters a second. No answer has ended yet.

    update  at (s)  characters  tokens left  distance (characters)  distance (s)
     first     0.1          12           18                     79           0.3
       2nd     0.4          91           17                    112           0.5
       6th     3.9         944           13                    396           1.6
      11th    15.4       3,687            8                    801           3.3
      19th    53.0      12,720            0                  1,549           6.5

The first row: the next token comes back in 60 s, and 14,400 characters are written until then.
Updates get rarer, so the length model plans as many for these as for 1,509 characters at the rate
of this moment. 18 tokens and the one that comes back share them: 1,509 / 19 = 79 characters, and
79 / 240 = 0.33 s.

The numbers. `docs/live-text.md` has the limits, their sources and what was measured
(`python -m bench.freshness`). `core.buckets` decides whether there is a token.

The names. `_s` is a duration in seconds, `_at` a moment of the loop's clock in seconds, `_chars` a
number of characters, `_per_s` a speed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from core.budget import LOOK_AGAIN_S, Budget, Grant
from core.live.length_model import LengthModel
from core.live.plan import Plan, plan_gap_s, tokens_back_s
from core.live.progress import LATE_PAUSES, Progress, clock
from core.platform import Bucket
from core.tasks import Flag, end

FIRST_CHARS = 12
FIRST_WAIT_S = 0.7
"""The first text is shown when it has so many characters, or so long after the first of them."""

LATE_GAPS = 5
"""A slow model delays an update by so many planned distances at most."""
MOST_BUCKETS = 10_000
"""So many buckets are remembered. Then those that are due are forgotten."""
CLOCK_S = 0.001
"""What is due within this time is due now."""
STEP_S = 0.01
"""The shortest wait before the pacer looks again."""
EARLY_PAUSES = LATE_PAUSES + 1
"""A burst that comes so many usual pauses before an update is due is too early to show it."""


class GrowingAnswer(Protocol):
    """An answer that grows, and waits for its turn to be shown."""

    @property
    def budget(self) -> Sequence[Bucket]:
        """The buckets that its next update takes a token of. The place's bucket is first."""
        ...

    @property
    def progress(self) -> Progress: ...


class Turn(NamedTuple):
    """The right to make one call: the buckets it took a token of, and the budget's grant."""

    buckets: Sequence[Bucket] = ()
    grant: Grant = Grant(0.0)


@dataclass
class _Lane:
    """The growing answers of one place that wait for a turn."""

    waiting: dict[GrowingAnswer, asyncio.Future[Turn | None]] = field(default_factory=dict)
    changed: Flag = field(default_factory=Flag)
    """Set when the lane must be looked at again."""
    first_at: float = 0.0
    """When a first text that got no token asks again."""
    soonest_at: float = 0.0
    """When the first of them is due, as far as was known at the last look."""


class Pacer:
    """Gives each growing answer of this process its turns.

    Use it as an async context manager. *budget* shares the tokens with other processes.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.length_model = LengthModel()
        self._lanes: dict[str, _Lane] = {}
        self._plans: dict[str, Plan] = {}
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
        lane.changed.set()
        try:
            return await future
        finally:
            lane.waiting.pop(answer, None)
            lane.changed.set()

    def pause_ended(self, answer: GrowingAnswer) -> None:
        """The model of *answer* wrote again after a pause: give the turn now if it is due."""
        lane = self._lanes.get(self._places.get(answer, ""))
        if lane is None or lane.changed.is_set() or answer not in lane.waiting:
            return
        now = clock()
        if now + EARLY_PAUSES * answer.progress.pause_s < lane.soonest_at:
            return
        if self._due_at(answer, lane, now) <= now:
            lane.changed.set()

    def leave(self, answer: GrowingAnswer) -> None:
        """Forget *answer*, which grows no more. If it waits for a turn, that wait ends."""
        self._places.pop(answer, None)
        for lane in self._lanes.values():
            future = lane.waiting.get(answer)
            if future is not None and not future.done():
                future.set_result(None)

    async def _drive(self, key: str, lane: _Lane) -> None:
        try:
            await self._give_turns(lane)
        except Exception as error:
            # Each answer that waits gets the error, as if its own call had raised it.
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
            # First texts go before all previews.
            waiting = [one for one in waiting if one.progress.shown_chars is None] or waiting
            ready = [(self._due_at(one, lane, now), one) for one in waiting]
            soonest_at = min((due_at for due_at, _ in ready), default=now + 60)
            if soonest_at > now + CLOCK_S:
                lane.soonest_at = soonest_at
                lane.changed.clear()
                await lane.changed.wait(min(max(soonest_at - now, STEP_S), LOOK_AGAIN_S))
                continue
            stalest = max(
                (one for due_at, one in ready if due_at <= now + CLOCK_S),
                key=lambda one: one.progress.unseen_chars,
            )
            await self._try_to_give(stalest, lane)

    async def _try_to_give(self, answer: GrowingAnswer, lane: _Lane) -> None:
        """Give *answer* its turn if there is a token. In both cases plan when to ask next."""
        # Its buckets may have changed while it waited.
        buckets, first = answer.budget, answer.progress.shown_chars is None
        place = self._places[answer] = buckets[0].key
        answers = sum(one == place for one in self._places.values())
        grant = await self.budget.take(buckets, "first" if first else "preview", growing=answers)
        if grant.wait_s and first:
            lane.first_at = clock() + min(max(grant.wait_s, 2 * CLOCK_S), LOOK_AGAIN_S)
        else:
            self._plan_next(buckets, answer.progress, grant, clock(), answers)
        future = lane.waiting.pop(answer, None) if not grant.wait_s else None
        if future is not None and not future.done():
            future.set_result(Turn(buckets, grant))

    def _due_at(self, answer: GrowingAnswer, lane: _Lane, now: float) -> float:
        """When *answer* should ask for its next token.

        It starts from the plan of the strictest of its buckets. A slow model moves it later, a
        burst or a stop of the model moves it to a better moment.
        """
        progress = answer.progress
        if progress.shown_chars is None:
            return lane.first_at
        per_s, unseen_chars = progress.writing_chars_per_s, progress.unseen_chars
        earliest_at = planned_at = gap_s = apart_s = 0.0
        for bucket in answer.budget:
            plan = self._plans.get(bucket.key)
            if plan is None:
                continue
            earliest_at = max(earliest_at, plan.next_at - plan.gap_s)
            planned_at = max(planned_at, plan.due_at(per_s))
            gap_s, apart_s = max(gap_s, plan.gap_s), max(apart_s, plan.gap_s * plan.answers)
        if unseen_chars > 0:
            # The plan is in characters. A model that slows down has not written them in gap_s.
            written_at = now + gap_s - unseen_chars / per_s
            planned_at = max(planned_at, min(written_at, planned_at + LATE_GAPS * gap_s))
        due_at = progress.burst_at(earliest_at, planned_at)
        return min(due_at, max(earliest_at, progress.stop_at(apart_s)))

    def _plan_next(
        self, buckets: Sequence[Bucket], progress: Progress, grant: Grant, now: float, answers: int
    ) -> None:
        """Plan when a preview may next ask each of *buckets*, which *answers* answers share."""
        for bucket, spare, tokens_per_s in zip(buckets, grant.levels, grant.speeds, strict=True):
            if not bucket.most:
                continue
            plan = self._plans.setdefault(bucket.key, Plan([]))
            plan.answers = answers
            if not grant.wait_s:
                plan.taken_at.append(now)
                del plan.taken_at[: -max(bucket.most, bucket.upto)]
                back_s = tokens_back_s(bucket, tokens_per_s, plan.taken_at, now)
                plan.gap_s = plan_gap_s(spare, back_s, progress, self.length_model, now, answers)
                plan.next_at = now + plan.gap_s
                # Tokens that come back one by one do so at their own speed, not the model's.
                plan.chars_per_s = 0.0 if bucket.refills else progress.writing_chars_per_s
            elif spare < 1:
                plan.gap_s = 0.0
                plan.next_at = now + max(grant.wait_s, 2 * CLOCK_S)
        if len(self._plans) > MOST_BUCKETS:
            self._plans = {key: one for key, one in self._plans.items() if one.next_at > now}


def worth_showing(text: str, waited_s: float) -> bool:
    """Whether a first *text* is enough to show, *waited_s* after its first character."""
    return bool(text.strip()) and (len(text) >= FIRST_CHARS or waited_s >= FIRST_WAIT_S)
