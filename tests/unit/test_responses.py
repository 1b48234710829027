"""OpenAI's Responses API: events as its reference shows them, byte by byte, and what is asked."""

import json
import random

import aiohttp
import msgspec
import pytest
from aiohttp import web

from core.errors import Interrupted, ModelError, Refused
from core.models import responses
from core.models.chunks import Cited, Finished, ReasoningDelta, TextDelta, Usage
from core.models.client import ChatClient
from core.models.learned import Lessons
from core.models.parameters import Parameters, read_parameters
from core.models.providers import Endpoint, place_of, provider_at
from core.models.request import ChatMessage, ChatRequest
from core.models.shapes import SHAPES
from core.models.ways import BLIND, DEAF, Ways
from tests.servers.loopback import listening
from tests.servers.model import status

# platform.openai.com/docs/api-reference/responses-streaming, shortened to the fields that matter.
EVENTS = [
    {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
    {"type": "response.output_item.added", "item": {"type": "reasoning", "summary": []}},
    {"type": "response.reasoning_summary_text.delta", "delta": "Let me see. "},
    {"type": "response.output_item.added", "item": {"type": "message", "content": []}},
    {"type": "response.content_part.added", "part": {"type": "output_text", "text": ""}},
    {"type": "response.output_text.delta", "delta": "The sky "},
    {"type": "response.output_text.delta", "delta": "is blue \ud83c"},
    {"type": "response.output_text.delta", "delta": "\udf89"},
    {
        "type": "response.output_text.annotation.added",
        "annotation": {"type": "url_citation", "url": "https://a.example/", "title": "A"},
    },
    {"type": "response.output_text.done", "text": "The sky is blue \ud83c\udf89"},
    {
        "type": "response.completed",
        "response": {
            "status": "completed",
            "usage": {
                "input_tokens": 30,
                "input_tokens_details": {"cached_tokens": 20},
                "output_tokens": 9,
                "output_tokens_details": {"reasoning_tokens": 4},
                "total_tokens": 39,
            },
        },
    },
]
HELLO = ChatRequest((ChatMessage("system", "Be kind."), ChatMessage("user", "hello")))


def read(events):
    reader, some = responses.Reader(), []
    for event in events:
        reader.read(json.dumps(event).encode(), some)
    return some


def told(some):
    return "".join(one.text for one in some if isinstance(one, TextDelta))


def test_the_events_of_a_stream_are_read():
    some = read(EVENTS)
    assert told(some) == "The sky is blue 🎉"
    assert [one.text for one in some if isinstance(one, ReasoningDelta)] == ["Let me see. "]
    assert [one.sources[0].url for one in some if isinstance(one, Cited)] == ["https://a.example/"]
    assert [one for one in some if isinstance(one, Usage)][-1] == Usage(30, 9, 20)
    assert some[-1] == Finished("stop")


def test_an_answer_that_was_not_streamed_is_read():
    (event,) = [
        {
            "object": "response",
            "status": "completed",
            "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
                {
                    "type": "message",
                    "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
                },
            ],
            "usage": {"input_tokens": 1, "output_tokens": 2},
        }
    ]
    some = read([event])
    assert told(some) == "Hello"
    assert some[-1] == Finished("stop")


@pytest.mark.parametrize(
    ("last", "ending"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "filter"),
        ({"status": "completed"}, "stop"),
    ],
)
def test_how_it_ended_is_told(last, ending):
    assert read([{"type": "response.completed", "response": last}])[-1] == Finished(ending)


def test_a_refusal_is_the_answer_and_a_failure_is_an_error():
    assert told(read([{"type": "response.refusal.delta", "delta": "I will not."}])) == "I will not."
    failed = {"code": "server_error", "message": "it broke"}
    with pytest.raises(ModelError):
        read([{"type": "response.failed", "response": {"status": "failed", "error": failed}}])
    with pytest.raises(Interrupted):
        read([{"type": "response.cancelled", "response": {"status": "cancelled"}}])
    with pytest.raises(Refused):
        read([{"type": "error", "code": "invalid_api_key", "message": "Incorrect API key"}])


@pytest.mark.parametrize("seed", range(30))
def test_any_json_in_any_field_loses_nothing_that_came_before(seed):
    chance = random.Random(seed)
    odd = [None, 5, -1.5, True, "", "x", [], [{}], {"text": 3}, {"a": {"b": [1]}}, "\ud83c"]
    events = [dict(event) for event in EVENTS]
    for event in events[8:]:
        for key in list(event):
            event[key] = chance.choice(odd)
    reader, some = responses.Reader(), []
    for event in events:
        try:
            reader.read(json.dumps(event).encode(), some)
        except ModelError:
            break
    assert told(some).startswith("The sky is blue")


@pytest.fixture
async def server():
    """Has the Responses API alone, strictly: what it does not know it refuses."""
    seen = []

    async def answer(request):
        asked = await request.json()
        seen.append(asked)
        known = {"model", "input", "instructions", "stream", "store", "max_output_tokens"}
        known |= {"temperature", "reasoning", "text"}
        if odd := asked.keys() - known:
            return web.json_response({"error": {"message": f"Unknown {odd}"}}, status=400)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in EVENTS:
            line = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            for cut in range(0, len(line), 7):
                await response.write(line[cut : cut + 7])
        return response

    async def chat(request):
        # The words of api.openai.com for a model of the Responses API alone.
        words = "This model is only supported in v1/responses and not in v1/chat/completions."
        error = {"message": words, "type": "invalid_request_error", "code": None}
        return web.json_response({"error": error}, status=404)

    app = web.Application()
    app.router.add_post("/v1/responses", answer)
    app.router.add_post("/v1/chat/completions", chat)
    async with listening(app) as url:
        yield f"{url}/v1", seen


