"""OpenAI's Responses API: the request, and the events of its stream. Some models have nothing else.

Source: OpenAI's API reference, `/v1/responses` and "Streaming events", autumn 2026.
"""

from collections.abc import Mapping
from typing import Any

from core.errors import Interrupted
from core.models.chunks import Delta, Finished, Usage
from core.models.endings import ending_of
from core.models.loose import record, records, text_of
from core.models.native_search import native_search
from core.models.parameters import THINKING
from core.models.providers import Endpoint
from core.models.reading import Reading
from core.models.refusals import read_error
from core.models.request import ChatMessage, ChatRequest, in_turns
from core.models.sources import with_citation
from core.models.tool_calls import Round, ToolOffer, read_arguments, sendable
from core.models.usage import usage_of
from core.models.ways import Ways

_THOUGHT = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
_TEXT = ("response.output_text.delta", "response.refusal.delta")
_DONE = ("response.output_text.done", "response.refusal.done")
_CALLING = (
    *("response.output_item.added", "response.output_item.done"),
    *("response.function_call_arguments.delta", "response.function_call_arguments.done"),
)
_OVER = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_SAME = frozenset(("temperature", "top_p", "service_tier", "metadata", "user", "tools"))
_KEPT = ("type", "summary", "encrypted_content", "role", "content", "call_id", "name", "arguments")
"""The fields of an output item that go back. Ids do not: the provider has stored nothing."""
"""Options that have the same names as in a chat completion."""


def url(endpoint: Endpoint, request: ChatRequest) -> str:
    return f"{endpoint.base_url}/responses"


def body(endpoint: Endpoint, request: ChatRequest, ways: Ways) -> dict[str, object]:
    """The body of the request. The provider stores nothing, because we keep the history."""
    system, said = in_turns(request)
    asked: dict[str, object] = {
        "model": request.model or endpoint.model,
        "input": [
            *(
                {"role": role, "content": [part for one in together for part in _parts(role, one)]}
                for role, together in said
            ),
            *(item for one in request.rounds for item in _items(one)),
        ],
        "stream": True,
        "store": False,
        **_options(request.options),
    }
    if system:
        asked["instructions"] = system
    if request.max_tokens:
        asked["max_output_tokens"] = request.max_tokens
    searching = native_search("responses", endpoint, request, ways)
    if (request.tools or searching) and not request.closing:
        own = request.options.get("tools", ())
        asked["tools"] = [*own, *searching, *map(_offer, request.tools)]
        # It stores nothing, so its thinking comes and goes with us.
        asked["include"] = ["reasoning.encrypted_content"]
    return asked


def _offer(tool: ToolOffer) -> dict[str, object]:
    told = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    return {"type": "function", **told, "strict": False}


def _items(one: Round) -> list[dict[str, object]]:
    """The items of a round: what the model wrote, as it was if possible, and the outputs."""
    said: list[dict[str, object]] = list(one.thought)
    if not said:
        if one.text.strip():
            part = {"type": "output_text", "text": one.text}
            said.append({"role": "assistant", "content": [part]})
        said += [
            {
                "type": "function_call",
                "call_id": call.id,
                "name": call.name,
                "arguments": sendable(call),
            }
            for call in one.calls
        ]
    return said + [
        {"type": "function_call_output", "call_id": call.id, "output": output.text}
        for call, output in zip(one.calls, one.outputs, strict=True)
    ]


def _parts(role: str, message: ChatMessage) -> list[dict[str, object]]:
    kind = "output_text" if role == "assistant" else "input_text"
    parts: list[dict[str, object]] = []
    if message.content.strip():
        parts.append({"type": kind, "text": message.content})
    return parts + [{"type": "input_image", "image_url": url} for url in message.images]


def _options(options: Mapping[str, Any]) -> dict[str, object]:
    """*options*, by the names of this API."""
    named: dict[str, object] = {name: options[name] for name in _SAME & options.keys()}
    thinking = {"effort": options.get("reasoning_effort"), "max_tokens": options.get(THINKING)}
    if chosen := {name: value for name, value in thinking.items() if value}:
        named["reasoning"] = chosen
    text: dict[str, object] = {}
    if verbosity := options.get("verbosity"):
        text["verbosity"] = verbosity
    if form := record(options.get("response_format")):
        # The fields of `json_schema` are not nested here.
        text["format"] = {"type": form.get("type"), **record(form.get("json_schema"))}
    return named | ({"text": text} if text else {})


