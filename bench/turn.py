"""What a turn costs: CPU against a bare script with the same calls, memory, start, commands.

    python -m bench.turn [PART ...] --turns 8 --again 3

A real `palaver run`, on each platform. The platform and the model are loopback servers in this
process, Redis is a third one. The bare script (`bench.bare`) makes the same calls at the same
times. CPU is that of the one process, less what it takes when nobody asks.
"""

import argparse
import asyncio
import io
import logging
import math
import os
import platform
import re
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
from PIL import Image

from bench.bare import KINDS
from bench.figures import HEAD, Figure, joined, short, write
from bench.scenes import SCENES, Page, Slack, Telegram, told
from bench.tools import cpu_s, memory_mb
from core.store.connection import connect
from tests.harness import until
from tests.servers.model import ModelServer
from tests.servers.redis import redis_at

ROOT = Path(__file__).parents[1]
CHUNKS, CHUNK_S, CHUNK_CHARS = 100, 0.03, 5
"""The answer of a turn whose CPU is measured: 500 characters in three seconds."""
TOKENS, UPDATES, TRIES = 500, 12, 3
"""The answer whose commands are counted: chunks, updates, and how many turns may be tried until it
takes so many."""
AT_ONCE = 8
"""Warm-up, measured and counted turns together stay below the streams that Slack lets begin in a
minute (20): more would wait for each other."""
IDLE_S, PERIODS_S = 4.0, 10.0
"""So long it is looked what a process does when nobody asks: of CPU, and of commands, which come
every two and every five seconds."""
REST_S = 1.5
"""A turn whose answer stands there may still wait a second whether its question goes on."""
MANY = 2_000
"""Chunks of the answer that tells what a chunk costs."""
OPEN = 200
LENGTHS = (1_000, 10_000, 100_000)
PHOTOS, PHOTO_SIZE = 20, (4000, 3000)


def machine():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores = f"{os.cpu_count()} cores" + (f" of {model[1]}" if model else "")
    return f"{cores}, Python {platform.python_version()}"


class Run:
    """A process under measurement, and what surrounds it."""

    def __init__(self, scene, process, redis=None, ready_s=0.0):
        self.scene, self.process, self.redis, self.ready_s = scene, process, redis, ready_s

    async def warm(self, model):
        """A few quick turns: the first ones of a process teach it."""
        shape(model, CHUNKS, 0.3)
        await self.turns(AT_ONCE)
        shape(model, CHUNKS, CHUNKS * CHUNK_S)

    async def turns(self, count, text="how much?"):
        """Ask *count* questions, some at once. Returns the calls of a usual one of them."""
        places, calls = asyncio.Semaphore(AT_ONCE), []

        async def ask():
            async with places:
                calls.append(await self.scene.ask(text))

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(ask())
        return sorted(calls, key=len)[count // 2]

    async def idle(self, idle_s=IDLE_S):
        """What part of a core the process takes when nobody asks."""
        before = cpu_s(self.process.pid)
        await asyncio.sleep(idle_s)
        return (cpu_s(self.process.pid) - before) / idle_s

    async def cpu_ms(self, count, idle=0.0):
        """(milliseconds of CPU for each of *count* turns, the calls of one of them). *idle*: what
        the process takes anyway.
        """
        before, began = cpu_s(self.process.pid), time.monotonic()
        calls = await self.turns(count)
        await asyncio.sleep(REST_S)
        took = cpu_s(self.process.pid) - before - idle * (time.monotonic() - began)
        return took / count * 1000, calls

    async def trips(self, model):
        """(commands of Redis, reads, calls of the platform) of a turn of `TOKENS`, while no other
        runs: of a few, the one whose number of updates is nearest to `UPDATES`.
        """
        found, seconds = [], self.scene.seconds
        async with connect(self.redis.url) as client:

            async def counts():
                stats = await client.info("stats")
                return stats["total_commands_processed"], stats["total_reads_processed"]

            await asyncio.sleep(REST_S)
            before, began = await counts(), time.monotonic()
            await asyncio.sleep(PERIODS_S)
            idle_s, after = time.monotonic() - began, await counts()
            # Each look of ours is a command and a read.
            idle = [(b - a - 1) / idle_s for a, b in zip(before, after, strict=True)]
            for _ in range(TRIES):
                shape(model, TOKENS, seconds)
                before, began = await counts(), time.monotonic()
                calls = await self.scene.ask("how much?")
                await asyncio.sleep(REST_S)
                took_s, after = time.monotonic() - began, await counts()
                # What the program does in as long a time in which nobody asks is no part of it.
                trips = zip(before, after, idle, strict=True)
                found.append((*(b - a - 1 - rest * took_s for a, b, rest in trips), calls))
                if abs(updates(calls) - UPDATES) <= 2:
                    break
                seconds *= UPDATES / updates(calls)
        return min(found, key=lambda one: abs(updates(one[-1]) - UPDATES))


def environment(scene, redis, model, folder, **settings):
    values = {
        "redis_url": redis.url,
        "data_dir": folder / "data",
        "http_port": scene.port,
        "web_chat": "false",
        "open": "true",
        "llm_base_url": model.url,
        "llm_model": "scripted",
        "log_level": "WARNING",
        "history_tokens": "4000",
        "max_turns": "500",
        **scene.settings(),
        **settings,
    }
    named = {name.upper(): str(value) for name, value in values.items()}
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, **named, "PYTHONPATH": str(ROOT)}


