"""What people see of the steps of a turn: which run, how they go on, and how they ended.

`core.activity` says where it is shown. Names of tools, their arguments and what servers say of
their progress are strangers' words: they are cleaned, cut, and shown as code or as plain text.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from core.activity import MARKS, Activity, ShownStep, StepState
from core.languages.catalogue import Language, say
from core.models.folding import visible
from core.secret import redact
from core.store.journal import RoundRecord, StepRecord
from core.tools.served import BETWEEN
from core.turn.journal import Journal
from core.words import cut

MOST_STEPS = 12
"""So many steps are shown one by one, the newest."""
MOST_NAMED = 4
NAME_CHARS, PROGRESS_CHARS, DETAIL_CHARS = 60, 80, 160
_OURS = {
    "time": ("🕓", "time"),
    "calculate": ("🧮", "calculate"),
    "web_search": ("🔎", "web_search"),
    "read_page": ("📄", "read_page"),
    "image": ("🎨", "image"),
    "remind": ("⏰", "remind"),
    "reminders": ("⏰", "remind"),
    "memory": ("🧠", "memory"),
    "search_here": ("🗂", "search_here"),
}
"""The tools of our own: their signs, and how they are named in the person's language."""
_ICON = "🔧"


def _nobody() -> None:
    """Nobody is told."""


class Seen:
    """The steps in *journal*, as people see them.

    *verbose*: whether people want to see the arguments of each step.
    """

    def __init__(self, journal: Journal, language: Language, *, verbose: bool) -> None:
        self._changed: Callable[[], None] = _nobody
        self._journal = journal
        self._language = language
        self._verbose = verbose
        self._called: set[tuple[int, int]] = set()
        self._running: dict[tuple[int, int], str] = {}
        """What each running step says of its progress."""

    @contextmanager
    def telling(self, changed: Callable[[], None]) -> Iterator[None]:
        """Call *changed* whenever the steps change, until the block ends."""
        self._changed = changed
        try:
            yield
        finally:
            self._changed = _nobody

    def began(self, number: int, at: int) -> None:
        self._called.add((number, at))
        self._running[number, at] = ""
        self._changed()

    def goes_on(self, number: int, at: int, text: str) -> None:
        """The step says *text* of its progress."""
        said = _cleaned(text, PROGRESS_CHARS)
        if self._running.get((number, at), said) != said:
            self._running[number, at] = said
            self._changed()

    def ended(self, number: int, at: int) -> None:
        self._running.pop((number, at), None)
        self._changed()

    def activity(self) -> Activity:
        """All steps that were called, or wait for a person."""
        rounds = self._journal.rounds
        shown = [
            one
            for number, record in enumerate(rounds)
            for at, step in enumerate(record.steps)
            if (one := self._shown(number, at, step)) is not None
        ]
        if not shown:
            return Activity(verbose=self._verbose)
        line = _line([one for one, _ in shown], [name for _, name in shown])
        if not self._running and (seconds := seconds_of(rounds)) >= 0.1:
            line += f" · {seconds:.{0 if seconds >= 1 else 1}f} s"
        return Activity(line, tuple(one for one, _ in shown)[-MOST_STEPS:], self._verbose)

    def _shown(self, number: int, at: int, step: StepRecord) -> tuple[ShownStep, str] | None:
        """*step* and its name in Markdown; None if it was not called."""
        state = self._state(number, at, step)
        if state is None:
            return None
        icon, name, ours = self._named(step.tool or step.call.name)
        detail = _cleaned(redact(step.call.arguments), DETAIL_CHARS) if self._verbose else ""
        one = ShownStep(
            f"{number}:{at}",
            f"{icon} {name}",
            state,
            step.seconds,
            "" if detail == "{}" else detail,
            self._running.get((number, at), ""),
        )
        return one, f"{icon} {name}" if ours else f"{icon} `{name}`"

    def _state(self, number: int, at: int, step: StepRecord) -> StepState | None:
        if (number, at) in self._running:
            return "running"
        match step.state:
            case "done" | "unsure":
                return step.state
            case "asked":
                return "asking"
            case "failed" if step.seconds:
                return "failed"
            case "begun":
                # It was cut, and has not come to an end yet.
                return "unsure" if step.effect == "effects" else "failed"
        # A call that was stopped has no result.
        return "failed" if (number, at) in self._called else None

    def _named(self, tool: str) -> tuple[str, str, bool]:
        """The sign and the name of *tool*, and whether it is one of ours."""
        if (ours := _OURS.get(tool)) is not None:
            icon, name = ours
            return icon, say(f"doing_{name}", self._language), True
        server, between, name = tool.partition(BETWEEN)
        return _ICON, _cleaned(f"{server}: {name}" if between else tool, NAME_CHARS), False


def _cleaned(text: str, most: int) -> str:
    """*text*, which a stranger wrote: one line without what cannot be seen, or ends code."""
    text = " ".join(visible(text[: 4 * most]).replace("`", "'").split())
    return cut("".join(one for one in text if one.isprintable()), most)


def _line(steps: Sequence[ShownStep], names: Sequence[str]) -> str:
    """The steps by their names, each once, with their number and how they are."""
    of: dict[str, list[ShownStep]] = {}
    for step, name in zip(steps, names, strict=True):
        of.setdefault(name, []).append(step)
    parts = [_part(name, some) for name, some in of.items()]
    left = len(parts) - MOST_NAMED
    parts = [f"+{left}", *parts[left:]] if left > 0 else parts
    return ", ".join(parts)


def _part(name: str, steps: Sequence[ShownStep]) -> str:
    states: set[StepState] = {step.state for step in steps}
    times = f" ×{len(steps)}" if len(steps) > 1 else ""
    said = next((step.progress for step in reversed(steps) if step.progress), "")
    progress = f" `{said}`" if said else ""
    if "running" in states:
        return f"{name}{times}{progress} {MARKS['running']}"
    mark = next((MARKS[one] for one in states & {"asking", "unsure"}), "")
    if states == {"failed"}:
        mark = MARKS["failed"]
    return f"{name}{times} {mark}".rstrip()


def seconds_of(rounds: Sequence[RoundRecord]) -> float:
    """How long the steps took. Those that only read ran side by side."""
    return sum(
        max(each) if reads else sum(each)
        for record in rounds
        for reads, some in groupby(record.steps, lambda step: step.effect == "read_only")
        if (each := [step.seconds for step in some])
    )
