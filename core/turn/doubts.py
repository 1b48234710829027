"""Effects that may have happened, or have: what the person and the model are told of them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from core.languages.catalogue import Language, say
from core.messages import Button, Exchange, Step
from core.models.tool_calls import ToolCall
from core.tools.of_turn import IMAGE
from core.turn.context import TurnContext
from core.turn.journal import SHOWN_CHARS, noted

MOST_STEPS = 32
"""So many steps are kept with an exchange, the newest."""
MOST_BUTTONS = 3


class Redo(NamedTuple):
    """An unsure step that is done again. *name* is that of its button, which is used once."""

    call: ToolCall
    name: str


def unsure(steps: Sequence[Step]) -> Sequence[tuple[int, Step]]:
    """Those of *steps* that may have happened, each with its place."""
    found = [(at, step) for at, step in enumerate(steps) if step.outcome == "unsure"]
    return found[:MOST_BUTTONS]


def told(steps: Sequence[Step], language: Language) -> str:
    """The sentence that some of *steps* may have been done; empty if none."""
    names = ", ".join(dict.fromkeys(f"`{step.tool}`" for _, step in unsure(steps)))
    return say("step_unsure", language, tools=names) if names else ""


def buttons(steps: Sequence[Step], event_id: str, language: Language) -> Sequence[Button]:
    """For each unsure step of the answer to *event_id*: do it again, or leave it."""
    return [
        Button(f"{command} {at} {event_id}", say(command, language, tool=step.tool))
        for at, step in unsure(steps)
        for command in ("redo", "leave")
    ]


def redo_of(exchange: Exchange, place: str) -> Redo | None:
    """The unsure step of *exchange* at *place*, to do it again; None if there is none."""
    at = int(place) if place.isdecimal() and len(place) < 4 else -1
    step = dict(unsure(exchange.steps)).get(at)
    if step is None:
        return None
    return Redo(ToolCall("redo00000", step.tool, step.arguments), f"{exchange.event_id} {at}")


def effects_of(replaced: Exchange | None) -> tuple[Step, ...]:
    """The effects that *replaced* had. They stay with the exchange that takes its place."""
    steps = replaced.steps if replaced is not None else ()
    return tuple(step for step in steps if step.effect == "effects" and step.outcome != "failed")


def note_for_model(context: TurnContext, replaced: Exchange | None) -> str:
    """What was done for this question already, in an earlier wording or an earlier answer."""
    before = map(noted, context.journal.effects_before)
    # Who asks for a picture once more wants another one.
    done = [one for one in (*effects_of(replaced), *before) if one.tool != IMAGE.name]
    if not done:
        return ""
    listed = "\n".join(f"- {_line(step)}" for step in done)
    return (
        "[Done already for an earlier wording or answer of this question; do not do it again "
        f"unless that is asked for now:\n{listed}]"
    )


def last_steps(context: TurnContext) -> str:
    """What the last answer to this person called, for `/usage last`."""
    steps, language = context.past.steps if context.past is not None else (), context.language
    if not steps:
        return say("usage_last_none", language)
    rows = "\n".join(
        f"- `{_code(step.tool)}` `{_code(step.arguments) or '{}'}`: "
        f"{say(_WORDS.get(step.outcome, 'step_failed'), language)}, {step.seconds:.1f} s"
        for step in steps
    )
    return say("usage_last", language, steps=rows)


_WORDS = {"done": "step_done", "failed": "step_failed", "unsure": "step_doubt"}


def _code(text: str) -> str:
    """*text*, which somebody else wrote, for a code span."""
    return " ".join(text.replace("`", "'").split())[:SHOWN_CHARS]


def kept(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps that an exchange keeps."""
    return tuple(steps)[-MOST_STEPS:]


def _line(step: Step) -> str:
    word = "may have been done" if step.outcome == "unsure" else "done"
    return f"{step.tool} {step.arguments[:SHOWN_CHARS]}: {word}"