async def test_a_model_of_this_api_alone_is_found_out_and_remembered(server):
    url, seen = server
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, Endpoint(url, "", "o9-pro"), Lessons(), tries=1)
        for _ in range(2):
            async with client.stream(HELLO) as deltas:
                assert told([one async for one in deltas]) == "The sky is blue 🎉"
        assert client.ways("o9-pro") == "asked by responses"
    assert len(seen) == 2
    assert seen[0]["instructions"] == "Be kind."
    assert seen[0]["input"] == [
        {"role": "user", "content": [{"type": "input_text", "text": "hello"}]}
    ]


async def test_parameters_are_called_what_this_api_calls_them(server):
    url, seen = server
    options = Parameters(temperature=0.2, reasoning_effort="high", verbosity="low").options
    endpoint = Endpoint(url, "", "o9-pro", ways=Ways(shape="responses"), options=options)
    request = msgspec.structs.replace(HELLO, max_tokens=50, options={"temperature": 0.9})
    async with (
        aiohttp.ClientSession() as session,
        ChatClient(session, endpoint, tries=1).stream(request) as deltas,
    ):
        assert told([one async for one in deltas])
    asked = seen[0]
    assert asked["max_output_tokens"] == 50
    assert asked["temperature"] == 0.9
    assert asked["reasoning"] == {"effort": "high"}
    assert asked["text"] == {"verbosity": "low"}


async def test_each_api_is_told_its_parameters_in_its_own_words(model):
    options = Parameters(temperature=0.2, thinking_tokens=1000, cache=True).options
    async with aiohttp.ClientSession() as session:
        plain = Endpoint(model.url, "", "m", options=options)
        async with ChatClient(session, plain, tries=1).stream(HELLO) as deltas:
            [one async for one in deltas]
    asked = model.requests[-1]
    assert asked["temperature"] == 0.2
    assert not {"thinking_tokens", "cache"} & asked.keys()
    from core.models import anthropic, openai

    request = msgspec.structs.replace(HELLO, options=options)
    claude = anthropic.body(Endpoint("https://api.anthropic.com/v1", "", "c"), request, Ways())
    assert claude["thinking"] == {"type": "enabled", "budget_tokens": 1000}
    assert "temperature" not in claude
    assert claude["system"][0]["cache_control"] == {"type": "ephemeral"}
    timed = msgspec.structs.replace(request, clock="It is 12:00.")
    stays, changes = anthropic.body(Endpoint("u", "", "c"), timed, Ways())["system"]
    assert (stays["text"], "cache_control" in stays) == ("Be kind.", True)
    assert (changes["text"], "cache_control" in changes) == ("It is 12:00.", False)
    for url, words in (
        ("https://openrouter.ai/api/v1", {"reasoning": {"max_tokens": 1000}}),
        (
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
            {"enable_thinking": True, "thinking_budget": 1000},
        ),
    ):
        endpoint = Endpoint(url, "", "m", provider_at(url))
        assert words.items() <= openai.body(endpoint, request, Ways()).items()


SENSES = ChatMessage(
    "user", "what is it?", ("data:image/png;base64,AA",), ("data:audio/ogg;base64,AA",)
)


@pytest.mark.parametrize(
    ("url", "sees", "hears"),
    [
        ("https://any.example/v1/chat/completions", True, True),
        ("https://any.example/v1/responses", True, False),
        ("https://any.example/v1/messages", True, False),
        ("https://aip.baidubce.com", False, False),
    ],
)
async def test_what_an_api_has_no_place_for_is_told_of_in_words(url, sees, hears):
    """Nothing that a person sent is dropped in silence."""
    base_url, shape = place_of(url)
    endpoint = Endpoint(base_url, "", "m", provider_at(base_url, shape=shape))
    client = ChatClient(None, endpoint)
    asked = await client._fit(ChatRequest((SENSES,)), Ways())
    body = json.dumps(SHAPES[endpoint.provider.shape].body(endpoint, asked, Ways()))
    assert ("image/png" in body, BLIND in body) == (sees, not sees)
    assert ("input_audio" in body, DEAF in body) == (hears, not hears)


def test_parameters_are_read_from_one_line():
    read = read_parameters("temperature=0.2, reasoning_effort=high,cache=true")
    assert read == Parameters(temperature=0.2, reasoning_effort="high", cache=True)
    for wrong in ("temprature=1", "temperature=warm", "x"):
        with pytest.raises(msgspec.ValidationError):
            read_parameters(wrong)


async def test_a_bad_key_is_no_lesson(model):
    model.faults += [status(401)]
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, Endpoint(model.url, "", "m"), tries=1)
        with pytest.raises(Refused):
            async with client.stream(HELLO):
                pass
    assert client.ways("m") == ""


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "response.output_text.done", "text": "hi"}],
        [{"type": "response.refusal.done", "refusal": "hi"}],
        [],
    ],
)
@pytest.mark.parametrize("content", ["hi", [{"type": "output_text", "text": "hi"}]])
def test_text_that_came_in_no_delta_is_told_once(events, content):
    over = {"status": "completed", "output": [{"type": "message", "content": content}]}
    some = read([*events, {"type": "response.completed", "response": over}])
    assert told(some) == "hi"
    assert some[-1] == Finished("stop")
