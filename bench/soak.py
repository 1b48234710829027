"""Whether memory stays flat over many turns: turns as fast as the program takes them.

    python -m bench.soak --turns 100000 --page

A real `palaver run` on Telegram, with short answers in many private chats, so that each chat stays
within its limits. The history that is sent with a question is short, so that it soon is as long as
it gets: what a turn holds is then the same from turn to turn. The platform and the model are
loopback servers in this process. The slope is that of a straight line through the means of equal
parts of the run behind the warm-up. With *page*, docs/soak.md and its plot are written.
"""

import argparse
import asyncio
import logging
import statistics
import time
from collections import deque
from itertools import pairwise
from pathlib import Path

from bench.figures import Figure, short, student, write
from bench.plot import lines
from bench.scenes import Telegram
from bench.tools import cpu_s, memory_mb
from bench.turn import machine, palaver
from core.store.connection import connect
from tests.servers.model import ModelServer

DOCS = Path(__file__).parents[1] / "docs"
AT_ONCE, CHATS_OF_EACH = 24, 125
REMEMBERED = 1_000
"""So many messages the platform remembers: they are not what is measured."""
SAMPLE_S = 1.0
WARM = 0.2
"""The share of the turns in which caches fill. The slope is that of the rest."""
PARTS = 16
"""The means of so many parts make the line: samples that follow each other are alike."""


class Answered:
    """Stands where the platform keeps its calls: tells who waits, and keeps nothing."""

    def __init__(self):
        self._waiting = {}

    def append(self, call):
        _, _, parameters = call
        if "retry" in str(parameters.get("reply_markup", "")):
            told = self._waiting.pop(parameters["chat_id"], None)
            if told is not None and not told.done():
                told.set_result(None)

    def soon(self, chat):
        told = self._waiting[chat] = asyncio.get_running_loop().create_future()
        return told


