"""The chat client against a server that fails in each of the ways servers fail."""

import asyncio
import gzip
import json
import time

import aiohttp
import pytest
from aiohttp import web

from core.errors import Interrupted, Overloaded, Refused
from core.models.chunks import Finished, TextDelta, Usage
from core.models.client import ChatClient
from core.models.providers import Deadlines, Endpoint, provider_at
from core.models.refusals import retry_after_s
from core.models.request import ChatMessage, ChatRequest
from tests.servers import model as models

REQUEST = ChatRequest((ChatMessage("user", "hello"),))


@pytest.fixture
async def client(model, monkeypatch):
    monkeypatch.setattr("core.models.retrying.FIRST_WAIT_S", 0.01)
    async with aiohttp.ClientSession() as session:
        yield ChatClient(
            session,
            Endpoint(
                model.url,
                "sk-secret-key",
                "scripted",
                deadlines=Deadlines(connect=1, first=0.5, silence=0.3, whole=5),
            ),
        )


async def collect(client, request=REQUEST):
    async with client.stream(request) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas):
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def test_an_answer_is_streamed_to_its_end(client, model):
    deltas = await collect(client)
    assert text_of(deltas) == "Echo of hello -- before that: nothing."
    assert [delta.reason for delta in deltas if isinstance(delta, Finished)] == ["stop"]


async def test_a_busy_model_is_asked_again_before_the_first_word(client, model):
    model.faults = [models.status(503), models.status(429), models.raw(b"")]
    assert "Echo" in text_of(await collect(client))
    assert len(model.requests) == 4


async def test_a_refusal_is_not_asked_again(client, model):
    model.faults = [models.status(401)]
    with pytest.raises(Refused):
        await collect(client)
    assert len(model.requests) == 1


async def test_a_model_that_asks_for_a_long_pause_is_not_waited_for(client, model):
    model.faults = [models.status(429, headers={"Retry-After": "3600"})]
    with pytest.raises(Overloaded):
        await collect(client)
    assert len(model.requests) == 1


async def test_a_stream_cut_after_the_first_word_is_interrupted_and_not_asked_again(client, model):
    async def broken(request):
        return await model.stream(request, "half an answer", until=6)

    model.faults = [broken]
    with pytest.raises(Interrupted):
        await collect(client)
    assert len(model.requests) == 1


async def test_a_stream_that_ends_without_an_end_is_broken(client, model):
    model.faults = [models.raw(b'data: {"choices":[{"delta":{"content":"half"}}]}\n\n')]
    with pytest.raises(Interrupted):
        await collect(client)


async def test_done_without_a_finish_reason_is_an_end(client, model):
    model.faults = [
        models.raw(b'data: {"choices":[{"delta":{"content":"all"}}]}\n\ndata: [DONE]\n\n')
    ]
    assert text_of(await collect(client)) == "all"


