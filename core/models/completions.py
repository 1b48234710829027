"""OpenAI's shape of a chat: its stream, and whole answers. Reads whatever imitates it.

What most servers send most of the time is decoded into a struct; everything else is looked at
field by field, and what cannot be meant is nothing (see `core.models.loose`).
"""

from collections.abc import Mapping

import msgspec

from core.border import set_aside
from core.errors import Interrupted, ModelError
from core.models.chunks import Cited, Delta, Finished, ReasoningDelta, TextDelta, Usage
from core.models.endings import ending_of
from core.models.loose import Joiner, count_of, parse, record, records, text_of
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


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta
    index: int = 0
    finish_reason: None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: tuple[_Choice]
    usage: None = None
    error: None = None


_decode = msgspec.json.Decoder(_Chunk).decode


class Reader:
    """Reads the payloads of one answer."""

    def __init__(self) -> None:
        self._text = Joiner()
        self._thought = Joiner()
        self._index: int | None = None
        self._spoke = self._called = False
        self._plain: int | None = None
        """The same, unless half a character is held."""
        self._usage = Usage()
        self._cited = Cited(())

    def read(self, data: bytes, some: list[Delta]) -> None:
        """Append the deltas of one payload to *some*, in order.

        Raises:
            ModelError: the payload says that something is wrong; what it says besides is read.
        """
        try:
            choice = _decode(data).choices[0]
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._loosely(data, some)
            return
        if choice.index == self._plain and (text := choice.delta.content):
            self._spoke = True
            some.append(TextDelta(text))
        else:
            self._loosely(data, some)

    def _loosely(self, data: bytes, some: list[Delta]) -> None:
        try:
            said = parse(data)
        except ValueError:
            set_aside("model.stream", "no JSON")
            return
        chunks = records(said)
        if not chunks and said not in (None, "", [], {}):
            set_aside("model.stream", "no object")
        try:
            for chunk in chunks:
                self._chunk(chunk, some)
        finally:
            self._plain = None if self._text.half else self._index

    def _chunk(self, chunk: Mapping[str, object], some: list[Delta]) -> None:
        ends: list[Finished | ModelError] = []
        choice = self._choice(chunk.get("choices"))
        # Perplexity repeats all of the message beside what is new; Ollama's own API has no choices.
        places = (choice.get("delta"), choice.get("message"), choice.get("text"))
        said = next((one for one in places if one is not None), None)
        self._said(said if choice else record(chunk.get("message")), some)
        word = text_of(choice.get("finish_reason"))
        if chunk.get("done") is True:
            word = text_of(chunk.get("done_reason")) or "stop"
        if word:
            end = _end(word)
            if end == Finished("stop") and self._called and not self._spoke:
                end = Finished("tools")  # Gemini says `stop` of calls too.
            ends.append(end)
        self._count(chunk, choice, some)
        self._cite(chunk, choice, some)
        if is_error(chunk):
            ends = [read_error(chunk)]
        for end in ends:
            if rest := self._text.rest():
                some.append(TextDelta(rest))
            if isinstance(end, ModelError):
                raise end
            some.append(end)

    def _choice(self, value: object) -> Mapping[str, object]:
        """The choice that is ours: that of the index which came first."""
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
            if self._think(text_of(fields.get(name), _THOUGHT), some):
                break
        content = fields.get("content")
        for part in content if isinstance(content, list) else (content,):
            kind = text_of(record(part).get("type"))
            if kind in _THINKING_PARTS:
                self._think(text_of(part, ("thinking", *_THOUGHT)), some)
            elif text := self._text.take(text_of(part)):
                self._spoke = True
                some.append(TextDelta(text))
        if fields.get("tool_calls") or fields.get("function_call"):
            self._called = True
        if text := self._text.take(text_of(fields.get("refusal"))):
            some.append(TextDelta(text))

    def _think(self, text: str, some: list[Delta]) -> bool:
        if not text:
            return False
        if text := self._thought.take(text):
            some.append(ReasoningDelta(text))
        return True

    def _count(
        self, chunk: Mapping[str, object], choice: Mapping[str, object], some: list[Delta]
    ) -> None:
        # Moonshot tells it within the choice, Groq in a corner of its own, Ollama everywhere.
        told = (chunk, choice, record(chunk.get("x_groq")))
        found = [usage_of(record(one.get("usage"))) for one in told]
        if "eval_count" in chunk or "prompt_eval_count" in chunk:
            found.append(usage_of(chunk))
        usage = self._usage
        for one in found:
            usage |= one
        if usage != self._usage:
            self._usage = usage
            some.append(usage)

    def _cite(
        self, chunk: Mapping[str, object], choice: Mapping[str, object], some: list[Delta]
    ) -> None:
        sources = sources_of(chunk, choice, self._cited.sources)
        if sources != self._cited.sources:
            self._cited = Cited(sources)
            some.append(self._cited)


def _end(word: str) -> Finished | ModelError:
    ending = ending_of(word)
    if ending == "broken":
        return Interrupted("the provider broke the answer off")
    return Finished(ending)
