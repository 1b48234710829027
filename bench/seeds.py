"""The figures of the articles that Palaver was asked from, on loopback.

    python -m bench.seeds

Ten prompts at once against one by one; a connection used again against a new one each; the memory
of a long answer streamed against read whole; and what we add to the time that a model takes.
"""

import asyncio
import multiprocessing
import statistics
import tempfile
import time
import tracemalloc
from pathlib import Path

import aiohttp
import msgspec

from core.models.batch import Prompt, run_batch
from core.models.client import ChatClient
from core.models.providers import Endpoint
from core.models.request import ChatMessage, ChatRequest
from core.telemetry import set_up_logs
from tests.harness import palaver, until
from tests.servers.model import ModelServer
from tests.servers.telegram import TOKEN, TelegramServer

PROMPTS = 10
CALLS = 300
LONG = "Some words of a long answer. " * 40_000
BEGINS_S = 0.3
PEOPLE, EACH_S = 100, 0.2
REQUEST = ChatRequest((ChatMessage("user", "hello"),))


def serve(ready, answer, piece_chars):
    """A model in a process of its own."""

    async def main():
        server = ModelServer(lambda _: answer, piece_s=0, piece_chars=piece_chars)
        async with server.running():
            ready.send(server.url)
            await asyncio.Event().wait()

    asyncio.run(main())


def started(answer, piece_chars=6):
    ready, told = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(told, answer, piece_chars), daemon=True)
    process.start()
    return ready.recv()


async def read(client):
    async with client.stream(REQUEST) as deltas:
        async for _ in deltas:
            pass


async def batch(folder):
    """Seconds for ten prompts, one by one and all at once, of a model that takes half a second."""
    model = ModelServer(lambda _: "an answer " * 5, piece_s=0.05)
    prompts = [Prompt(prompt=f"question {number}", id=number) for number in range(PROMPTS)]
    async with model.running(), aiohttp.ClientSession() as session:
        client = ChatClient(session, Endpoint(model.url, "", "m"))
        seconds = []
        for at_once in (1, PROMPTS):
            began, out = time.monotonic(), folder / f"{at_once}.jsonl"
            await run_batch(client, prompts, out, at_once=at_once, told=lambda _: None)
            seconds.append(time.monotonic() - began)
    return seconds


async def connections(url):
    """Milliseconds of a short call: on a pooled connection, and on a new one each."""
    endpoint = Endpoint(url, "", "m")
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, endpoint)
        await read(client)
        began = time.monotonic()
        for _ in range(CALLS):
            await read(client)
        pooled = time.monotonic() - began
    began = time.monotonic()
    for _ in range(CALLS):
        async with aiohttp.ClientSession() as session:
            await read(ChatClient(session, endpoint))
    return [seconds / CALLS * 1000 for seconds in (pooled, time.monotonic() - began)]


async def memory(url):
    """Kilobytes at the peak while a long answer is read: as deltas, and as one body."""
    peaks = []
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, Endpoint(url, "", "m"))
        await read(client)
        tracemalloc.start()
        await read(client)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.reset_peak()
        body = {"messages": [{"role": "user", "content": "hello"}]}
        async with session.post(f"{url}/chat/completions", json=body) as response:
            whole = await response.read()
            chunks = [msgspec.json.decode(line[6:]) for line in whole.split(b"\n\n")[:-2]]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        del chunks  # Until here they are all there.
    return [peak / 1024 for peak in peaks]


async def added(folder):
    """Milliseconds from each question to its first text on screen, less what the model took."""

    async def begin_late(request):
        await asyncio.sleep(BEGINS_S)
        return await model.stream(request, "Some words of an answer. " * 8)

    model, server = ModelServer(piece_s=0.02), TelegramServer()
    model.faults = [begin_late] * PEOPLE
    chats = range(1_000, 1_000 + PEOPLE)
    for chat in chats:
        server.add_private(chat, f"Person {chat}")
    asked = {}
    async with (
        server.running(),
        model.running(),
        palaver(
            folder,
            telegram_api_url=server.url,
            telegram_bot_token=TOKEN,
            llm_base_url=model.url,
            llm_model="m",
        ),
    ):
        for chat in chats:
            asked[chat] = time.monotonic()
            server.say(chat, "hello", user=server.person(chat, f"Person {chat}"))
            await asyncio.sleep(EACH_S)
        await until(lambda: all("retry" in str(server.posts(chat)) for chat in chats), 60)
    first = {}
    for at, kind, chat, *_ in server.timeline:
        if kind == "send":
            first.setdefault(chat, at)
    return [(first[chat] - asked[chat] - BEGINS_S) * 1000 for chat in chats]


def main():
    set_up_logs("ERROR", as_json=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        serial, at_once = asyncio.run(batch(folder))
        print(
            f"{PROMPTS} prompts: {serial:.2f} s one by one, {at_once:.2f} s at once: "
            f"{serial / at_once:.1f} times faster"
        )
        pooled, new = asyncio.run(connections(started("a short answer")))
        print(
            f"a short call: {pooled:.2f} ms on a pooled connection, {new:.2f} ms on a new one: "
            f"{new / pooled:.1f} times (without TLS)"
        )
        streamed, buffered = asyncio.run(memory(started(LONG, 60)))
        print(
            f"{len(LONG):,} characters: {streamed:,.0f} KB at the peak streamed, "
            f"{buffered:,.0f} KB read whole: {buffered / streamed:.0f} times"
        )
        late = asyncio.run(added(folder))
        slowest = statistics.quantiles(late, n=20)[18]
        print(
            f"{PEOPLE} people, {1 / EACH_S:.0f} questions a second: we add "
            f"{statistics.mean(late):.0f} ms on average, {slowest:.0f} ms for 19 of 20"
        )


if __name__ == "__main__":
    main()
