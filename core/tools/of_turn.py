"""The tools that act in the turn itself, as models are told of them: a picture, a reminder.

What they do needs the turn (its platform, budgets and rights), so it is in `core/turn/tools/`, and
each turn gives it along.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from core.messages import Effect
from core.tools.tool import ToolContext, ToolError, ToolResult, ToolSpec

IMAGE = ToolSpec(
    name="image",
    description="Paints a picture and posts it below your answer, or changes one. Use it whenever "
    "the person wants to see a picture, or wants a picture different. It is posted by itself, so "
    "write no link to it and do not describe it at length.",
    schema={
        "type": "object",
        "properties": {
            "prompt": {
                "type": "string",
                "minLength": 1,
                "maxLength": 4_000,
                "description": "what to paint, in full; for a change only what is to be different",
            },
            "change": {
                "type": "boolean",
                "description": "change the picture that the person sent or replied to now; if "
                "there is none, the last picture here",
            },
            "shape": {"enum": ["square", "wide", "tall"]},
        },
        "required": ["prompt"],
        "additionalProperties": False,
    },
    effect="effects",
    timeout_s=240.0,
    own=True,
    by_pictures=True,
)


REMIND = ToolSpec(
    name="remind",
    description="Sets a reminder for the person, or cancels one. Use it when they want to be "
    "reminded, or want something done at a later time or again and again.",
    schema={
        "type": "object",
        "properties": {
            "when": {
                "type": "string",
                "maxLength": 120,
                "description": "the time in words, such as: tomorrow at 9:00; in 20 minutes; "
                "2027-01-31 14:30; every weekday at 8:30; on the 1st of each month at 10:00",
            },
            "text": {
                "type": "string",
                "maxLength": 1_000,
                "description": "what to remind of; with `ask` the question to answer then",
            },
            "ask": {
                "type": "boolean",
                "description": "you answer `text` at that time, instead of it being told",
            },
            "everyone": {"type": "boolean", "description": "for all in this group"},
            "cancel": {"type": "string", "description": "the id of the reminder to cancel"},
        },
        "additionalProperties": False,
    },
    effect="idempotent",
    own=True,
)
REMINDERS = ToolSpec(
    name="reminders",
    description="Lists the reminders of the person, with their ids and times.",
    schema={"type": "object", "properties": {}, "additionalProperties": False},
    effect="read_only",
)
MEMORY = ToolSpec(
    name="memory",
    description="Proposes to remember one lasting fact about the person, such as a name, a taste "
    "or how they want to be answered. Use it when they ask you to remember something about them. "
    "It is kept if they press a button below your answer, so do not say that it is kept already. "
    "All of one message goes into one fact.",
    schema={
        "type": "object",
        "properties": {
            "fact": {
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "description": "one short sentence about the person, in their language",
            }
        },
        "required": ["fact"],
        "additionalProperties": False,
    },
    # Nothing is kept before the person agrees to the very sentence. That is the question.
    effect="read_only",
)
SEARCH_HERE = ToolSpec(
    name="search_here",
    description="Searches what was said in this conversation before, also longer ago than you see. "
    "It knows no other conversation.",
    schema={
        "type": "object",
        "properties": {
            "query": {
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "description": "words that must have been said, as they were said",
            }
        },
        "required": ["query"],
        "additionalProperties": False,
    },
    effect="read_only",
    foreign=True,
)
OF_TURN = (IMAGE, REMIND, REMINDERS, MEMORY, SEARCH_HERE)


class OfTurn:
    """The tool of *spec*, which acts in the turn. *effect*: if it differs."""

    def __init__(self, spec: ToolSpec, effect: Effect | None = None) -> None:
        self.spec = spec if effect is None else replace(spec, effect=effect)

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        action = context.of_turn.get(self.spec.name)
        if action is None:
            raise ToolError("it cannot be used here")
        return await action(arguments, context)
