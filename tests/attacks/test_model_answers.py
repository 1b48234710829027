"""A model that says too much, in every way: cut at a bound, said in one sentence, nobody waits."""

import asyncio
import json
import zlib
from functools import partial

import aiohttp
import pytest
from aiohttp import web

from core.errors import Refused
from core.models.bounds import EVENT_BYTES, STREAM_BYTES, STREAM_LINES, Bounds
from tests.attacks.watching import watched
from tests.harness import until

MB = 1024 * 1024
EVENTS = "text/event-stream"


async def send(request, pieces, content_type=EVENTS, status=200, **headers):
    """Send *pieces* until they end or nobody listens."""
    response = web.StreamResponse(status=status, headers={"Content-Type": content_type, **headers})
    try:
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
    except (ConnectionError, asyncio.CancelledError):
        if request.transport is not None:
            request.transport.abort()
    return response


def event(delta):
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


def endless(piece, megabytes=800):
    yield from (piece for _ in range(megabytes * MB // len(piece) + 1))


def one_line():
    yield b'data: {"choices":[{"delta":{"content":"'
    yield from endless(b"a" * MB)


def one_json():
    yield b'{"choices":[{"message":{"content":"'
    yield from endless(b"a" * MB)


def one_event_of_many_lines():
    yield from endless(b"data: a\n" * 10_000)


def comments():
    yield from endless(b": still here\n\n" * 10_000)


def thinking():
    yield from endless(event({"reasoning_content": "hm " * 20}) * 1_000)


def tiny_events():
    yield from endless(b"data: {}\n\n" * 10_000)


def tiny_texts():
    yield from endless(event({"content": "a"}) * 1_000)


def carriage_returns():
    yield from endless(b"data: {}\r\r" * 10_000)


def compressed(pieces):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    for piece in pieces:
        if some := squeeze.compress(piece):
            yield some
    yield squeeze.flush()


def streamed(pieces, content_type=EVENTS, **more):
    async def fault(request):
        return await send(request, pieces(), content_type, **more)

    return fault


async def endless_headers(request):
    transport = request.transport
    transport.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(200_000):
        if transport.is_closing():
            break
        transport.write(b"X-%d: %s\r\n" % (number, b"a" * 1_000))
        if number % 100 == 0:
            await asyncio.sleep(0)
    transport.abort()
    raise asyncio.CancelledError


ENDLESS = "did not come to an end"
ATTACKS = {
    "800 MB in one line": (streamed(one_line), ENDLESS),
    "800 MB as JSON": (streamed(one_json, "application/json"), ENDLESS),
    "800 MB of JSON, compressed": (
        streamed(
            lambda: compressed(one_json()), "application/json", **{"Content-Encoding": "gzip"}
        ),
        ENDLESS,
    ),
    "800 MB in one line, compressed": (
        streamed(lambda: compressed(one_line()), **{"Content-Encoding": "gzip"}),
        ENDLESS,
    ),
    "one event of a hundred million lines": (streamed(one_event_of_many_lines), ENDLESS),
    "comments without an end": (streamed(comments), ENDLESS),
    "thinking without an end": (streamed(thinking), ENDLESS),
    "tiny events": (streamed(tiny_events), ENDLESS),
    "tiny events, compressed": (
        streamed(lambda: compressed(tiny_events()), **{"Content-Encoding": "gzip"}),
        ENDLESS,
    ),
    "carriage returns": (streamed(carriage_returns), ENDLESS),
    "an error of 800 MB": (
        streamed(lambda: endless(b"a" * MB), "text/html", status=400),
        "refused",
    ),
}


def _seen(server, chat, text):
    return any(text in post.text for post in server.posts(chat))


@pytest.mark.timeout(300)
async def test_a_model_without_an_end_is_cut_and_that_is_said(server, model, replica):
    """One after the other in one process, whose memory is that of the worst."""
    async with watched(replica) as app:
        for person, (attack, (fault, said)) in enumerate(ATTACKS.items(), 101):
            model.faults.append(fault)
            server.add_private(person)
            server.say(person, "hello")
            await until(partial(_seen, server, person, said), 90)
            server.say(person, f"after {attack}?")
            await until(partial(_seen, server, person, f"Echo of after {attack}?"), 30)
            assert app.unharmed()


async def test_letters_one_by_one_are_cut_too(server, model, replica):
    """On the page: in a chat the pages of 100,000 letters take their turn, one a second."""
    model.faults.append(streamed(tiny_texts))
    async with (
        watched(replica, web_chat=True) as app,
        aiohttp.ClientSession(cookies={"palaver": "ab" * 16}) as session,
    ):
        path = f"http://127.0.0.1:{app.port}/api/conversations/thread-12345"
        async with session.post(path, json={"id": "abcdefgh0", "text": "go on?"}) as response:
            assert response.status == 202
        server.say(78, "and me?")
        await until(lambda: any("Echo of and me?" in post.text for post in server.posts(78)), 30)
        async with asyncio.timeout(50), session.get(f"{path}/events") as response:
            seen = b""
            while ENDLESS.encode() not in seen:
                seen = seen[-len(ENDLESS) :] + await response.content.readany()
        assert app.unharmed()


@pytest.mark.timeout(120)
async def test_headers_without_an_end_are_a_failed_call(server, model, replica):
    model.faults += [endless_headers] * 4
    async with watched(replica) as app:
        server.say(77, "hello")
        await until(lambda: server.posts(77), 60)
        assert app.unharmed()


@pytest.mark.parametrize(
    ("piece", "times"),
    [
        (b"a" * 65_536, EVENT_BYTES // 65_536),
        (b"data: a\n" * 8_192, EVENT_BYTES // 65_536),
        ((b": %s\n\n" % (b"a" * 996)) * 50, STREAM_BYTES // 50_000),
        (b"\n" * 65_536, STREAM_LINES // 65_536),
        (b"\r" * 65_536, STREAM_LINES // 65_536),
    ],
)
def test_the_bound_is_met_whatever_the_bytes_are(piece, times):
    bounds = Bounds()
    for _ in range(times):
        bounds.count(piece)
    with pytest.raises(Refused) as refused:
        bounds.count(piece + piece)
    assert refused.value.reason == "endless"


@pytest.mark.parametrize("blank", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_events_of_a_usual_size_never_meet_the_bound_of_one(blank, size):
    bounds, one = Bounds(), b"data: " + b"a" * 300 + blank
    stream = one * 30
    for _ in range(600 if size == 1_000 else 3):
        for at in range(0, len(stream), size):
            bounds.count(stream[at : at + size])
    assert bounds._event_bytes < 2 * len(one)
