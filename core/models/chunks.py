"""The JSON of chat streams, typed: one `data:` payload in, deltas out.

Tolerates what OpenAI-compatible servers really send: roles without content,
null or listed content, empty choices, usage anywhere, errors inside a 200.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from core.errors import Interrupted
from core.models.refusals import read_error

T = TypeVar("T")


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """More of the answer."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True, gc=False):
    """More of the model's thinking; not part of the answer."""

    text: str


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What the call cost so far, in tokens; cumulative."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    def cost_usd(self, price: Sequence[float]) -> float:
        """What it costs at *price*: dollars for a million tokens read, cached, written; or none."""
        if not price:
            return 0.0
        read, cached, written = price
        new = self.prompt_tokens - self.cached_tokens
        return (new * read + self.cached_tokens * cached + self.completion_tokens * written) / 1e6

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
        )


class AnsweredBy(msgspec.Struct, frozen=True, gc=False):
    """Which of several models answers, and its price (see `core.models.router.Route`)."""

    model: str
    price: tuple[float, ...] = ()


class FromMemory(msgspec.Struct, frozen=True, gc=False):
    """What follows was answered before, and costs nothing."""


class Withdrawn(msgspec.Struct, frozen=True, gc=False):
    """What was said so far is taken back."""


class Finished(msgspec.Struct, frozen=True, gc=False):
    """The model ended its answer; *reason* as the provider words it (`stop`, `length`, ...)."""

    reason: str


Delta = TextDelta | ReasoningDelta | Usage | AnsweredBy | FromMemory | Withdrawn | Finished


class _Details(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: int | None = None


class _Part(msgspec.Struct, gc=False):
    text: str | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    usage: _Usage | None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None
    error_code: int | None = None
    error_msg: str | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


def decoded(decode: Callable[[bytes], T], data: bytes) -> T:
    """*data* as *decode* reads it; raises `Interrupted` where it is no event of a stream."""
    try:
        return decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Interrupted(f"the stream makes no sense ({error})") from error


def read_chunk(data: bytes) -> list[Delta]:
    """The deltas of one payload (also of a whole, unstreamed answer), in order.

    Raises:
        Interrupted: *data* is not a chunk.
        Overloaded, Refused: it is an error object.
    """
    chunk = decoded(_decode, data)
    if chunk.error or chunk.error_code:
        raise read_error(
            chunk.error or {"code": chunk.error_code, "message": chunk.error_msg or ""}
        )
    deltas: list[Delta] = []
    choices = chunk.choices
    if choices:
        choice = choices[0]
        said = choice.delta or choice.message
        if said is not None:
            if thought := said.reasoning_content or said.reasoning:
                deltas.append(ReasoningDelta(thought))
            text = said.content
            if isinstance(text, list):
                text = "".join(part.text or "" for part in text)
            if text:
                deltas.append(TextDelta(text))
        if choice.finish_reason:
            deltas.append(Finished(choice.finish_reason))
    # Moonshot tells it within the choice.
    usage = chunk.usage or (choices[0].usage if choices else None)
    if usage is not None:
        deltas.insert(0, _usage(usage))
    return deltas


def _usage(usage: _Usage) -> Usage:
    details = usage.prompt_tokens_details
    cached = (details.cached_tokens if details else None) or usage.prompt_cache_hit_tokens
    return Usage(usage.prompt_tokens or 0, usage.completion_tokens or 0, cached or 0)
