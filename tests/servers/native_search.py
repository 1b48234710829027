"""
Streams in which the provider searches the web by itself, as their documents show them.

What must come back in the next request is checked by `tests/unit/test_native_search.py`.
"""

import json

QUERY = {"query": "weather in Berlin"}
FOUND = {
    "type": "web_search_result",
    "url": "https://weather.example/berlin",
    "title": "Berlin",
    "encrypted_content": "RW5jcnlwdGVk",
    "page_age": "1 day",
}
LOCATION = {
    "type": "web_search_result_location",
    "url": FOUND["url"],
    "title": FOUND["title"],
    "cited_text": "18 degrees",
    "encrypted_index": "RW8=",
}


def _anthropic(*, then=()):
    # docs.claude.com, "Web search tool": streaming, response and usage
    yield {"type": "message_start", "message": {"usage": {"input_tokens": 11}}}
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search"}
    yield {"type": "content_block_start", "index": 0, "content_block": {**use, "input": {}}}
    said = json.dumps(QUERY)
    for part in ("", said[:9], said[9:]):
        delta = {"type": "input_json_delta", "partial_json": part}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [FOUND]}
    yield {"type": "content_block_start", "index": 1, "content_block": result}
    yield {"type": "content_block_stop", "index": 1}
    block = {"type": "text", "text": ""}
    yield {"type": "content_block_start", "index": 2, "content_block": block}
    citation = {"type": "citations_delta", "citation": LOCATION}
    yield {"type": "content_block_delta", "index": 2, "delta": citation}
    text = {"type": "text_delta", "text": "It is mild."}
    yield {"type": "content_block_delta", "index": 2, "delta": text}
    yield {"type": "content_block_stop", "index": 2}
    yield from then
    stop = "tool_use" if then else "end_turn"
    usage = {"output_tokens": 7, "server_tool_use": {"web_search_requests": 1}}
    yield {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage}
    yield {"type": "message_stop"}


def _call(index, name, arguments):
    block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
    yield {"type": "content_block_start", "index": index, "content_block": block}
    delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
    yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def anthropic(*call):
    """The events; with a *call* (name, arguments), the model calls a tool of ours after that."""
    return list(_anthropic(then=tuple(_call(3, *call)) if call else ()))


def responses():
    # platform.openai.com, "Web search": output items, annotations; "Streaming events"
    searching = {"id": "ws_1", "type": "web_search_call", "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": 0, "item": searching}
    for state in ("in_progress", "searching", "completed"):
        name = f"response.web_search_call.{state}"
        yield {"type": name, "output_index": 0, "item_id": "ws_1"}
    action = {"type": "search", "query": QUERY["query"]}
    done = {**searching, "status": "completed", "action": action}
    yield {"type": "response.output_item.done", "output_index": 0, "item": done}
    opened = {**done, "id": "ws_2", "action": {"type": "open_page", "url": FOUND["url"]}}
    yield {"type": "response.output_item.done", "output_index": 1, "item": opened}
    text = {"type": "response.output_text.delta", "output_index": 2, "delta": "It is mild."}
    yield text
    note = {"type": "url_citation", "url": FOUND["url"], "title": FOUND["title"]}
    place = {"start_index": 0, "end_index": 5}
    yield {"type": "response.output_text.annotation.added", "annotation": note | place}
    usage = {"input_tokens": 11, "output_tokens": 7}
    yield {"type": "response.completed", "response": {"status": "completed", "usage": usage}}