class Reader(Reading):
    """Reads the events of one stream, or a whole answer."""

    def __init__(self) -> None:
        super().__init__()
        self._output: list[dict[str, Any]] = []
        self._searches: set[object] = set()
        self._streamed = False
        """Whether the items of the output came one by one."""

    def _object(self, event: Mapping[str, object], some: list[Delta]) -> None:
        kind = text_of(event.get("type"))
        if kind in _TEXT:
            self._say(event.get("delta"), some)
        elif kind in _DONE:
            # If no delta held the text, take it from the event that repeats it.
            if not self._heard:
                self._say(event.get("text") or event.get("refusal"), some)
        elif kind in _THOUGHT:
            self._think(text_of(event.get("delta")), some)
        elif kind in _CALLING:
            self._call(event, kind, some)
        elif kind == "response.output_text.annotation.added":
            self._note(event.get("annotation"), some)
        elif kind == "error":
            raise read_error(event)
        elif kind in _OVER:
            response = record(event.get("response"))
            if self._heard:
                self._end(response, some)
            else:
                self._whole(response, some)
        elif event.get("object") == "response" or (not kind and event.get("error")):
            self._whole(event, some)

    def _call(self, event: Mapping[str, object], kind: str, some: list[Delta]) -> None:
        """Read a piece of a call, or a whole item of the output."""
        at = event.get("output_index")
        key = ("at", at if isinstance(at, int) else text_of(event.get("item_id")))
        if kind == "response.function_call_arguments.delta":
            self._calls.take(key, arguments=text_of(event.get("delta")))
        elif kind == "response.function_call_arguments.done":
            self._calls.replace(key, "", "", event.get("arguments"))
        else:
            whole = kind == "response.output_item.done"
            self._streamed = self._streamed or whole
            self._item(record(event.get("item")), key, some, whole=whole)

    def _item(
        self, item: Mapping[str, object], key: object, some: list[Delta], *, whole: bool
    ) -> None:
        kind = item.get("type")
        if kind == "web_search_call":
            self._search(some)
            # To open a page that was found costs nothing more.
            if whole and record(item.get("action")).get("type") in (None, "search"):
                self._searches.add(key)
                self._count(Usage(searches=len(self._searches)), some)
        if kind == "function_call":
            told = text_of(item.get("call_id")), text_of(item.get("name"))
            if whole:
                self._calls.replace(key, *told, item.get("arguments"))
            else:
                self._calls.take(key, *told)
        if whole and self.by and kind == "web_search_call":
            # A thought needs what came of it, as it was.
            self._output.append(dict(item))
        if whole and self.by and kind in ("function_call", "message", "reasoning"):
            # A thought without its encrypted content would name an item that nobody has.
            if kind == "reasoning" and not item.get("encrypted_content"):
                return
            kept = {name: item[name] for name in _KEPT if item.get(name) is not None}
            if kind == "function_call" and read_arguments(text_of(item.get("arguments"))) is None:
                kept["arguments"] = "{}"  # Cut at its length.
            self._output.append(kept if kind == "function_call" else _without_ids(kept))

    def _thoughts(self) -> tuple[dict[str, Any], ...]:
        thought = any(item["type"] == "reasoning" for item in self._output)
        return tuple(self._output) if thought else ()

    def _whole(self, response: Mapping[str, object], some: list[Delta]) -> None:
        """Read an answer that was not streamed."""
        for at, item in enumerate(records(response.get("output"))):
            if not self._streamed:
                self._item(item, ("at", at), some, whole=True)
            for part in records(item.get("summary")):
                self._think(text_of(part.get("text")), some)
            content = item.get("content")
            if isinstance(content, str):
                self._say(content, some)
            for part in records(content):
                self._say(part.get("text") or part.get("refusal"), some)
                for note in records(part.get("annotations")):
                    self._note(note, some)
        self._end(response, some)

    def _end(self, response: Mapping[str, object], some: list[Delta]) -> None:
        self._count(usage_of(record(response.get("usage"))), some)
        self.rest(some)
        if response.get("error"):
            raise read_error(response)
        status = text_of(response.get("status"))
        why = text_of(record(response.get("incomplete_details")).get("reason"))
        ending = ending_of(why or ("stop" if status == "completed" else status))
        if ending == "broken":
            raise Interrupted("the provider broke the answer off")
        some.append(Finished(ending))

    def _note(self, note: object, some: list[Delta]) -> None:
        self._cite(with_citation(note, self._cited.sources), some)


def _without_ids(item: Mapping[str, Any]) -> dict[str, Any]:
    """*item* without the notes of a message: they name what only the provider has."""
    if item.get("type") != "message":
        return dict(item)
    parts = [
        {"type": "output_text", "text": text_of(part.get("text") or part.get("refusal"))}
        for part in records(item.get("content"))
    ]
    return {"type": "message", "role": "assistant", "content": parts}
