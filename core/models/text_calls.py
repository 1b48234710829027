"""Calls that a model wrote into its text, because its server did not read them. Pure.

They are calls only if nothing but calls stands behind the first mark, and only of tools that were
offered. Everything else is text, and shown as such.

Sources: the chat templates of Hermes, Qwen 2.5, 3 and 3-Coder, Llama 3, Mistral, DeepSeek V3, Kimi
K2 and GLM 4.5; vLLM's and SGLang's tool parsers; Groq's `failed_generation`; autumn 2026.
"""

import json
import re
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from core.models.loose import record, text_of
from core.models.thinking_tags import partial
from core.models.tool_calls import MOST_ARGUMENT_CHARS, MOST_CALLS, ToolCall, new_id
from core.words import join_many

MARKS = (
    *("<tool_call>", "<function=", "[TOOL_CALLS]", "<|python_tag|>"),
    *("<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"),
    *("<|tool_calls_section_begin|>", "<|tool_call_begin|>"),
)
"""With these a call in text begins."""
_FIRST = frozenset(mark[0] for mark in MARKS)
_BETWEEN = re.compile(
    r"[\s,;]+|</?tool_calls?>|</function>|\[/?TOOL_CALLS\]|<\|python_tag\|>|```(?:json)?|"
    r"<｜tool▁calls?▁(?:begin|end)｜>|<｜end▁of▁sentence｜>|"
    r"<\|tool_calls?_(?:section_)?(?:begin|end)\|>|<\|(?:im_end|eom_id|eot_id)\|>"
)
_NAMED = re.compile(
    r"(?:[<(]function=|function<｜tool▁sep｜>|functions\.)?(?P<name>[\w-]{1,64})(?::\d{1,3})?"
    r"\s{0,8}(?:<｜tool▁sep｜>|<\|tool_call_argument_begin\|>|\[ARGS\]|[>)(]){0,2}"
)
_FENCE = re.compile(r"\s{0,8}```(?:json)?\s{0,8}")
_ENDS = re.compile(r"\s{0,8}[)>]{1,2}")
_PART = re.compile(
    r"\s{0,8}(?:<parameter=(?P<name>[\w-]{1,64})>|<arg_key>(?P<key>[\w-]{1,64})</arg_key>"
    r"\s{0,8}<arg_value>)"
)
_PART_ENDS = {"name": "</parameter>", "key": "</arg_value>"}
_SHORT_CHARS = 300
"""So soon behind a mark there is something of which arguments are made."""
_ARGUMENTS = ("{", "<parameter=", "<arg_key>", "</")
_decode = json.JSONDecoder().raw_decode


class CallSplitter:
    """Takes pieces of text in order, and holds back what may be calls of tools with *names*."""

    def __init__(self, names: AbstractSet[str]) -> None:
        self._names = names
        self.held = ""
        """What is not shown yet."""
        self.marked = False
        """Whether that began like a call."""
        self._said: list[str] = []
        self._over = False

    def take(self, text: str) -> str:
        """The text that can be shown now."""
        if self._over or not (self.held or _FIRST.intersection(text)):
            self._said.append(text)
            join_many(self._said)
            return text
        self.held += text
        if not self.marked:
            return self._look()
        far = len(self.held) > _SHORT_CHARS and not any(
            one in self.held[:_SHORT_CHARS] for one in _ARGUMENTS
        )
        if far or len(self.held) > MOST_ARGUMENT_CHARS:
            self._over = True
            return self._released(len(self.held))
        return ""

    def _look(self) -> str:
        places = [at for mark in MARKS if (at := self.held.find(mark)) >= 0]
        if not places:
            return self._released(len(self.held) - partial(self.held, MARKS))
        shown = self._released(min(places))
        said = "".join(self._said)
        # Who writes about such marks quotes them.
        if said.endswith("`") or said.count("```") % 2:
            self._over = True
            return shown + self._released(len(self.held))
        self.marked = True
        return shown

    def _released(self, chars: int) -> str:
        text, self.held = self.held[:chars], self.held[chars:]
        self._said.append(text)
        return text

    def calls(self) -> tuple[ToolCall, ...]:
        """The message has ended: the calls that `held` consists of, if it does."""
        return calls_in(self.held, self._names) if self.marked else ()


def calls_in(text: str, names: AbstractSet[str]) -> tuple[ToolCall, ...]:
    """The calls that *text* consists of; none, if it is anything else."""
    found: list[tuple[str, dict[str, Any]]] = []
    at, text = 0, text[:MOST_ARGUMENT_CHARS]
    while at < len(text) and len(found) <= MOST_CALLS:
        if between := _BETWEEN.match(text, at):
            at = between.end()
            continue
        read = _listed(text, at) or _called(text, at)
        if read is None:
            return ()
        some, at = read
        found += some
    if not found or len(found) > MOST_CALLS or any(name not in names for name, _ in found):
        return ()
    return tuple(
        ToolCall(new_id(0, place), name, msgspec.json.encode(arguments).decode())
        for place, (name, arguments) in enumerate(found)
    )


_Read = tuple[list[tuple[str, dict[str, Any]]], int]


def _listed(text: str, at: int) -> _Read | None:
    """One call or several as JSON that holds the names, at *at*."""
    if text[at] not in "{[":
        return None
    try:
        said, end = _decode(text, at)
    except (ValueError, RecursionError):
        return None
    if isinstance(said, dict) and isinstance(said.get("tool_calls"), list):
        said = said["tool_calls"]
    some = [_one(each) for each in (said if isinstance(said, list) else [said])]
    calls = [one for one in some if one is not None]
    return (calls, end) if calls and len(calls) == len(some) else None


def _one(said: object) -> tuple[str, dict[str, Any]] | None:
    fields = record(record(said).get("function")) or record(said)
    given = next((fields[one] for one in ("arguments", "parameters") if one in fields), None)
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return None
    name = text_of(fields.get("name")).removeprefix("functions.")
    return (name, given) if name and isinstance(given, dict) else None


def _called(text: str, at: int) -> _Read | None:
    """One call whose name stands before its arguments, at *at*."""
    head = _NAMED.match(text, at)
    if head is None:
        return None
    at = head.end()
    if fence := _FENCE.match(text, at):
        at = fence.end()
    if text[at : at + 1] == "{":
        try:
            arguments, at = _decode(text, at)
        except (ValueError, RecursionError):
            return None
        ends = _ENDS.match(text, at)
        return [(head["name"], arguments)], ends.end() if ends else at
    arguments = {}
    while part := _PART.match(text, at):
        kind = "name" if part["name"] else "key"
        end = text.find(_PART_ENDS[kind], part.end())
        if end < 0:
            return None
        arguments[part[kind]] = _value(text[part.end() : end].strip("\n"))
        at = end + len(_PART_ENDS[kind])
    # A name alone is a word, unless its call is closed.
    closed = _BETWEEN.match(text, at) is not None and text[at:].lstrip().startswith("</")
    return ([(head["name"], arguments)], at) if arguments or closed else None


def _value(text: str) -> object:
    """A value that stands without quotes, as its template writes it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def meant_by(text: str, names: AbstractSet[str]) -> tuple[ToolCall, ...] | str:
    """What a model meant with *text*, which its server would not read: calls, or an answer.

    Empty if it began a call that nobody can read.
    """
    places = [at for mark in (*MARKS, "(function=") if (at := text.find(mark)) >= 0]
    if not places and text.lstrip()[:1] not in ("{", "["):
        return text.strip()
    return calls_in(text[min(places, default=0) :], names)
