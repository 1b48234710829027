"""The pictures that the tool `image` painted: their buttons, and what these paint again. Pure.

A button names the call by its arguments, which the exchange keeps. So it works after a restart, and
needs nothing else to be kept.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from core.images.models import fitting, larger
from core.messages import Attachment, Button, Exchange
from core.models.tool_calls import read_arguments
from core.tools.of_turn import IMAGE
from core.turn.context import TurnContext


class Repaint(NamedTuple):
    """What `/image` paints again: its *text*, and the pictures that are changed."""

    text: str
    sources: Sequence[Attachment]


def buttons_under(
    context: TurnContext, size: str, model: str, arguments: Mapping[str, Any] | None = None
) -> list[Button]:
    """The buttons under a picture. *arguments*: of the call that painted it, if a tool did."""
    names = ["again", "another", *(["larger"] if larger(size, model) else [])]
    behind = f" {_named(arguments)}" if arguments is not None else ""
    return [Button(f"{one}{behind}", context.button(one).label) for one in names]


def painted_by(context: TurnContext, call: str) -> Repaint | None:
    """What the *call* of this name painted, if an answer here has made it."""
    history = context.turn.history
    for place, exchange in reversed(list(enumerate(history))):
        before = 0
        for step in exchange.steps:
            arguments = read_arguments(step.arguments) if step.tool == IMAGE.name else None
            if arguments and _named(arguments) == call:
                earlier = exchange.pictures[:before][-1:] or last_picture(history[:place])
                changed = pictures_of(exchange.attachments) or earlier
                sources = changed if arguments.get("change") else ()
                return Repaint(_text(context, arguments), sources)
            before += step.tool == IMAGE.name and step.outcome == "done"
    return None


def _text(context: TurnContext, arguments: Mapping[str, Any]) -> str:
    """*arguments* of a call, as they stand behind `/image`."""
    size = fitting(str(arguments.get("shape", "square")), context.services.images.model)
    prompt = str(arguments.get("prompt", ""))
    return f"{prompt} --size {size}" if size else prompt


def last_picture(history: Sequence[Exchange]) -> Sequence[Attachment]:
    """The last picture that was painted or sent in *history*."""
    for exchange in reversed(history):
        if found := exchange.pictures or pictures_of(exchange.attachments):
            return found[-1:]
    return ()


def pictures_of(attachments: Sequence[Attachment]) -> Sequence[Attachment]:
    return [one for one in attachments if one.kind == "image"]


def _named(arguments: Mapping[str, Any]) -> str:
    told = msgspec.json.encode(arguments, order="sorted")
    return hashlib.sha256(told).hexdigest()[:16]
