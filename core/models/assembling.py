"""Assembles tool calls from the pieces of a stream. Pure.

The rules are OpenAI's, stretched so that every server's stream can be read: a piece belongs to the
call with its index, else with its id, else to the last call. Seen in autumn 2026: no index at all
(Gemini), the index 0 for every call (Ollama, gateways), an empty id in later pieces (DashScope), id
and name in each piece (Fireworks), the name only in the second piece (vLLM, Cohere), arguments as
an object (Ollama), two pieces of one call in one event.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.errors import Refused
from core.models.loose import record, text_of
from core.models.tool_calls import (
    MOST_ARGUMENT_CHARS,
    MOST_CALLS,
    ToolCall,
    new_id,
    read_arguments,
)

ENDLESS_CHARS = 1_000_000
"""No model means to write so many arguments."""
MOST_LOOKS = 20
"""How often it is looked whether the arguments of a call are whole already."""


class _Open:
    """A call under way."""

    def __init__(self, key: object, id_: str, name: str) -> None:
        self.key, self.id, self.name = key, id_, name
        self.pieces: list[str] = []
        self.chars = 0
        self.extra: dict[str, Any] = {}
        self._looks = MOST_LOOKS

    def whole(self) -> bool:
        """Whether the arguments are a whole object already."""
        if not self._looks or not self.pieces or not self.pieces[-1].rstrip().endswith("}"):
            return False
        self._looks -= 1
        return bool(read_arguments("".join(self.pieces)))


class Assembler:
    """Takes the pieces of one answer's calls, in the order in which they come."""

    def __init__(self) -> None:
        self._calls: list[_Open] = []
        self._latest: dict[object, _Open] = {}
        self._chars = 0

    def __bool__(self) -> bool:
        return bool(self._calls)

    def take(
        self,
        key: object,
        id_: str = "",
        name: str = "",
        arguments: object = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Add one piece. *key* tells the calls apart; None if the server sends nothing of it.

        Raises:
            Refused: the arguments do not end.
        """
        if not isinstance(arguments, str | None):
            arguments = msgspec.json.encode(arguments).decode()
        text = arguments or ""
        call = self._open(key, id_, name, text)
        if call is None:
            return
        call.name = call.name or name
        call.id = call.id or id_
        call.extra |= extra or {}
        self._chars += len(text)
        if self._chars > ENDLESS_CHARS:
            raise Refused("the call does not end", "endless")
        if text and call.chars <= MOST_ARGUMENT_CHARS:
            call.pieces.append(text)
            call.chars += len(text)

    def _open(self, key: object, id_: str, name: str, text: str) -> _Open | None:
        """The call to which a piece belongs. It may be a new one; None if there are too many."""
        if key is None:
            known = self._latest.get(("id", id_)) if id_ else None
            call = known or (self._calls[-1] if self._calls else None)
        else:
            call = self._latest.get(key)
        if call is None or _begins_another(call, id_, name, text):
            if len(self._calls) >= MOST_CALLS:
                return None
            call = _Open(key, id_, name)
            self._calls.append(call)
            if key is not None:
                self._latest[key] = call
        if id_:
            self._latest["id", id_] = call
        return call

    def replace(self, key: object, id_: str, name: str, arguments: object) -> None:
        """Set the whole of a call, whatever pieces came before."""
        if (call := self._latest.get(key)) is not None:
            self._chars -= call.chars
            call.pieces.clear()
            call.chars = 0
        self.take(key, id_, name, arguments)

    def calls(self, number: int = 0) -> tuple[ToolCall, ...]:
        """All calls, each with an id of its own. *number* makes ids for those without one."""
        seen: set[str] = set()
        made: list[ToolCall] = []
        for at, call in enumerate(self._calls):
            id_ = call.id if call.id and call.id not in seen else new_id(number, at)
            seen.add(id_)
            made.append(ToolCall(id_, call.name, "".join(call.pieces), call.extra))
        return tuple(made)


def _begins_another(call: _Open, id_: str, name: str, text: str) -> bool:
    """Whether a piece with the place of *call* begins another call."""
    if id_ and call.id and id_ != call.id:
        return True
    if name and call.name and name != call.name:
        return True
    if id_ and id_ == call.id:
        return False
    # The same tool again, without any id: the piece names it, and the last call is whole.
    return bool(name) and text.lstrip().startswith("{") and call.whole()


def take_chat_calls(assembler: Assembler, fields: Mapping[str, object]) -> None:
    """Add the calls in *fields*: a delta or a message in OpenAI's shape."""
    said = fields.get("tool_calls")
    for piece in said if isinstance(said, list) else [said]:
        call = record(piece)
        if not call:
            continue
        function = record(call.get("function")) or call
        index = call.get("index")
        assembler.take(
            ("at", index) if isinstance(index, int | str) else None,
            text_of(call.get("id")),
            text_of(function.get("name")),
            function.get("arguments"),
            {name: call[name] for name in ("extra_content",) if call.get(name)},
        )
    # The form before `tool_calls`: one call, without an id.
    if function := record(fields.get("function_call")):
        arguments = function.get("arguments")
        assembler.take(("at", "only"), "", text_of(function.get("name")), arguments)
