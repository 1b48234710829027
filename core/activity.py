"""What a turn does besides writing, as people may see it: its steps, and one line that folds them.

The line stands where the next text of the answer will come, and goes when it comes. A surface that
can show the steps by itself (Slack's task cards, the page) says so by `ShowsSteps`.
"""

from typing import Literal, Protocol, runtime_checkable

import msgspec

StepState = Literal["running", "done", "failed", "asking", "unsure"]
MARKS: dict[StepState, str] = {
    "running": "…",
    "done": "✓",
    "failed": "✗",
    "asking": "❓",
    "unsure": "⚠",
}


class ShownStep(msgspec.Struct, frozen=True):
    """One step. Its words are plain, and one line each; strangers' words are cleaned.

    Args:
        id: the same for each state of the same step, and for no other step of the answer.
        title: what is done, in the person's language.
        detail: its arguments, shortened; empty unless people want to see them.
        progress: what the tool says of its progress, while it runs.
    """

    id: str
    title: str
    state: StepState
    seconds: float = 0.0
    detail: str = ""
    progress: str = ""


class Activity(msgspec.Struct, frozen=True):
    """The steps of one answer, in order.

    Args:
        line: the steps in one line of Markdown. Strangers' words are in code, so they are no links
            and name nobody. Empty: there are none.
        verbose: whether people want to see each step, also under the whole answer.
    """

    line: str = ""
    steps: tuple[ShownStep, ...] = ()
    verbose: bool = False

    @property
    def plain(self) -> str:
        """The line without its Markdown."""
        return self.line.replace("`", "")

    @property
    def text(self) -> str:
        """What stands in a text: the line, or each step in a line of its own."""
        return self.listed if self.verbose else self.line

    @property
    def listed(self) -> str:
        """Each step in a line of Markdown of its own."""
        return "\n".join(map(_row, self.steps))

    @property
    def asks(self) -> bool:
        """Whether a person must decide before the answer goes on."""
        return any(step.state == "asking" for step in self.steps)


@runtime_checkable
class ShowsSteps(Protocol):
    """A `Surface` that shows steps beside its text. Others need not have this method."""

    def take_steps(self, activity: Activity) -> bool:
        """Show *activity* with the next `show` or `finish`, whose text may then be empty.

        Returns:
            False: not here, or not any more. Then the line stands in the text.
        """
        ...


def _row(step: ShownStep) -> str:
    sign, _, name = step.title.partition(" ")
    detail = f" `{step.detail}`" if step.detail else ""
    took = f" {step.seconds:.1f} s" if step.seconds else ""
    said = f" `{step.progress}`" if step.progress else ""
    return f"- {sign} `{name}`{detail}{said} {MARKS[step.state]}{took}"
