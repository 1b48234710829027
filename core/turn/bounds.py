"""The bounds of an answer's calls: how many, for how long, for how much money.

All hold for the answer as a whole, whatever runs side by side, and are looked at before each call.
At a bound the model is asked once more, without tools, so it answers with what it has.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from core.messages import Spent
from core.store.journal import StepRecord
from core.turn.afford import reserve
from core.turn.context import TurnContext
from core.turn.generation import Generation
from core.turn.journal import made
from core.turn.seen import seconds_of
from core.turn.spending import Estimate, OverBudget, together
from core.turn.tools.image import paid_for

MOST_ROUNDS = 8
"""So often the model may call tools for one answer."""
SAME_CALLS = 2
"""The same call is made so often. After that the model is told to use the result it has."""
_ENOUGH = "Not called: the limit of tool calls for this answer is reached."
_DEAR = "Not called: the money for this answer is used up."
_AGAIN = "Not called: you have the result of the same call already."


class Bounds:
    """The bounds of the answer that *generation* holds.

    *bill*: what it has cost, by model, the one that answers first.

    Attributes:
        poor: the budgets allow no further round, but for the one that ends the answer.
    """

    def __init__(
        self, context: TurnContext, generation: Generation, bill: Callable[[], Estimate]
    ) -> None:
        self._context = context
        self._settings = context.services.settings
        self._journal = context.journal
        self._generation = generation
        self._bill = bill
        self.poor = False
        self._spent_s = seconds_of(self._journal.rounds)
        self._since: float | None = None
        """How long calls took, but for those that run, and when these began."""
        self._running = 0
        """How many calls may be made, and have not ended."""

    @property
    def reached(self) -> bool:
        """Whether this answer may make no more calls."""
        return (
            len(self._journal.rounds) >= MOST_ROUNDS
            or _made(self._journal.steps) >= self._settings.tool_steps
            or self.seconds_left <= 0
            or self.poor
            or self._dear
        )

    @property
    def seconds_left(self) -> float:
        """For how long calls may still run, side by side or one by one."""
        running = time.monotonic() - self._since if self._since is not None else 0.0
        return self._settings.tool_seconds - self._spent_s - running

    @contextmanager
    def clock(self) -> Iterator[None]:
        """The time counts, until the block ends."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._spent_s += time.monotonic() - self._since
            self._since = None

    @contextmanager
    def call(self) -> Iterator[None]:
        """One more call may be made in this block."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    async def why_not(self, step: StepRecord, before: Sequence[StepRecord]) -> str:
        """Why *step* is not called behind those *before* it, for the model; empty: it is."""
        if _made(before) >= self._settings.tool_steps or self.seconds_left <= 0:
            return _ENOUGH
        # Models that stumble repeat a call. An effect is not repeated within one answer.
        most = 1 if step.effect == "effects" else SAME_CALLS
        if sum(1 for one in before if one.digest == step.digest) >= most:
            return _AGAIN
        return "" if await self._affords() else _DEAR

    async def _affords(self) -> bool:
        """Whether all that runs may be spent, by the answer and by all budgets."""
        if not self._dear and self._context.accounts:
            bill = self._bill()
            answers = next(iter(bill))

            def with_calls(count: int) -> Estimate:
                return together([bill, {answers: Spent(tool_calls=count)}])

            try:
                # The other calls that run are as sure as those that ended.
                await reserve(
                    self._context, [with_calls(self._running)], with_calls(self._running - 1)
                )
            except OverBudget:
                self.poor = True
        return not (self._dear or self.poor)

    @property
    def _dear(self) -> bool:
        """Whether the answer has cost all that one answer may cost."""
        most_usd = self._settings.tool_usd
        painted = paid_for(self._context, self._journal.steps)
        spent = self._generation.earlier.cost_usd(self._generation.price)
        spent += sum(one.cost_usd for one in painted.values())
        return most_usd > 0 and spent >= most_usd


def _made(steps: Iterable[StepRecord]) -> int:
    """How many of *steps* were made, or will be."""
    return sum(made(one) or not one.ended for one in steps)
