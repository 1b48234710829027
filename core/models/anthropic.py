"""Anthropic's own shape of a chat: the request, and the events of its stream.

Source: Anthropic's Messages API (`/v1/messages`, streaming), version 2023-06-01.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from core.border import clean
from core.models.chunks import Delta, Finished
from core.models.endings import ending_of
from core.models.loose import count_of, record, records, text_of
from core.models.native_search import native_search
from core.models.parameters import CACHE, THINKING
from core.models.providers import Endpoint
from core.models.reading import Reading
from core.models.refusals import is_error, read_error
from core.models.request import ChatMessage, ChatRequest, in_turns
from core.models.sources import with_citation
from core.models.tool_calls import Round, read_arguments
from core.models.usage import anthropic_usage
from core.models.ways import Ways

_KEEP = {"type": "ephemeral"}
_THINKING = ("thinking", "redacted_thinking")
_SEALED = (*_THINKING, "server_tool_use", "web_search_tool_result")
"""Blocks that go back as they came. What was found is encrypted."""
_ODD = re.compile(r"[^a-zA-Z0-9_-]")
"""What an id of a call may not hold here."""
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
    for one in request.rounds:
        turns += _round(one)
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
    offered: list[dict[str, object]] = [
        {"name": one.name, "description": one.description, "input_schema": one.schema}
        for one in request.tools
    ]
    if tools := [*native_search("anthropic", endpoint, request, ways), *offered]:
        # Calls of before may only be sent together with the tools.
        asked["tools"] = tools
        if request.closing:
            asked["tool_choice"] = {"type": "none"}
    if any(not _begins_with_thought(one) for one in request.rounds):
        # With thinking on, each message with calls must begin with its own signed thinking.
        asked.pop("thinking", None)
    if not system:
        return asked
    if request.options.get(CACHE):
        # The cache keeps the marked block and all before it. So the part that changes comes last.
        stays = system.removesuffix(request.clock).rstrip()
        blocks = [{"type": "text", "text": stays, "cache_control": _KEEP}] if stays else []
        changes = [{"type": "text", "text": request.clock}] if request.clock else []
        return asked | {"system": [*blocks, *changes]}
    return asked | {"system": system}


def _round(one: Round) -> list[dict[str, Any]]:
    """The two messages of a round: what the model wrote, as it was if possible, and the results."""
    blocks: list[dict[str, Any]] = list(one.thought)
    if not blocks:
        blocks = [{"type": "text", "text": one.text}] if one.text.strip() else []
        blocks += [
            {
                "type": "tool_use",
                "id": _ODD.sub("_", call.id),
                "name": call.name,
                "input": read_arguments(call.arguments) or {},
            }
            for call in one.calls
        ]
    results = [
        {"type": "tool_result", "tool_use_id": _ODD.sub("_", call.id), "content": output.text}
        | ({"is_error": True} if output.is_error else {})
        for call, output in zip(one.calls, one.outputs, strict=True)
    ]
    return [{"role": "assistant", "content": blocks}, {"role": "user", "content": results}]


def _begins_with_thought(one: Round) -> bool:
    return bool(one.thought) and one.thought[0].get("type") in _THINKING


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


class _Block(NamedTuple):
    """A block of the message: as it began, and the pieces of its fields since then."""

    begun: dict[str, Any]
    pieces: dict[str, list[str]]

    def whole(self) -> dict[str, Any]:
        joined = {name: clean("".join(some)) for name, some in self.pieces.items()}
        if self.begun.get("type") in ("tool_use", "server_tool_use"):
            written = read_arguments(joined.pop("partial_json", ""))
            return self.begun | {"input": self.begun.get("input") or written or {}}
        return self.begun | {
            name: text_of(self.begun.get(name)) + text for name, text in joined.items()
        }


class Reader(Reading):
    """Reads the events of one stream, or a whole answer. Several events report the usage."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: dict[int, _Block] = {}
        self._server: set[int] = set()
        """The places of what the provider calls by itself."""

    def _object(self, event: Mapping[str, object], some: list[Delta]) -> None:
        message, delta = record(event.get("message")), record(event.get("delta"))
        if event.get("type") == "message":
            message = event
        begun = event.get("content_block")
        for at, block in enumerate(records(begun or message.get("content"))):
            self._block(block, some)
            self._keep(count_of(event.get("index")) if begun else at, block, some)
        self._block(delta, some)
        if self.by or self._calls:
            self._keep(count_of(event.get("index")), delta, some)
        for usage in (message.get("usage"), event.get("usage")):
            self._count(anthropic_usage(record(usage)), some)
        word = text_of(delta.get("stop_reason") or message.get("stop_reason"))
        if is_error(event):
            self.rest(some)
            raise read_error(event)
        if word or event.get("type") == "message_stop":
            self.rest(some)
            some.append(Finished(ending_of(word)))

    def _keep(self, at: int, said: Mapping[str, object], some: list[Delta]) -> None:
        """Add *said* to the block *at*: its beginning, or a piece of it."""
        kind = text_of(said.get("type"))
        if kind == "server_tool_use":
            self._search(some)
            self._server.add(at)
        elif kind == "tool_use":
            told = text_of(said.get("id")), text_of(said.get("name"))
            # The whole input, if the answer is not streamed. In a stream it is empty here.
            self._calls.take(("at", at), *told, said.get("input") or None)
        elif kind == "input_json_delta" and at not in self._server:
            self._calls.take(("at", at), arguments=text_of(said.get("partial_json")))
        if not self.by:
            return
        if not kind.endswith("_delta") and kind:
            self._blocks[at] = _Block(dict(said), {})
        elif (block := self._blocks.get(at)) is not None:
            for name in ("text", "thinking", "signature", "partial_json"):
                if piece := text_of(said.get(name)):
                    block.pieces.setdefault(name, []).append(piece)

    def _thoughts(self) -> tuple[dict[str, Any], ...]:
        """The whole message, if it holds thinking or a search: only its maker can read that."""
        blocks = [self._blocks[at].whole() for at in sorted(self._blocks)]
        # Claude writes blank lines before a call, and its API takes no blank text back.
        kept = [block for block in blocks if "text" not in block or text_of(block["text"]).strip()]
        return tuple(kept) if any(one.get("type") in _SEALED for one in kept) else ()

    def _block(self, block: Mapping[str, object], some: list[Delta]) -> None:
        self._think(text_of(block.get("thinking")), some)
        self._say(block.get("text"), some)
        for citation in records(block.get("citation") or block.get("citations")):
            self._cite(with_citation(citation, self._cited.sources), some)
