"""Anthropic's own shape of a chat: the request, and the events of its stream.

Source: Anthropic's Messages API (`/v1/messages`, streaming), version 2023-06-01.
"""

from typing import Any

import msgspec

from core.models.chunks import Delta, Finished, ReasoningDelta, TextDelta, Usage, decoded
from core.models.providers import Endpoint
from core.models.refusals import read_error
from core.models.request import ChatMessage, ChatRequest, in_turns

MAX_TOKENS = 8_192
"""`max_tokens` is required; this is sent where nobody chose one."""


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = None


class _Message(msgspec.Struct):
    usage: _Usage | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    message: _Message | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode


def url(endpoint: Endpoint, request: ChatRequest) -> str:
    return f"{endpoint.base_url}/messages"


def body(endpoint: Endpoint, request: ChatRequest) -> dict[str, object]:
    """The system prompt stands apart, and roles take turns."""
    system, said = in_turns(request.messages)
    turns: list[dict[str, Any]] = [
        {"role": role, "content": [part for one in together for part in _parts(one)]}
        for role, together in said
    ]
    if request.begun:
        turns.append({"role": "assistant", "content": request.begun})
    asked: dict[str, object] = {
        "model": request.model or endpoint.model,
        "messages": turns,
        "max_tokens": request.max_tokens or MAX_TOKENS,
        "stream": True,
    }
    return asked | ({"system": system} if system else {})


def _parts(message: ChatMessage) -> list[dict[str, object]]:
    return [*map(_image, message.images), {"type": "text", "text": message.content}]


def _image(url: str) -> dict[str, object]:
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


class Reader:
    """Reads the events of one stream; what was read and written is told in different ones."""

    def __init__(self) -> None:
        self._read = 0
        self._cached = 0

    def read(self, data: bytes) -> list[Delta]:
        """The deltas of one event, in order.

        Raises:
            Interrupted: *data* is no event.
            Overloaded, Refused: it is an error.
        """
        event = decoded(_decode, data)
        match event.type:
            case "error":
                raise read_error(event.error)
            case "message_start" if event.message and event.message.usage:
                usage = event.message.usage
                self._cached = usage.cache_read_input_tokens or 0
                self._read = usage.input_tokens + self._cached
                return [Usage(self._read, 0, self._cached)]
            case "content_block_delta" if event.delta:
                if event.delta.thinking:
                    return [ReasoningDelta(event.delta.thinking)]
                return [TextDelta(event.delta.text)] if event.delta.text else []
            case "message_delta":
                found: list[Delta] = []
                if event.usage is not None:
                    found.append(Usage(self._read, event.usage.output_tokens, self._cached))
                if event.delta and event.delta.stop_reason:
                    reason = event.delta.stop_reason
                    found.append(Finished("stop" if reason == "end_turn" else reason))
                return found
        return []