@asynccontextmanager
async def started(command, environment=None, given=b""):
    """A process that gets *given* to read, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    process.stdin.write(given)
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def ready(scene):
    """Wait until Palaver is ready."""

    async def answers():
        try:
            async with aiohttp.ClientSession() as session:
                url = f"http://127.0.0.1:{scene.port}/readyz"
                async with session.get(url) as response:
                    return response.status == 200
        except aiohttp.ClientError:
            return False

    await until(answers, 60)


@asynccontextmanager
async def palaver(scene, model, module="bots", **settings):
    """A `palaver run` of *module* on *scene*, ready."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with redis_at(folder / "redis") as redis:
            values = environment(scene, redis, model, folder, **settings)
            command = [sys.executable, "-m", module, "run"]
            began = time.monotonic()
            async with started(command, values) as process:
                await ready(scene)
                yield Run(scene, process, redis, time.monotonic() - began)


@asynccontextmanager
async def bare(scene, model, calls, kind=""):
    """A bare script on *scene*, which makes *calls*."""
    url = ""
    if scene.server is not None:
        token = getattr(scene.server, "token", None)
        url = f"{scene.server.url}/bot{token}" if token else scene.server.api_url
    task = {
        "model": model.url,
        "body": model.requests[-1],
        "url": url,
        "port": scene.port,
        "calls": calls,
    }
    command = [sys.executable, "-m", "bench.bare", kind or scene.kind]
    async with started(command, given=told(task).encode()) as process:
        await asyncio.sleep(1.5)
        yield Run(scene, process)


