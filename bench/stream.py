"""What reading a stream costs: CPU of the client for each chunk, and memory for each stream.

    python -m bench.stream

The server is a process of its own. Ours is compared in one run with the floor (bytes read, split,
one msgspec decode, nothing else), raw aiohttp with json, and the official SDK if it is installed.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import time
import tracemalloc
from pathlib import Path
from typing import ClassVar

import aiohttp
import msgspec
import uvloop
from aiohttp import web
from aiohttp.client_proto import ResponseHandler

from bench.figures import Figure, write
from core.models.client import ChatClient
from core.models.providers import Endpoint
from core.models.request import ChatMessage, ChatRequest
from core.watchdog import collect_seldom

CHUNKS = 2_000
TIMES = 2
PACKET_S = 0.001
"""uvloop counts milliseconds: of less it makes nothing at all, and many packets are one read."""
OPEN = 200
STREAMS, RATE, SECONDS = 1_000, 50, 10


def payload():
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": " word"}, "finish_reason": None}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def serve(ready):
    """Serve `/bulk`: many chunks in one write; `/slow`: one a second; and, on ports of their own,
    streams that get `RATE` chunks a second, and answers of which each chunk is a packet.
    """

    async def answer(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        one = payload()
        kind = request.match_info["kind"]
        if kind == "bulk":
            for _ in range(CHUNKS // 100):
                await response.write(one * 100)
        else:
            while True:
                await response.write(one)
                await asyncio.sleep(1)
        await response.write(END)
        return response

    async def main():
        loop = asyncio.get_running_loop()
        many = await loop.create_server(_Many, "127.0.0.1", 0)
        packets = await asyncio.start_server(_in_packets, "127.0.0.1", 0)
        ticking = loop.create_task(_tick(), name="tick")
        app = web.Application()
        app.router.add_post("/{kind}/chat/completions", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        servers = (many, packets)
        ports = [one.sockets[0].getsockname()[1] for one in servers]
        ready.send((runner.addresses[0][1], *ports))
        await ticking

    uvloop.run(main())


async def _in_packets(reader, writer):
    """So slowly that each chunk is read for itself, also where the client is the slower one."""
    await reader.readuntil(b"\r\n\r\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    writer.write(head + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in (*[payload()] * CHUNKS, END, b""):
        await asyncio.sleep(PACKET_S)
        writer.write(b"%x\r\n%b\r\n" % (len(part), part))
        await writer.drain()
    writer.close()


class _Many(asyncio.Protocol):
    """An answer without an end, to any request; written by `_tick`."""

    open: ClassVar[set[asyncio.BaseTransport]] = set()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, _):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        self.transport.write(head)
        self.open.add(self.transport)

    def connection_lost(self, _):
        self.open.discard(self.transport)


async def _tick():
    """Each stream gets `RATE` chunks a second, with the time at which they were sent."""
    loop = asyncio.get_running_loop()
    slices, turn = 20, 0
    began = loop.time()
    while True:
        mine = [one for number, one in enumerate(_Many.open) if number % slices == turn % slices]
        chunk = b'data: {"choices":[{"index":0,"delta":{"content":"%.6f "}}]}\n\n' % time.time()
        for transport in mine:
            transport.write(chunk)
        turn += 1
        await asyncio.sleep(max(0.0, began + turn / RATE / slices - loop.time()))


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta


class _Chunk(msgspec.Struct):
    choices: list[_Choice]


async def floor(url):
    decode, count, rest = msgspec.json.Decoder(_Chunk).decode, 0, b""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json={}) as response,
    ):
        async for piece in response.content.iter_any():
            *events, rest = (rest + piece).split(b"\n\n")
            for event in events:
                if event[6:7] == b"{":
                    count += bool(decode(event[6:]).choices[0].delta.content)
    return count


async def raw(url):
    count = 0
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json={}) as response,
    ):
        async for line in response.content:
            if line.startswith(b"data: {"):
                count += bool(json.loads(line[6:])["choices"][0]["delta"].get("content"))
    return count


async def ours(url):
    count = 0
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, Endpoint(url, "", "m"))
        async with client.stream(ChatRequest((ChatMessage("user", "x"),))) as deltas:
            async for delta in deltas:
                # What comes with one read is one delta.
                count += getattr(delta, "text", "").count(" ")
    return count


async def sdk(url, http_client=None):
    from openai import AsyncOpenAI  # noqa: PLC0415 - a peer, perhaps not here

    count = 0
    async with AsyncOpenAI(base_url=url, api_key="x", http_client=http_client) as client:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}], stream=True
        )
        async for chunk in stream:
            count += bool(chunk.choices[0].delta.content)
    return count


async def sdk_on_aiohttp(url):
    from openai import DefaultAioHttpClient  # noqa: PLC0415 - a peer, perhaps not here

    return await sdk(url, DefaultAioHttpClient())


def microseconds(clients, url, loop_factory):
    """CPU for each chunk of each client, the least of some runs: other work only adds to it.

    They take turns, so that what the machine does besides meets all of them.
    """
    best = dict.fromkeys(clients, float("inf"))
    for _ in range(10 * TIMES if url.endswith("bulk") else TIMES):
        for name, client in clients.items():
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                began = time.process_time()
                count = runner.run(client(url))
                took = (time.process_time() - began) / count * 1e6
            best[name] = min(best[name], took)
            if count != CHUNKS:
                raise SystemExit(f"{name} read {count} chunks of {CHUNKS}")
    return best


def reads(client, url, loop_factory):
    """How often *client* reads from its socket, in a run that is not measured."""
    count, read = 0, ResponseHandler.data_received

    def counting(self, data):
        nonlocal count
        count += bool(data)  # aiohttp calls itself with nothing, too.
        read(self, data)

    ResponseHandler.data_received = counting
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(client(url))
    finally:
        ResponseHandler.data_received = read
    return count


async def kilobytes(url):
    """Python's memory for each open stream of ours."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = ChatClient(session, Endpoint(url, "", "m"))

        async def hold():
            async with client.stream(ChatRequest((ChatMessage("user", "x"),))) as deltas:
                async for _ in deltas:
                    pass

        warm = asyncio.create_task(hold())
        await asyncio.sleep(0.5)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        tasks = [asyncio.create_task(hold()) for _ in range(OPEN)]
        await asyncio.sleep(3)
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        for task in (warm, *tasks):
            task.cancel()
        await asyncio.gather(warm, *tasks, return_exceptions=True)
    return used / OPEN / 1024


