"""Anthropic's own shape of a chat: the request, and the events of its stream.

Source: Anthropic's Messages API (`/v1/messages`, streaming), version 2023-06-01.
"""

from collections.abc import Mapping
from typing import Any

from core.models.chunks import Delta, Finished
from core.models.endings import ending_of
from core.models.loose import record, records, text_of
from core.models.parameters import CACHE, THINKING
from core.models.providers import Endpoint
from core.models.reading import Reading
from core.models.refusals import is_error, read_error
from core.models.request import ChatMessage, ChatRequest, in_turns
from core.models.sources import with_citation
from core.models.usage import anthropic_usage
from core.models.ways import Ways

_KEEP = {"type": "ephemeral"}
MAX_TOKENS = 8_192
"""`max_tokens` is required. This is sent if nobody chose a number."""


def url(endpoint: Endpoint, request: ChatRequest) -> str:
    return f"{endpoint.base_url}/messages"


def body(endpoint: Endpoint, request: ChatRequest, ways: Ways) -> dict[str, object]:
    """The body of the request. The system prompt is a field of its own, and roles alternate."""
    system, said = in_turns(request)
    turns: list[dict[str, Any]] = [
        {"role": role, "content": [part for one in together for part in _parts(one)]}
        for role, together in said
    ]
    if request.begun:
        turns.append({"role": "assistant", "content": request.begun})
    asked: dict[str, object] = {
        "model": request.model or endpoint.model,
        "messages": turns,
        # The tokens of its thinking count too.
        "max_tokens": (request.max_tokens or MAX_TOKENS) + request.options.get(THINKING, 0),
        "stream": True,
        **_options(request.options),
    }
    if not system:
        return asked
    if request.options.get(CACHE):
        # The cache keeps the marked block and all before it. So the part that changes comes last.
        stays = system.removesuffix(request.clock).rstrip()
        blocks = [{"type": "text", "text": stays, "cache_control": _KEEP}] if stays else []
        changes = [{"type": "text", "text": request.clock}] if request.clock else []
        return asked | {"system": [*blocks, *changes]}
    return asked | {"system": system}


def _parts(message: ChatMessage) -> list[dict[str, object]]:
    parts = [_image(url) for url in message.images]
    if message.content.strip():
        parts.append({"type": "text", "text": message.content})
    return parts


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """*options*, by Anthropic's names."""
    same = ("temperature", "top_p", "service_tier")
    named = {name: options[name] for name in same if name in options}
    if effort := options.get("reasoning_effort"):
        named["output_config"] = {"effort": effort}
    if tokens := options.get(THINKING):
        named["thinking"] = {"type": "enabled", "budget_tokens": tokens}
        # With thinking on, the API accepts no temperature.
        named.pop("temperature", None)
    if stop := options.get("stop"):
        named["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    return named


def _image(url: str) -> dict[str, object]:
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


class Reader(Reading):
    """Reads the events of one stream, or a whole answer. Several events report the usage."""

    def _object(self, event: Mapping[str, object], some: list[Delta]) -> None:
        message, delta = record(event.get("message")), record(event.get("delta"))
        if event.get("type") == "message":
            message = event
        for block in records(event.get("content_block") or message.get("content")):
            self._block(block, some)
        self._block(delta, some)
        for usage in (message.get("usage"), event.get("usage")):
            self._count(anthropic_usage(record(usage)), some)
        word = text_of(delta.get("stop_reason") or message.get("stop_reason"))
        if is_error(event):
            self.rest(some)
            raise read_error(event)
        if word or event.get("type") == "message_stop":
            self.rest(some)
            some.append(Finished(ending_of(word)))

    def _block(self, block: Mapping[str, object], some: list[Delta]) -> None:
        self._think(text_of(block.get("thinking")), some)
        self._say(block.get("text"), some)
        for citation in records(block.get("citation") or block.get("citations")):
            self._cite(with_citation(citation, self._cited.sources), some)
