"""Many answers at once on one core: up to which number nothing falls behind.

    python -m bench.many --most 500 --plot

A real `palaver run` on Telegram has one core for itself; platform, model, Redis and this process
have another. Neither platform nor program limits how close calls are. Each answer is 500 tokens at
50 a second, and each token is a packet. The number of answers under way grows evenly to *most* and
stays there. The first and the last token tell when they were sent, so each call tells how late it
is. The floor is a bare script that reads the same streams and posts at the times of an answer of
ours (`bench.bare`).
"""

import argparse
import asyncio
import logging
import multiprocessing
import os
import re
import statistics
import time
from collections import deque
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import uvloop

from bench.figures import Figure, write
from bench.plot import lines
from bench.quick_telegram import QuickTelegram
from bench.scenes import Telegram
from bench.tools import cpu_s
from bench.turn import bare, palaver

DOCS = Path(__file__).parents[1] / "docs"
TOKENS, RATE = 500, 50
ANSWER_S = TOKENS / RATE
BIN = 50
"""Answers that began or ended while so many more or fewer were under way are looked at together."""
MOST_LATE_S = 0.1
PATIENCE_S = 15.0
"""So long the last answers are waited for. Those that do not come are as late as that."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":500}}\n\n',
    b"data: [DONE]\n\n",
    b"",
)


def event(text):
    return b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % text


WORD = event(b" word")


class Model(asyncio.Protocol):
    """Answers each request with a stream, written by `tick`: cheap enough for one core."""

    streams: ClassVar[deque["Model"]] = deque()

    def __init__(self):
        self._asked, self._sent = b"", 0

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._asked += data
        head, found, body = self._asked.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if found and length and len(body) >= int(length[1]):
            self._asked, self._sent = b"", 0
            self._transport.write(HEAD)
            self.streams.append(self)

    def connection_lost(self, _):
        self._sent = TOKENS + 1

    def send(self):
        """The next token. False: that was the last one."""
        if self._sent > TOKENS:
            return False
        self._sent += 1
        if self._sent == 1:
            self._write(event(b"T%.6f;" % time.monotonic()))
        elif self._sent < TOKENS:
            self._write(WORD)
        else:
            self._write(event(b" E%.6f;" % time.monotonic()), *LAST)
        return self._sent < TOKENS

    def _write(self, *parts):
        self._transport.write(b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in parts))


async def tick():
    """Each stream gets `RATE` tokens a second, spread evenly over time."""
    loop = asyncio.get_running_loop()
    due = deque()
    while True:
        now = loop.time()
        while Model.streams:
            due.append((now, Model.streams.popleft()))
        while due and due[0][0] <= now:
            at, stream = due.popleft()
            if stream.send():
                due.append((max(at, now - 0.5) + 1 / RATE, stream))
        await asyncio.sleep(0.001)


def serve(ready, core):
    os.sched_setaffinity(0, {core})

    async def main():
        server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await tick()

    uvloop.run(main())


class FakeModel:
    """What the benches of turns need to know of a model."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/v1"
        body = {"model": "scripted", "stream": True}
        self.requests = [{**body, "messages": [{"role": "user", "content": "go"}]}]


@asynccontextmanager
async def modelled(core):
    ready, told = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(told, core), daemon=True)
    process.start()
    try:
        yield FakeModel(await asyncio.to_thread(ready.recv))
    finally:
        process.kill()


class Quick(Telegram):
    """Telegram that leaves its core to the others there."""

    def __init__(self):
        super().__init__()
        self.server = QuickTelegram()


class Calls:
    """Stands where the platform keeps its calls: how late first and final texts are, by chat."""

    def __init__(self):
        self.first, self.final, self.all = {}, {}, []
        self.keep = True

    def append(self, call):
        at, _, parameters = call
        chat, text = parameters.get("chat_id"), str(parameters.get("text", ""))
        if self.keep:
            self.all.append(call)
        if chat not in self.first and (sent := re.search(r"T([\d.]+);", text)):
            self.first[chat] = at - float(sent[1])
        if "retry" in str(parameters.get("reply_markup", "")) and chat not in self.final:
            sent = re.search(r"E([\d.]+);", text)
            self.final[chat] = at - float(sent[1]) if sent else PATIENCE_S

    def __iter__(self):
        return iter(self.all)


class Load:
    """The answers of one run, started so that as many are under way as there should be."""

    def __init__(self, scene, pid, most, ramp_s, hold_s):
        self._scene, self._pid = scene, pid
        self._most, self._ramp_s, self._hold_s = most, ramp_s, hold_s
        self._chats = iter(range(10_000, 10**6))
        self.begun, self.ended = {}, {}
        """How many were under way when each chat's answer began, and when it should end."""
        self.unanswered, self.cores = 0, 0.0

    async def run(self, calls):
        began, cpu = time.monotonic(), cpu_s(self._pid)
        under_way = deque()
        while (now := time.monotonic()) < began + self._ramp_s + self._hold_s:
            wanted = self._most * min(1.0, (now - began) / self._ramp_s)
            while under_way and under_way[0][0] <= now - ANSWER_S:
                self.ended[under_way.popleft()[1]] = wanted
            while len(under_way) < wanted:
                chat = next(self._chats)
                self._scene.server.add_private(chat)
                self._scene.server.say(chat, "go", user=self._scene.server.person(chat))
                under_way.append((now, chat))
                self.begun[chat] = wanted
            await asyncio.sleep(0.01)
        self.cores = (cpu_s(self._pid) - cpu) / (time.monotonic() - began)
        self.ended |= {chat: self._most for _, chat in under_way}
        until = time.monotonic() + PATIENCE_S
        while len(calls.final) < len(self.begun) and time.monotonic() < until:
            await asyncio.sleep(0.1)
        self.unanswered = len(self.begun) - len(calls.final)

    def late(self, calls):
        """{number of answers: (99th percentile of first text, of final text), in seconds}."""
        found = {}
        for number in range(BIN, self._most + 1, BIN):
            firsts = [calls.first.get(c, PATIENCE_S) for c in in_bin(self.begun, number)]
            finals = [calls.final.get(c, PATIENCE_S) for c in in_bin(self.ended, number)]
            # The first answers end when many are under way already.
            found[number] = percentile(firsts), percentile(finals or firsts)
        return found


