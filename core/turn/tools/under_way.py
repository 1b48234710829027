"""The answer under way, as its tools see it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from core.store.journal import StepRecord
from core.turn.context import TurnContext
from core.turn.spending import Estimate


class UnderWay(NamedTuple):
    """What a tool may know of the answer.

    *steps*: those called so far. *bill*: what those that have ended, and the model, cost so far.
    """

    context: TurnContext
    steps: Callable[[], Sequence[StepRecord]]
    bill: Callable[[], Estimate]
