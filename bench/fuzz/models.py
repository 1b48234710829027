"""Answers of models in each shape: payloads that are nearly right, in any frames, cut anywhere.

However it is cut, the same is read, and what came first is never lost; nothing is raised but what
the client names. Thinking is told apart from it, however that is cut.
"""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from bench.fuzz.border import Border, nearly
from core.errors import ModelError
from core.models.chunks import Delta, ReasoningDelta, TextDelta
from core.models.shapes import SHAPES
from core.models.stream import Stream
from core.models.thinking import ThinkSplitter
from core.models.thinking_tags import TAGS

GOOD: dict[str, object] = {
    "openai": {"choices": [{"index": 0, "delta": {"content": "good"}}]},
    "anthropic": {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "good"}},
    "responses": {"type": "response.output_text.delta", "delta": "good"},
    "qianfan": {"result": "good", "is_end": False},
}
_USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "input_tokens": 1, "output_tokens": 2}
_PAYLOADS = nearly(
    *GOOD.values(),
    {"choices": [{"delta": {"content": "\ud83c"}}], "usage": _USAGE, "error": None},
    {"choices": [{"delta": {"reasoning": "r"}, "finish_reason": "length"}], "citations": ["a"]},
    {"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}}], "x_groq": _USAGE},
    {"error": {"message": "gone", "code": 500, "metadata": {"raw": "{}"}}},
    {"type": "message_start", "message": {"usage": _USAGE, "content": []}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": _USAGE},
    {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
    {"type": "response.completed", "response": {"output": [], "usage": _USAGE, "status": "x"}},
    {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "x"}}},
    {"result": "x", "is_end": True, "usage": _USAGE},
    {"error_code": 18, "error_msg": "busy"},
)
_FRAMES = st.sampled_from(
    (b"data: ", b"data:", b"event: error\ndata: ", b"event: x\ndata: ", b"id: 1\r\ndata: ", b": ")
)
_GAPS = st.sampled_from((b"\n\n", b"\r\n\r\n", b"\n", b"\r", b"", b"\n: hm\n\n"))
_ENDS = st.sampled_from((b"", b"data: [DONE]\n\n", b"data: [DONE]", b"\n"))
_RUNNER = asyncio.Runner()


class _Pieces:
    """A body that comes in pieces of *size*."""

    def __init__(self, body: bytes, size: int) -> None:
        self._body, self._at, self._size = body, 0, size

    async def read(self, _: int) -> bytes:
        piece = self._body[self._at : self._at + self._size]
        self._at += self._size
        return piece


async def _read(shape: str, body: bytes, size: int) -> tuple[list[Delta], str]:
    """What is read of *body*, and the kind of error that ends it."""
    response: Any = SimpleNamespace(content=_Pieces(body, size), close=lambda: None)
    stream = Stream(response, SHAPES[shape].reader(), "", _RUNNER)
    read: list[Delta] = []
    try:
        while (some := await stream.next()) is not None:
            read += some
    except ModelError as error:
        return read, type(error).__name__
    return read, ""


def _said(deltas: list[Delta], kind: type[TextDelta | ReasoningDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, kind))


def _cut(case: tuple[str, bool, list[tuple[bytes, bytes, bytes]], bytes, int]) -> None:
    shape, lines, chunks, end, size = case
    good = json.dumps(GOOD[shape]).encode()
    if lines:
        body = good + b"\n" + b"".join(payload + b"\n" for _, payload, _ in chunks)
    else:
        body = b"data: " + good + b"\n\n"
        body += b"".join(frame + payload + gap for frame, payload, gap in chunks) + end
    whole, failed = _RUNNER.run(_read(shape, body, 1 << 20))
    cut, other = _RUNNER.run(_read(shape, body, size))
    for kind in (TextDelta, ReasoningDelta):
        assert _said(cut, kind) == _said(whole, kind)
        _said(whole, kind).encode()
    assert _said(whole, TextDelta).startswith("good")
    assert failed == other


def _think(pieces: list[str]) -> None:
    """Told apart, nothing is lost but tags; and an answer without any stays as it is."""
    text = "".join(pieces)
    thinking = ThinkSplitter()
    told = [delta for piece in pieces for delta in thinking.take(piece)] + thinking.rest()
    assert sum(len(getattr(delta, "text", "")) for delta in told) <= 2 * len(text) + 2
    if text.strip() and not any(mark in text for mark in "<[◁"):
        assert _said(told, TextDelta) == text


_TAGS = st.sampled_from([one for tag in TAGS for one in (tag.opening, tag.closing, *tag.marks)])
_READERS: tuple[Any, ...] = (_cut, _think)
BORDER = Border(
    st.one_of(
        st.tuples(
            st.just(0),
            st.tuples(
                st.sampled_from(sorted(GOOD)),
                st.booleans(),
                st.lists(st.tuples(_FRAMES, _PAYLOADS, _GAPS), max_size=5),
                _ENDS,
                st.integers(1, 60),
            ),
        ),
        st.tuples(
            st.just(1),
            st.lists(_TAGS | st.text(alphabet="<think/>ab. \n", max_size=8), max_size=8),
        ),
    ),
    lambda chosen: _READERS[chosen[0]](chosen[1]),
)