class Soak:
    """The turns of one run, and the samples taken meanwhile: (turns, RSS, PSS, Redis) in MB."""

    def __init__(self, scene, run):
        self._server, self._run = scene.server, run
        self._server.calls = self._answered = Answered()
        self._server.timeline = deque(maxlen=1)
        self.done, self.samples, self.took_s, self.cpu_ms = 0, [], 0.0, 0.0
        self._cpu = []

    async def turns(self, count):
        """Ask *count* questions, `AT_ONCE` at a time; in a chat one comes after the other."""
        ahead, began, cpu = iter(range(count)), time.monotonic(), cpu_s(self._run.process.pid)

        async def asks(first):
            for number, _ in enumerate(ahead):
                await self._turn(first + number % CHATS_OF_EACH)

        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch())
            starts = range(1000, 1000 + AT_ONCE * CHATS_OF_EACH, CHATS_OF_EACH)
            await asyncio.wait([group.create_task(asks(first)) for first in starts])
            watching.cancel()
        self.took_s = time.monotonic() - began
        self.cpu_ms = (cpu_s(self._run.process.pid) - cpu) / count * 1000

    @property
    def parts(self):
        """(CPU of a turn in ms, RSS in MB) of each of the later quarters of the run."""
        last = len(self.samples) - 1
        marks = [last * quarter // 4 for quarter in (1, 2, 3, 4)]
        for begin, end in pairwise(marks):
            turns = max(1, self.samples[end][0] - self.samples[begin][0])
            yield (self._cpu[end] - self._cpu[begin]) / turns * 1000, self.samples[end][1]

    async def _turn(self, chat):
        if chat not in self._server.chats:
            self._server.add_private(chat)
        told = self._answered.soon(chat)
        self._server.say(chat, f"what about {self.done}?", user=self._server.person(chat))
        async with asyncio.timeout(120):
            await told
        self.done += 1
        if self.done % REMEMBERED == 0:
            oldest = self._server.next_message - REMEMBERED
            kept = {at: one for at, one in self._server.messages.items() if at[1] >= oldest}
            self._server.messages = kept

    async def _watch(self):
        async with connect(self._run.redis.url) as redis:
            while True:
                self._cpu.append(cpu_s(self._run.process.pid))
                used = (await redis.info("memory"))["used_memory"] / 2**20
                self.samples.append((self.done, *memory_mb(self._run.process.pid), used))
                await asyncio.sleep(SAMPLE_S)


def slope(points):
    """(slope, its 95% interval to each side) of the line through the means of parts of *points*."""
    size = max(1, len(points) // PARTS)
    parts = [points[at : at + size] for at in range(0, len(points) - size + 1, size)]
    xs, ys = ([statistics.fmean(p[axis] for p in part) for part in parts] for axis in (0, 1))
    steep, level = statistics.linear_regression(xs, ys)
    middle = statistics.fmean(xs)
    left = sum((y - level - steep * x) ** 2 for x, y in zip(xs, ys, strict=True)) / (len(xs) - 2)
    wide = sum((x - middle) ** 2 for x in xs)
    return steep, student(len(xs) - 2) * (left / wide) ** 0.5


def told(soak):
    """(KB of RSS for each 1,000 turns behind the warm-up, its interval)."""
    behind = [(turns, rss) for turns, rss, _, _ in soak.samples if turns >= soak.done * WARM]
    return [one * 1024 * 1000 for one in slope(behind)]


def page(soak):
    """The text of docs/soak.md."""
    steep, within = told(soak)
    first = next(one for one in soak.samples if one[0] >= soak.done * WARM)
    last, grown = soak.samples[-1], steep * soak.done * (1 - WARM) / 1000 / 1024
    day = time.strftime("%Y-%m-%d", time.gmtime())
    rows = [
        ("turns", f"{soak.done:,}"),
        ("chats", f"{AT_ONCE * CHATS_OF_EACH:,}"),
        ("answers at once", AT_ONCE),
        ("took", f"{soak.took_s / 60:.0f} minutes, {short(soak.cpu_ms)} ms of CPU a turn"),
        ("slope of RSS", f"{steep:.1f} ± {within:.1f} KB for 1,000 turns"),
        ("RSS after the warm-up, and at the end", f"{first[1]:.1f} MB, {last[1]:.1f} MB"),
        ("PSS after the warm-up, and at the end", f"{first[2]:.1f} MB, {last[2]:.1f} MB"),
        ("Redis after the warm-up, and at the end", f"{first[3]:.0f} MB, {last[3]:.0f} MB"),
    ]
    return "\n".join(
        [
            "# Memory over many turns\n",
            f"Written by `python -m bench.soak --turns {soak.done} --page`, {day}, {machine()}.",
            "A real `palaver run` on Telegram, with turns as fast as it takes them. The warm-up is"
            f" the first {WARM:.0%} of them. The slope is that of the line through the means of"
            f" {PARTS} parts of the rest, with its interval of 95%; along it RSS changed by"
            f" {grown:.1f} MB. `make bench` runs 5,000 turns ([performance.md](performance.md)).\n",
            "![Memory over turns](soak.svg)\n",
            "Redis keeps the history of each chat for `HISTORY_TTL`, so its memory grows with what"
            " was said.\n",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in rows),
            "",
        ]
    )


def plot(soak):
    every = max(1, len(soak.samples) // 400)
    some = soak.samples[::every]
    series = {
        "resident (RSS)": [(one[0] / 1000, one[1]) for one in some],
        "its share (PSS)": [(one[0] / 1000, one[2]) for one in some],
        "Redis": [(one[0] / 1000, one[3]) for one in some],
    }
    return lines(f"Memory over {soak.done:,} turns", "thousand turns", "MB", series)


async def run(turns):
    model = ModelServer(lambda _: "A short answer.", 0.0, 40)
    model.requests = deque(maxlen=1)
    async with (
        model.running(),
        Telegram().running() as scene,
        palaver(scene, model, history_tokens=100) as run,
    ):
        soak = Soak(scene, run)
        await soak.turns(turns)
        return soak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5_000)
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--figures", type=Path)
    given = parser.parse_args()
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    soak = asyncio.run(run(given.turns))
    steep, within = told(soak)
    print("| | |\n|---|---|")
    print(f"| turns a second | {soak.done / soak.took_s:.0f} |")
    print(f"| ms of CPU a turn | {soak.cpu_ms:.2f} |")
    print(f"| KB of RSS for 1,000 turns | {steep:.1f} ± {within:.1f} |")
    costs, sizes = zip(*soak.parts, strict=True)
    name = f"memory within {soak.done:,} turns with short answers (RSS)"
    write(
        given.figures,
        [
            Figure("CPU of a turn with a short answer", "ms", costs),
            Figure(name, "MB", sizes),
        ],
    )
    if given.page:
        (DOCS / "soak.md").write_text(page(soak))
        (DOCS / "soak.svg").write_text(plot(soak))


if __name__ == "__main__":
    main()