async def test_an_error_object_in_the_middle_is_an_error(client, model):
    async def failing(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await model.send(response, {"choices": [{"delta": {"content": "half"}}]})
        await asyncio.sleep(0.1)
        await model.send(response, {"error": {"message": "gone", "code": "server_error"}})
        return response

    model.faults = [failing]
    with pytest.raises(Overloaded):
        await collect(client)
    assert len(model.requests) == 1


async def test_a_whole_answer_instead_of_a_stream_is_an_answer(client, model):
    body = b'{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}'
    model.faults = [models.raw(body, "application/json")]
    assert text_of(await collect(client)) == "whole"


async def test_a_stalled_stream_ends_in_time(client, model):
    async def stalled(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await model.send(response, {"choices": [{"delta": {"content": "half"}}]})
        await asyncio.sleep(3)
        return response

    model.faults = [stalled]
    with pytest.raises(Interrupted, match="middle"):
        await collect(client)


HELLO = 'data: {"choices":[{"delta":{"content":"你好 🙂 é"}}]}\n\ndata: [DONE]\n\n'.encode()


async def test_a_compressed_stream_is_read_though_nobody_asked_for_one(client, model):
    async def compressed(request):
        headers = {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}
        return web.Response(body=gzip.compress(HELLO), headers=headers)

    model.faults = [compressed]
    assert text_of(await collect(client)) == "你好 🙂 é"


async def test_characters_may_be_split_between_any_two_bytes(client, model):
    async def byte_by_byte(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for at in range(len(HELLO)):
            await response.write(HELLO[at : at + 1])
            await asyncio.sleep(0.001)
        return response

    model.faults = [byte_by_byte]
    assert text_of(await collect(client)) == "你好 🙂 é"


async def test_thousands_of_tiny_events_let_others_run_in_between(client, model):
    event = json.dumps({"choices": [{"delta": {"content": "x"}}]}, separators=(",", ":"))
    events = f"data: {event}\n\n".encode() * 30_000
    model.faults = [models.raw(events + b"data: [DONE]\n\n", content_type="text/event-stream")]
    turns = texts = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(count())
    most, last = 0, 0
    async with client.stream(REQUEST) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                texts += len(delta.text)
                if turns > last:
                    last, since = turns, texts - 1
                most = max(most, texts - since)
    others.cancel()
    assert texts == 30_000
    assert most <= 16 * 1024 // 20


async def test_leaving_early_closes_the_call(client, model):
    model.answer = lambda messages: "word " * 10_000
    async with client.stream(REQUEST) as deltas:
        await anext(deltas)
    for _ in range(100):
        if model.running_streams == 0:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the server still streams")


async def test_only_what_is_set_is_sent(client, model):
    await collect(client)
    assert set(model.requests[0]) == {"model", "messages", "stream", "stream_options"}


async def test_an_error_never_names_the_key(client, model):
    model.faults = [models.status(401)]
    with pytest.raises(Refused) as caught:
        await collect(client)
    assert "sk-secret-key" not in str(caught.value)


def test_retry_after_is_read_as_seconds_and_as_a_date():
    now = time.time()
    assert retry_after_s({"Retry-After": "7"}, now) == 7
    assert retry_after_s({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, now) == 0
    assert retry_after_s({"Retry-After": "soon"}, now) == 0
    assert retry_after_s({}, now) == 0


@pytest.mark.parametrize(
    ("url", "name", "header"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens", "Authorization"),
        ("https://me.openai.azure.com/openai/v1", "max_completion_tokens", "api-key"),
        ("https://api.deepseek.com", "max_tokens", "Authorization"),
        ("http://127.0.0.1:11434/v1", "max_tokens", "Authorization"),
    ],
)
async def test_a_provider_is_asked_in_its_own_words(model, url, name, header):
    sent = {}

    async def seen(request):
        sent.update(request.headers)
        return await model.stream(request, "fine")

    model.faults.append(seen)
    endpoint = Endpoint(model.url, "sk-secret-key", "scripted", provider_at(url))
    async with aiohttp.ClientSession() as session:
        request = ChatRequest(REQUEST.messages, max_tokens=9)
        await collect(ChatClient(session, endpoint), request)
    assert model.requests[0][name] == 9
    assert sent[header].endswith("sk-secret-key")


ANTHROPIC = provider_at("https://api.anthropic.com/v1")


@pytest.fixture
async def native(model):
    model.answer = lambda messages: "an answer of its own kind"
    async with aiohttp.ClientSession() as session:
        yield ChatClient(session, Endpoint(model.url, "sk-ant", "claude", ANTHROPIC), tries=1)


async def test_anthropics_own_stream_is_read(native, model):
    said = [("system", "be kind"), ("user", "one"), ("user", "two")]
    request = ChatRequest(tuple(ChatMessage(role, text) for role, text in said))
    deltas = await collect(native, request)
    assert text_of(deltas) == "an answer of its own kind"
    assert [delta for delta in deltas if isinstance(delta, Usage)][-1] == Usage(11, 7, 6)
    assert deltas[-1] == Finished("stop")
    (asked,) = model.requests
    assert asked["system"] == "be kind"
    assert [part["text"] for part in asked["messages"][0]["content"]] == ["one", "two"]


async def test_anthropic_sees_pictures_and_goes_on_with_an_answer(native, model):
    message = ChatMessage("user", "what?", ("data:image/png;base64,AAAA",))
    await collect(native, ChatRequest((message,), begun="It is"))
    (asked,) = model.requests
    source = asked["messages"][0]["content"][0]["source"]
    assert source == {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    assert asked["messages"][-1] == {"role": "assistant", "content": "It is"}


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, Overloaded),
        ({"type": "error", "error": {"type": "authentication_error", "message": "x"}}, Refused),
        ([], Overloaded),
    ],
)
async def test_anthropics_errors_inside_a_stream_are_typed(native, model, event, error):
    model.faults.append(models.raw(b"data: " + json.dumps(event).encode() + b"\n\n"))
    with pytest.raises(error):
        await collect(native)
