"""Tools in a request and in an answer: what is offered, what was called, and what came of it.

The rounds of one turn follow its question. A round is one message of the model with its calls,
together with the results. Rounds never enter history: other models could not read them.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from core.border import clean

MOST_ARGUMENT_CHARS = 100_000
"""Longer arguments of one call are cut. They can then no longer be read."""
MOST_CALLS = 32
"""So many calls of one answer are kept."""
_PREFIXES = re.compile(r"[.:/]")
_ODD = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_CHARS = 64


class ToolOffer(msgspec.Struct, frozen=True):
    """A tool as a model is told of it. *schema* is the JSON schema of its arguments."""

    name: str
    description: str
    schema: dict[str, Any]


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call. *arguments* is JSON as the model wrote it: perhaps wrong, and empty for none.

    *extra*: other fields that the provider wants back with this call (Gemini's signature).
    """

    id: str
    name: str
    arguments: str = ""
    extra: dict[str, Any] = {}


class Calls(msgspec.Struct, frozen=True):
    """What the model calls, at the end of its message.

    *thought*: parts of the message (its thinking, signatures) that its provider wants back as they
    were. *by*: the endpoint, model and key that can read them.
    """

    calls: tuple[ToolCall, ...]
    thought: tuple[dict[str, Any], ...] = ()
    by: str = ""


class Output(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of a call, as the model reads it."""

    text: str
    is_error: bool = False


class Round(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of the model with calls, and their outputs, in the same order.

    *text* is what it said to the person before. *thought* and *by* as in `Calls`.
    """

    calls: tuple[ToolCall, ...]
    outputs: tuple[Output, ...]
    text: str = ""
    thought: tuple[dict[str, Any], ...] = ()
    by: str = ""


def read_arguments(text: str) -> dict[str, Any] | None:
    """The arguments in *text*; None if they cannot be read. Nothing means no arguments.

    Some models encode them twice: as a string that holds JSON.
    """
    for _ in range(2):
        if not text.strip():
            return {}
        try:
            said = msgspec.json.decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            said = _loosely(text)
        if said is None or said == []:
            return {}
        if isinstance(said, dict):
            return said
        if not isinstance(said, str):
            return None
        text = said
    return None


def _loosely(text: str) -> object:
    """JSON with control characters or half characters inside, as some models write it."""
    try:
        said = json.loads(text, strict=False)
        return msgspec.json.decode(clean(json.dumps(said, ensure_ascii=False)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


def sendable(call: ToolCall) -> str:
    """The arguments of *call* as JSON that every server can read."""
    return msgspec.json.encode(read_arguments(call.arguments) or {}).decode()


def unprefixed(name: str) -> str:
    """*name* of a tool without what some models put before it: `functions.look`."""
    return _PREFIXES.split(name.strip())[-1]


def _sendable_name(name: str) -> str:
    """*name*, whatever the model called, as every provider takes it back.

    OpenAI and Anthropic refuse the whole request for one name that does not match their pattern.
    """
    return _ODD.sub("_", unprefixed(name))[:_NAME_CHARS] or "unknown"


def foreign(rounds: Sequence[Round], by: str) -> tuple[Round, ...]:
    """*rounds* without what only others than *by* can read."""
    return tuple(
        one
        if one.by == by
        else replace(
            one, thought=(), calls=tuple(replace(call, extra={}) for call in one.calls), by=""
        )
        for one in rounds
    )


def told_apart(rounds: Sequence[Round]) -> tuple[Round, ...]:
    """*rounds* with an id of its own for each call, and a name that every provider takes back.

    Some servers use an id again and again.
    """
    seen: set[str] = set()
    told: list[Round] = []
    for number, one in enumerate(rounds):
        calls: list[ToolCall] = []
        for at, call in enumerate(one.calls):
            id_ = new_id(number, at) if call.id in seen else call.id
            seen.add(id_)
            calls.append(replace(call, id=id_, name=_sendable_name(call.name)))
        # The provider's own parts name the calls by their old ids and names.
        same = calls == list(one.calls)
        told.append(one if same else replace(one, calls=tuple(calls), thought=()))
    return tuple(told)


def new_id(number: int, at: int) -> str:
    """An id for a call that has none: nine letters and digits, which every provider accepts."""
    return f"call{number % 100:02d}{at % 1000:03d}"


def in_words(rounds: Sequence[Round]) -> str:
    """*rounds* as text, for a model that cannot be asked with tools."""
    told = []
    for one in rounds:
        for call, output in zip(one.calls, one.outputs, strict=True):
            head = f"{call.name} {call.arguments[:1_000]}"
            told.append(f"[{head} {'failed' if output.is_error else 'returned'}]\n{output.text}")
    return "\n\n".join(told)