def in_bin(numbers, number):
    return [chat for chat, there in numbers.items() if number - BIN < there <= number]


def percentile(some):
    return sorted(some)[min(len(some) - 1, int(len(some) * 0.99))]


async def measured(make, most, ramp_s, hold_s):
    """({number: how late}, cores used, unanswered) of the process that *make* starts."""
    scene = Quick()
    async with scene.running(), make(scene) as run:
        os.sched_setaffinity(run.process.pid, {0})
        scene.server.calls = calls = Calls()
        calls.keep = False
        load = Load(scene, run.process.pid, most, ramp_s, hold_s)
        await load.run(calls)
        return load.late(calls), load.cores, load.unanswered


async def asked(scene, calls, chat):
    """The calls of one answer, in seconds since the question."""
    scene.server.add_private(chat)
    began = time.monotonic()
    scene.server.say(chat, "go", user=scene.server.person(chat))
    async with asyncio.timeout(PATIENCE_S):
        while chat not in calls.final:
            await asyncio.sleep(0.02)
    mine = [one for one in calls if one[2].get("chat_id") == chat and one[2].get("text")]
    return [(at - began, method, parameters) for at, method, parameters in mine]


async def recorded(model):
    """The calls of an answer of ours, for the bare script."""
    scene = Quick()
    async with scene.running(), palaver(scene, model, "bench.lifted"):
        scene.server.calls = calls = Calls()
        return await asked(scene, calls, 1000)


def over(ours, floor):
    """{number: how much later than the floor: (first, final)}."""
    return {
        number: tuple(max(0.0, one - other) for one, other in zip(late, floor[number], strict=True))
        for number, late in ours.items()
    }


def in_time(late):
    """Up to which number of answers nothing is later than `MOST_LATE_S`."""
    good = 0
    for number, lags in late.items():
        if max(lags) > MOST_LATE_S:
            break
        good = number
    return good


async def main(most, ramp_s, hold_s, again, path, plot):
    os.sched_setaffinity(0, {1})
    async with modelled(1) as model:
        calls = await recorded(model)
        floor, floor_cores, _ = await measured(
            lambda scene: bare(scene, model, calls, "telegram-growing"), most, ramp_s, hold_s
        )
        runs = [
            await measured(
                lambda scene: palaver(scene, model, "bench.lifted", max_turns=2 * most),
                most,
                ramp_s,
                hold_s,
            )
            for _ in range(again)
        ]
    beyond = [over(late, floor) for late, _, _ in runs]
    show(most, floor, floor_cores, runs)
    counts = tuple(float(in_time(late)) for late in beyond)
    told = f"with {most} answers at once, over the floor"
    figures = [Figure("answers at once with nothing behind", "", counts, None, f"of {most}", BIN)]
    for at, name in enumerate(("first text", "final text")):
        values = tuple(late[max(late)][at] * 1000 for late in beyond)
        of_floor = f"floor {floor[max(floor)][at] * 1000:.0f} ms"
        figures.append(Figure(f"{name} late (p99), {told}", "ms", values, 100, of_floor, 5))
    write(path, figures)
    if plot is not None:
        plot.write_text(drawn(runs, floor))


def show(most, floor, floor_cores, runs):
    print(f"{TOKENS} tokens at {RATE} a second each; 99th percentile of each number of answers.\n")
    print("| answers at once | the floor: first, final, ms |", end="")
    print("".join(f" run {number + 1}: first, final, ms |" for number in range(len(runs))))
    print("|---|---|" + "---|" * len(runs))
    for number, late in floor.items():
        cells = [late, *(one.get(number, (PATIENCE_S,) * 2) for one, _, _ in runs)]
        shown = (", ".join(f"{one * 1000:,.0f}" for one in cell) for cell in cells)
        print(f"| {number} | {' | '.join(shown)} |")
    used = ", ".join(f"{cores:.0%}" for _, cores, _ in runs)
    left = ", ".join(str(left) for *_, left in runs)
    print(f"\nof its core the floor takes {floor_cores:.0%}, Palaver {used}")
    print(f"\nnot answered {PATIENCE_S:.0f} s after the last question: {left}")


def drawn(runs, floor):
    late = {
        number: statistics.median(min(one[number][1], 2.0) for one, _, _ in runs)
        for number in floor
    }
    series = {
        "Palaver": [(number, one * 1000) for number, one in late.items()],
        "the floor": [(number, one[1] * 1000) for number, one in floor.items()],
    }
    return lines("How late the final text is (p99)", "answers at once", "ms", series)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20, help="how long the number grows")
    parser.add_argument("--hold", type=float, default=5)
    parser.add_argument("--again", type=int, default=2)
    parser.add_argument("--figures", type=Path)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    uvloop.run(main(given.most, given.seconds, given.hold, given.again, given.figures, given.plot))