def shape(model, chunks, seconds, chars=CHUNK_CHARS):
    """Let *model* answer in so many *chunks*, in so many *seconds*."""
    text = ("word " * (chunks * chars // 5 + 1))[: chunks * chars]
    model.answer = lambda _: text
    model.piece_s, model.piece_chars = seconds / chunks, chars


def scripted(chunks=CHUNKS, each_s=CHUNK_S, chars=CHUNK_CHARS):
    model = ModelServer()
    shape(model, chunks, chunks * each_s, chars)
    return model


def updates(calls):
    """How many of *calls* carry text of the answer."""
    return sum("word" in str(parameters) for _, _, parameters in calls)


async def compared(make, turns):
    """The figures of one platform: CPU of a turn, over that of the bare script."""
    async with (
        scripted().running() as model,
        make().running() as scene,
        make().running() as other,
        palaver(scene, model) as run,
    ):
        await run.warm(model)
        await asyncio.sleep(REST_S)
        ours, calls = await run.cpu_ms(turns, await run.idle())
        async with bare(other, model, calls) as script:
            await script.warm(model)
            theirs, _ = await script.cpu_ms(turns)
    name = scene.name
    yield Figure(f"CPU of a turn, {name}", "ms", (ours,), None, f"with {len(calls)} calls")
    yield Figure(f"CPU of the bare script, {name}", "ms", (theirs,))
    yield Figure(f"a turn in times of the bare script, {name}", "times", (ours / theirs,), 1.6)


async def trips():
    """What a turn asks of Redis, on each platform. That is counted, so three run side by side."""
    places = asyncio.Semaphore(3)

    async def counted(make):
        async with (
            places,
            scripted().running() as model,
            make().running() as scene,
            palaver(scene, model) as run,
        ):
            await run.warm(model)
            commands, reads, grown = await run.trips(model)
        name, told = scene.name, f"{TOKENS} tokens, {updates(grown)} updates, {len(grown)} calls"
        return (
            Figure(f"Redis commands of a turn, {name}", "", (commands,), 120, told, 1),
            Figure(f"reads of Redis for a turn, {name}", "", (reads,), 40, told, 1),
        )

    for figures in await asyncio.gather(*map(counted, SCENES)):
        for figure in figures:
            yield figure


async def chunk():
    """CPU for each chunk, each a packet: from answers of the same length."""
    took = []
    for chunks in (MANY // 20, MANY):
        model = scripted(chunks, 3.0 / chunks, 10_000 // chunks)
        async with (
            model.running(),
            Telegram().running() as scene,
            palaver(scene, model) as run,
        ):
            await run.turns(4)
            took.append((await run.cpu_ms(8, await run.idle(2.0)))[0])
    each_us = (took[1] - took[0]) * 1000 / (MANY - MANY // 20)
    yield Figure("CPU of a chunk, each a packet", "µs", (each_us,), 30)


async def character():
    """CPU for each character of answers of some lengths, on the page."""
    took = {}
    for chars in LENGTHS:
        async with (
            scripted(chars // 50, 0.001, 50).running() as model,
            Page().running() as scene,
            palaver(scene, model) as run,
        ):
            await run.turns(4)
            took[chars] = (await run.cpu_ms(8, await run.idle(2.0)))[0] / chars * 1000
    first_us, middle_us, last_us = took.values()
    name, beside = "CPU of a character of 100,000 (page)", f"of 10,000: {short(middle_us)} µs"
    yield Figure(name, "µs", (last_us,), first_us, f"{beside}; the target: of 1,000")


class Both:
    """Telegram and Slack at once; questions come on Telegram."""

    def __init__(self):
        self._telegram, self._slack = Telegram(), Slack()
        self.port, self.server = self._telegram.port, self._telegram.server
        self.ask = self._telegram.ask

    def settings(self):
        return self._telegram.settings() | self._slack.settings()

    @asynccontextmanager
    async def running(self):
        async with self._telegram.running(), self._slack.running():
            yield self


async def memory():
    """(MB when idle, KB for each open answer), both the process's own share (PSS)."""
    async with (
        scripted(4000, 0.05).running() as model,
        Both().running() as scene,
        palaver(scene, model) as run,
    ):
        await asyncio.sleep(5)
        idle = memory_mb(run.process.pid)[1]
        warm = [asyncio.create_task(scene.ask("go")) for _ in range(AT_ONCE)]
        await asyncio.sleep(8)
        before = memory_mb(run.process.pid)[1]
        asked = [asyncio.create_task(scene.ask("go")) for _ in range(OPEN)]
        await until(lambda: len(model.requests) >= OPEN + AT_ONCE, 60)
        await asyncio.sleep(8)
        after = memory_mb(run.process.pid)[1]
        for one in warm + asked:
            one.cancel()
        await asyncio.gather(*warm, *asked, return_exceptions=True)
    return idle, (after - before) / OPEN * 1024


async def memory_figures():
    idle, each = await memory()
    yield Figure("memory when idle, both platforms (PSS)", "MB", (idle,), 75)
    yield Figure("memory of an open answer (PSS)", "KB", (each,), 40)


async def start():
    """From the start to ready."""
    for name, make, most in (("the page", Page, 1.0), ("both platforms", Both, 1.5)):
        async with (
            scripted().running() as model,
            make().running() as scene,
            palaver(scene, model) as run,
        ):
            told = f"{short(cpu_s(run.process.pid))} s of CPU"
            yield Figure(f"start to ready, {name}", "s", (run.ready_s,), most, told)


async def photos():
    """How late the loop is at most while 20 large photos come at once."""
    file = io.BytesIO()
    noise = Image.effect_noise((PHOTO_SIZE[0] // 8, PHOTO_SIZE[1] // 8), 80)
    noise.resize(PHOTO_SIZE).convert("RGB").save(file, "JPEG", quality=90)
    async with scripted().running() as model, Telegram().running() as scene:
        scene.server.add_file("p", file.getvalue())
        async with palaver(scene, model, llm_vision="yes") as run:
            await run.turns(AT_ONCE)
            before = await _lags(scene)
            photo = [{"file_id": "p", "file_unique_id": "p", "width": 4000, "height": 3000}]
            chats = range(1, PHOTOS + 1)
            for chat in chats:
                scene.server.add_private(chat)
                who = scene.server.person(chat)
                scene.server.say(chat, "", user=who, photo=photo, caption="what is this?")
            await until(lambda: all("retry" in str(_markup(scene, chat)) for chat in chats), 120)
            after = await _lags(scene)
    looks = {at: count - before[at] for at, count in after.items()}
    bounds = sorted(looks)
    at = next(number for number, bound in enumerate(bounds) if looks[bound] == looks[math.inf])
    step = bounds[at] - (bounds[at - 1] if at else 0)
    name, told = "how late the loop is while 20 photos come", "a bound of what is counted"
    yield Figure(name, "ms", (bounds[at],), 20, told, step)


def _markup(scene, chat):
    return [one.markup for one in scene.server.posts(chat)]


async def _lags(scene):
    """How many looks at the loop found it late by so much or less, by milliseconds."""
    url = f"http://127.0.0.1:{scene.port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        lines = (await response.text()).splitlines()
    found = [one for one in lines if one.startswith("palaver_loop_lag_seconds_bucket")]
    return {float(one.split('"')[1]) * 1000: float(one.split()[-1]) for one in found}


PARTS = {
    **{make().kind: partial(compared, make) for make in SCENES},
    "trips": trips,
    "chunk": chunk,
    "character": character,
    "memory": memory_figures,
    "start": start,
    "photos": photos,
}


async def main(parts, turns, again, path):
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # We kill what asks our servers.
    found = []
    for _ in range(again):
        for name in parts or PARTS:
            part = PARTS[name]
            async for figure in part(turns) if name in KINDS else part():
                write(path, [figure])
                found.append(figure)
    print("\n".join([HEAD, *(one.row() for one in joined(found))]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all, if none is named")
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--again", type=int, default=3)
    parser.add_argument("--figures", type=Path)
    given = parser.parse_args()
    asyncio.run(main(given.parts, given.turns, given.again, given.figures))
