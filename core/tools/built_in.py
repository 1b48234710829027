"""The tools that come with Palaver, by the names that `TOOLS` takes."""

from collections.abc import Callable, Mapping
from functools import partial

from core.tools.calculate import Calculator
from core.tools.clock import Clock
from core.tools.of_turn import OF_TURN, OfTurn
from core.tools.tool import Tool

BUILT_IN: Mapping[str, Callable[[], Tool]] = {
    "time": Clock,
    "calculate": Calculator,
    **{spec.name: partial(OfTurn, spec) for spec in OF_TURN},
}
