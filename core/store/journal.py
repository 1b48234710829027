"""The journal of a turn: what it called outside, and how far that came.

A round is kept before the first of its calls is made. A call with effects is kept as begun before
it is made, and with its result after that. So a worker that takes the turn over knows which calls
were never made, which have a result, and which may have happened: those it does not repeat.

Between a call and its record nothing can be proved: what was begun and has no result is `unsure`.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from core.messages import Attachment, Button, Effect
from core.models.chunks import Source, Usage
from core.models.tool_calls import Output, Round, ToolCall
from core.store.values import read

PREFIX = b"round:"
"""What the names of these fields begin with, in the state of the lane. The commit drops them."""

State = Literal["planned", "asked", "begun", "done", "failed", "unsure"]


class StepRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call. *tool* is empty if there is no such tool.

    *digest* tells equal calls from others. *foreign*: it brought back text of strangers. *token*:
    of the question whether it may be called, which holds until *until*. *allowed*: a person said
    yes to this very call. *pictures*: those that it posted. *told*,
    *buttons*: what stands of it under the answer. *signs_in*: the person must sign in to this
    server first, which asks for *scope*; the question is then whether they have.
    """

    call: ToolCall
    tool: str = ""
    digest: str = ""
    effect: Effect = "effects"
    state: State = "planned"
    output: str = ""
    sources: tuple[Source, ...] = ()
    foreign: bool = False
    seconds: float = 0.0
    token: str = ""
    until: float = 0.0
    allowed: bool = False
    pictures: tuple[Attachment, ...] = ()
    told: str = ""
    buttons: tuple[Button, ...] = ()
    signs_in: str = ""
    scope: str = ""

    @property
    def ended(self) -> bool:
        return self.state not in ("planned", "asked", "begun")


class RoundRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One round of the turn of *event*.

    *message*: the platform's reference of the question. A new wording of it has another event.
    *text*, *thought*, *by*: as in `core.models.tool_calls.Round`. *usage*: what the model's message
    cost. *searched*: the provider searched the web for it.
    """

    event: str
    number: int
    steps: tuple[StepRecord, ...]
    message: str = ""
    text: str = ""
    thought: tuple[dict[str, object], ...] = ()
    by: str = ""
    usage: Usage = Usage()
    searched: bool = False

    @property
    def name(self) -> str:
        return f"{PREFIX.decode()}{self.event}:{self.number}"

    @property
    def ended(self) -> bool:
        return all(step.ended for step in self.steps)

    @property
    def round(self) -> Round:
        """The round as the model reads it. All its steps have ended."""
        return Round(
            tuple(step.call for step in self.steps),
            tuple(Output(step.output, step.state != "done") for step in self.steps),
            self.text,
            self.thought,
            self.by,
        )


_record = msgspec.json.Decoder(RoundRecord)


def read_rounds(fields: Mapping[bytes, bytes]) -> tuple[RoundRecord, ...]:
    """The rounds in *fields* of a lane's state, in order."""
    kept = (value for name, value in fields.items() if name.startswith(PREFIX))
    found = (read(_record, raw, "store.journal") for raw in kept)
    return tuple(sorted(filter(None, found), key=lambda one: (one.event, one.number)))