async def sustained(url):
    """(share of one core, chunks a second of those sent, 99th percentile of the delay in ms)."""
    delays = []
    told = delays.append
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = ChatClient(session, Endpoint(url, "", "m"))

        async def hold():
            async with client.stream(ChatRequest((ChatMessage("user", "x"),))) as deltas:
                async for delta in deltas:
                    now = time.time()
                    for sent in getattr(delta, "text", "").split():
                        told(now - float(sent))

        tasks = [asyncio.create_task(hold()) for _ in range(STREAMS)]
        await asyncio.sleep(5)
        delays.clear()
        began, cpu = time.monotonic(), time.process_time()
        await asyncio.sleep(SECONDS)
        wall, cpu = time.monotonic() - began, time.process_time() - cpu
        count = len(delays)
        late = statistics.quantiles(delays, n=100)[98] * 1000
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return cpu / wall, count / wall / (STREAMS * RATE), late


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path)
    path = parser.parse_args().figures
    ready, told = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(told,), daemon=True)
    server.start()
    port, many, packets = ready.recv()
    url, packet = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{packets}/packet"
    clients = {"the floor": floor, "Palaver": ours, "aiohttp and json, by line": raw}
    try:
        import openai  # noqa: F401, PLC0415 - a peer, perhaps not here

        clients |= {"openai SDK (httpx)": sdk, "openai SDK (aiohttp)": sdk_on_aiohttp}
    except ImportError:
        print("(the openai SDK is not installed)\n")
    columns = ("bulk", "one a packet", "one a packet, uvloop")
    print(f"| µs of CPU for a chunk | {' | '.join(columns)} |\n{'|---' * 4}|")
    measured = [
        microseconds(clients, where, factory)
        for where, factory in (
            (f"{url}/bulk", asyncio.new_event_loop),
            (packet, asyncio.new_event_loop),
            (packet, uvloop.new_event_loop),
        )
    ]
    for name in clients:
        print(f"| {name} | {' | '.join(f'{column[name]:.1f}' for column in measured)} |")
    print()
    for name, client in list(clients.items())[:3]:
        counts = [
            reads(client, packet, factory)
            for factory in (asyncio.new_event_loop, uvloop.new_event_loop)
        ]
        print(f"- {name}, one a packet: {counts[0]:,} reads; uvloop: {counts[1]:,}")
    collect_seldom()  # As the program does.
    share, arrived, late_ms = uvloop.run(sustained(f"http://127.0.0.1:{many}"))
    print(
        f"\n{STREAMS:,} streams of {RATE} chunks a second: {share:.0%} of one core, {arrived:.0%} "
        f"arrive, 99 of 100 within {late_ms:.0f} ms"
    )
    held = tuple(asyncio.run(kilobytes(f"{url}/slow")) for _ in range(3))
    print(f"memory for an open stream: {statistics.median(held):.0f} KB")
    write(path, [Figure("memory of an open stream of the client alone", "KB", held)])


if __name__ == "__main__":
    main()
