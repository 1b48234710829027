"""A model whose events hold all that one may hold: many values, many errors, many sources."""

import asyncio
import gc
import types
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import msgspec
import pytest
from aiohttp import web

from core.errors import ModelError, Refused
from core.models import batch, bounds, loose, refusals, sources
from core.models.bounds import EVENT_BYTES, LARGE_BYTES
from core.models.chunks import TextDelta
from core.models.client import ChatClient
from core.models.providers import Endpoint
from core.models.request import ChatMessage, ChatRequest
from core.models.shapes import SHAPES
from core.models.stream import Stream
from tests.attacks.test_model_answers import event, send
from tests.attacks.watching import watched
from tests.harness import until
from tests.servers.model import raw

SIZE = EVENT_BYTES - 400_000
END = event({"content": "fine"}) + b"data: [DONE]\n\n"


def filled(before, piece, after, between=b","):
    """An event of nearly `EVENT_BYTES`: *piece* again and again."""
    count = SIZE // (len(piece) + len(between))
    return b"data: " + before + between.join([piece] * count) + after + b"\n\n"


NOTE = b'{"type":"url_citation","url_citation":{"url":"https://a.example/%d","title":"t"}}'
NOTES = b",".join(NOTE % number for number in range(SIZE // len(NOTE)))
DELTA = b'{"choices":[{"index":0,"delta":{"content":'
EVENTS = {
    "choices that are lists": filled(b'{"choices":[', b"[]", b"]}"),
    "parts": filled(DELTA + b"[", b'{"text":"a"}', b"]}}]}"),
    "values behind each other": filled(b"", b"{}", b"", b""),
    "errors": filled(b'{"errors":[', b'{"message":"m"}', b"]}"),
    "words of an error": filled(b'{"error":{"message":[', b'"tokens"', b"]}}"),
    "an error about tokens": filled(
        b'{"error":{"message":"', b"length exceeds model tokens", b'"}}', b" "
    ),
    "an error of keys": filled(b'{"error":{"message":"', b"sk-", b'"}}', b""),
    "an error in an error": filled(
        b'{"error":{"message":"x","metadata":{"raw":"', b"context", b'"}}}', b" "
    ),
    "notes": b"data: " + DELTA + b'"x","annotations":[' + NOTES + b"]}}]}\n\n",
}


async def test_events_of_any_kind_as_large_as_may_be_keep_nobody_waiting(server, model, replica):
    settings = {"api_token": "program", "web_chat": "false"}
    async with watched(replica, **settings) as watching, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{watching.port}/api/ask"
        bearer = {"Authorization": "Bearer program"}
        for data in EVENTS.values():
            model.faults = [partial(send, pieces=[data, END])]
            async with session.post(url, json={"prompt": "hello"}, headers=bearer) as response:
                assert response.status in (200, 502)
                assert len(await response.read()) < 100_000
        model.faults.clear()
        server.add_private(77)
        server.say(77, "still there?")
        await until(lambda: any("still there?" in post.text for post in server.posts(77)))
        assert watching.unharmed()


@pytest.mark.parametrize("what", ["parts", "values behind each other", "choices that are lists"])
def test_a_payload_of_too_many_values_is_not_read(what):
    with pytest.raises(ValueError, match="too many"):
        loose.parse_all(EVENTS[what].removeprefix(b"data: "))


@pytest.mark.parametrize(
    "text", [",[{" * 400_000, '"' * 400_000, "\\" * 400_000, '\\",' * 200_000, ", " * 400_000]
)
def test_a_long_text_is_one_value_whatever_it_holds(text):
    data = msgspec.json.encode({"choices": [{"message": {"content": text}}]})
    (said,) = loose.parse_all(data)
    assert said["choices"][0]["message"]["content"] == text


def test_of_a_long_error_only_the_beginning_is_looked_at(monkeypatch):
    looked_at = []
    meaning = refusals.reason_of
    monkeypatch.setattr(
        refusals,
        "reason_of",
        lambda codes, words, status: looked_at.append(words) or meaning(codes, words, status),
    )
    for said in (
        {"error": {"message": "length exceeds model tokens " * 100_000}},
        {"errors": [{"message": f"error {number}"} for number in range(100_000)]},
        {"error": {"message": "x", "metadata": {"raw": "context " * 400_000}}},
        "tokens exceed " * 100_000,
    ):
        assert isinstance(refusals.read_error(said), ModelError)
    assert max(map(len, looked_at)) <= refusals.MOST_CHARS


def test_of_many_sources_the_first_are_looked_at(monkeypatch):
    looked_at = []
    read = sources._source
    monkeypatch.setattr(sources, "_source", lambda said: looked_at.append(said) or read(said))
    addresses = [f"https://a.example/{number}" for number in range(20_000)]
    chunk = {"citations": addresses, "search_results": [{"url": one} for one in addresses]}
    notes = [{"url_citation": {"url": one}} for one in addresses]
    found = sources.sources_of(chunk, {"delta": {"annotations": notes}}, ())
    assert [one.url for one in found] == addresses[: sources.MOST]
    assert len(looked_at) <= 3 * sources.LOOKED_AT


async def test_what_a_failed_stream_brought_is_forgotten_at_once(model):
    """Without waiting for the collector, which comes after millions of objects."""
    model.faults = [raw(EVENTS["an error about tokens"], "text/event-stream")]
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, Endpoint(model.url, "", "scripted"))
        gc.collect()
        gc.disable()
        try:
            with pytest.raises(Refused):
                async with client.stream(ChatRequest((ChatMessage("user", "hello"),))) as deltas:
                    [delta async for delta in deltas]
            await asyncio.sleep(0)
            frames = [one for one in gc.get_objects() if isinstance(one, types.FrameType)]
        finally:
            gc.enable()
    # The frames of the scripted server are another program's.
    ours = [one for one in frames if "/core/" in one.f_code.co_filename]
    assert not [one for one in ours if any(map(_is_large, one.f_locals.values()))]


def _is_large(value):
    return isinstance(value, str | bytes | bytearray) and len(value) > EVENT_BYTES // 2


@pytest.mark.parametrize("size", [1, 100, 30_000])
def test_an_answer_for_a_program_ends_at_a_bound(size, monkeypatch):
    monkeypatch.setattr(batch, "MOST_CHARS", 40_000)
    heard = batch.Heard()
    for _ in range(40_000 // size):
        heard.take(TextDelta("a" * size))
    with pytest.raises(Refused):
        heard.take(TextDelta("a" * size + "a"))


@asynccontextmanager
async def opened(session, model):
    asked = {"model": "x", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    async with session.post(f"{model.url}/chat/completions", json=asked) as response:
        yield Stream(response, SHAPES["openai"].reader(), "", session)


async def test_few_streams_have_a_large_event_under_way_at_once(model, monkeypatch):
    """A hundred events of 4 MB that never end would be 400 MB."""
    begun = DELTA + b'"' + b"a" * 2 * LARGE_BYTES
    model.faults = [partial(held, pieces=[b"data: " + begun])] * 2
    monkeypatch.setattr(bounds, "MOST_LARGE", 1)
    async with (
        aiohttp.ClientSession() as session,
        opened(session, model) as first,
        opened(session, model) as second,
        opened(session, model) as small,
    ):
        reading = asyncio.create_task(drained(first))
        await until(lambda: first._has_place)
        waiting = asyncio.create_task(drained(second))
        # Who has no large event waits for nobody.
        assert await drained(small)
        assert not second._has_place
        first.close()
        await until(lambda: second._has_place)
        second.close()
        assert not bounds.large_events(session).locked()
        for task in (reading, waiting):
            task.cancel()
        await asyncio.gather(reading, waiting, return_exceptions=True)


async def test_a_long_answer_of_one_text_a_line_is_no_large_event(model):
    """Ollama's own API puts no blank line between the texts: each line is one."""
    # docs.ollama.com/api/streaming
    line = b'{"model":"m","message":{"role":"assistant","content":"%d "},"done":false}\n'
    lines = b"".join(line % number for number in range(EVENT_BYTES // len(line) + 1))
    model.faults = [partial(held, pieces=[lines])]
    said = []
    async with aiohttp.ClientSession() as session, opened(session, model) as stream:
        while len(said) < lines.count(b"\n"):
            said += await stream.next()
            assert not stream._has_place
        stream.close()
    assert said[-1] == TextDelta(f"{len(said) - 1} ")


async def held(request, pieces):
    """Send *pieces*, and then nothing."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for piece in pieces:
        await response.write(piece)
    await asyncio.Event().wait()


async def drained(stream):
    found = []
    while (some := await stream.next()) is not None:
        found += some
    return found
