"""OpenAI's shape of a chat: streams and whole answers, also from servers that imitate it.

The usual chunks are decoded into a struct, which is fast. All others are read field by field, and
a value that makes no sense is ignored (see `core.models.loose`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from core.border import clean
from core.errors import Interrupted, ModelError
from core.models.assembling import take_chat_calls
from core.models.chunks import Delta, Finished, TextDelta, Usage
from core.models.endings import ending_of
from core.models.loose import count_of, record, records, text_of
from core.models.reading import Reading
from core.models.refusals import is_error, read_error
from core.models.sources import sources_of
from core.models.usage import usage_of

_THOUGHT = ("text", "thinking", "content", "summary", "reasoning", "value")
_REASONING = ("reasoning_content", "reasoning", "reasoning_details", "thinking", "thought")
_THINKING_PARTS = frozenset(("thinking", "reasoning", "thought"))


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: None = None
    reasoning: None = None
    tool_calls: None = None
    function_call: None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta
    index: int = 0
    finish_reason: None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: tuple[_Choice]
    usage: None = None
    error: None = None


_decode = msgspec.json.Decoder(_Chunk).decode
_decode_run = msgspec.json.Decoder(list[_Chunk]).decode


class Reader(Reading):
    """Reads the payloads of one answer."""

    def __init__(self) -> None:
        super().__init__()
        self._index: int | None = None
        self._reasoned: dict[str, list[str]] = {}
        self._details = Details()
        self._plain: int | None = None
        """The index of our choice; None while half a character is held."""

    def read(self, data: bytes, some: list[Delta]) -> None:
        try:
            choice = _decode(data).choices[0]
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._loosely(data, some)
            return
        if choice.index == self._plain and (text := choice.delta.content):
            self._heard = True
            some.append(TextDelta(text))
        else:
            self._loosely(data, some)

    def read_run(self, payloads: Sequence[bytes], some: list[Delta]) -> bool:
        """Read *payloads* as one delta, if each holds only text. Return whether this worked."""
        if self._plain is None:
            return False
        try:
            chunks = _decode_run(b"[%b]" % b",".join(payloads))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        texts: list[str] = []
        for chunk in chunks:
            choice = chunk.choices[0]
            if choice.index != self._plain or not choice.delta.content:
                return False
            texts.append(choice.delta.content)
        if len(texts) != len(payloads):
            return False
        some.append(TextDelta("".join(texts)))
        return True

    def _loosely(self, data: bytes, some: list[Delta]) -> None:
        try:
            super().read(data, some)
        finally:
            self._plain = None if self._text.half else self._index

    def _object(self, chunk: Mapping[str, object], some: list[Delta]) -> None:
        end: Finished | ModelError | None = None
        chunk = _unwrapped(chunk)
        choice = self._choice(chunk.get("choices"))
        # Perplexity repeats the whole message beside the new text. Ollama's own API has no choices.
        places = (choice.get("delta"), choice.get("message"), choice.get("text"))
        said = next((one for one in places if one is not None), None)
        self._said(said if choice else record(chunk.get("message")), some)
        word = text_of(choice.get("finish_reason"))
        if chunk.get("done") is True:
            word = text_of(chunk.get("done_reason")) or "stop"
        if word:
            end = _end(word)
            if end == Finished("stop") and self._calls and not self._heard:
                end = Finished("tools")  # Gemini says `stop` for tool calls too.
        self._count(_told(chunk, choice, self._usage), some)
        self._cite(sources_of(chunk, choice, self._cited.sources), some)
        if is_error(chunk):
            end = read_error(chunk)
        if end is None:
            return
        self.rest(some)
        if isinstance(end, ModelError):
            raise end
        some.append(end)

    def _choice(self, value: object) -> Mapping[str, object]:
        """Our choice: the one whose index came first."""
        if isinstance(value, dict) and not {"delta", "message", "text"} & value.keys():
            value = list(value.values())
        for choice in records(value):
            index = count_of(choice.get("index"))
            if self._index is None:
                self._index = index
            if index == self._index:
                return choice
        return {}

    def _said(self, said: object, some: list[Delta]) -> None:
        fields = record(said) or {"content": said}
        for name in _REASONING:
            if thought := text_of(fields.get(name), _THOUGHT):
                self._think(thought, some)
                if self.by:
                    self._reasoned.setdefault(name, []).append(thought)
                break
        if self.by and fields.get("reasoning_details"):
            self._details.take(records(fields["reasoning_details"]))
        content = fields.get("content")
        for part in content if isinstance(content, list) else (content,):
            kind = text_of(record(part).get("type"))
            if kind in _THINKING_PARTS:
                self._think(text_of(part, ("thinking", *_THOUGHT)), some)
            else:
                self._say(part, some)
        if fields.get("tool_calls") or fields.get("function_call"):
            take_chat_calls(self._calls, fields)
        self._say(fields.get("refusal"), some)

    def _thoughts(self) -> tuple[dict[str, Any], ...]:
        thought: dict[str, Any] = {
            name: clean("".join(pieces))
            for name, pieces in self._reasoned.items()
            if name in ("reasoning_content", "reasoning")
        }
        if details := self._details.whole():
            thought["reasoning_details"] = details
        return (thought,) if thought else ()


class Details:
    """Joins the pieces of OpenRouter's `reasoning_details`. Those of one part have one index."""

    def __init__(self) -> None:
        self._parts: list[tuple[dict[str, Any], dict[str, list[str]]]] = []

    def take(self, pieces: Sequence[Mapping[str, object]]) -> None:
        for piece in pieces:
            if not self._parts or not _same_part(self._parts[-1][0], piece):
                self._parts.append(({}, {}))
            part, texts = self._parts[-1]
            for name, value in piece.items():
                if name in ("text", "summary", "data") and isinstance(value, str):
                    texts.setdefault(name, []).append(value)
                elif value is not None or name not in part:
                    part[name] = value

    def whole(self) -> list[dict[str, Any]]:
        return [
            part | {name: clean("".join(pieces)) for name, pieces in texts.items()}
            for part, texts in self._parts
        ]


def _same_part(part: Mapping[str, object], piece: Mapping[str, object]) -> bool:
    return all(part.get(name) == piece.get(name) for name in ("type", "index"))


def _unwrapped(chunk: Mapping[str, object]) -> Mapping[str, object]:
    """*chunk*, taken out of a gateway's wrapping: `{"code": 0, "data": {"choices": ...}}`."""
    if "choices" in chunk:
        return chunk
    inner = (record(chunk.get(name)) for name in ("data", "result", "output", "response"))
    return next(({**chunk, **one} for one in inner if "choices" in one), chunk)


def _told(chunk: Mapping[str, object], choice: Mapping[str, object], usage: Usage) -> Usage:
    """The cost so far; *usage* is what was known before.

    Moonshot reports it in the choice, Groq in `x_groq`, and Ollama in all places.
    """
    for place in (chunk, choice, record(chunk.get("x_groq"))):
        if told := place.get("usage"):
            usage |= usage_of(record(told))
    if "eval_count" in chunk or "prompt_eval_count" in chunk:
        usage |= usage_of(chunk)
    return usage


def _end(word: str) -> Finished | ModelError:
    ending = ending_of(word)
    if ending == "broken":
        return Interrupted("the provider broke the answer off")
    return Finished(ending)
