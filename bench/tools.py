"""What tools cost: CPU for each step of an answer, and MCP servers that nobody calls.

    python -m bench.tools --turns 150 --idle 30

A real `palaver run`; Telegram and the model are loopback servers in another process. A step is a
round of the model that calls `calculate`, so the floor is what a bare script pays for that: one
request, its stream read and decoded, one more message.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from bench.figures import Figure, write
from core.tools.built_in import BUILT_IN
from core.tools.tool import ToolContext
from tests.harness import Replica, until
from tests.servers.model import ModelServer
from tests.servers.redis import redis_at
from tests.servers.telegram import TelegramServer
from tests.servers.tools import outputs

STEPS = 3
TOOL = "calculate"
AT_ONCE = 8
SERVER = Path(__file__).parents[1] / "examples" / "tools" / "notes.py"


def cpu_s(pid):
    """Seconds of CPU that the process *pid* has used (proc(5): schedstat, in nanoseconds)."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9


def wakeups(pid):
    """How often the threads of *pid* were switched to."""
    found = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        lines = (thread / "status").read_text().splitlines()
        found += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return found


def memory_mb(pid):
    """The memory of *pid*: all that it has mapped, and its share of it (proc(5): smaps_rollup)."""
    rows = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    kilobytes = {row[0]: int(row[1]) for row in rows}
    return kilobytes["Rss:"] / 1024, kilobytes["Pss:"] / 1024


def children(pid):
    named = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(one) for file in named for one in file.read_text().split()]


def call_of(number):
    """A call, different for each *number*, whose result is 48 and a digit behind the point."""
    return TOOL, {"expression": f"12 * (7 + 5) / 3 + {number} / 10"}


def scripted(rounds):
    """A model that calls one tool in each of *rounds* rounds, then answers."""
    model = ModelServer(piece_s=0.0, piece_chars=40)

    def call(body):
        done = sum(bool(one.get("tool_calls")) for one in body["messages"])
        return ("", [call_of(done + 1)]) if done < rounds else None

    model.calling = call
    model.answer = lambda messages: f"RESULT {' '.join(outputs({'messages': messages}))} " * 10
    return model


@asynccontextmanager
async def started(folder, model, **settings):
    """A `palaver run` on servers of its own: (its process, Telegram)."""
    async with (
        TelegramServer().running() as telegram,
        model.running(),
        redis_at(folder / "redis") as redis,
    ):
        replica = Replica(folder, redis, telegram, model, log_level="WARNING", **settings)
        replica.start()
        try:
            yield replica.process, telegram
        finally:
            replica.end()


async def answered(telegram, chats, rounds=0):
    """Ask once in each of *chats*, and wait until all are answered, each after *rounds* calls."""

    async def ask(chat, places):
        async with places:
            telegram.add_private(chat)
            telegram.say(chat, "how much?", user=telegram.person(chat))
            await until(lambda: "retry" in str([one.markup for one in telegram.posts(chat)]), 60)
            (post,) = telegram.posts(chat)
            if post.text.count("48.") != 10 * rounds:
                raise AssertionError(f"not all calls were made: {post.text}")

    places = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        for chat in chats:
            group.create_task(ask(chat, places))


async def turn_ms(folder, rounds, turns):
    """Milliseconds of CPU of a turn with *rounds* steps."""
    async with started(folder, scripted(rounds)) as (process, telegram):
        await answered(telegram, range(100, 120), rounds)
        before = cpu_s(process.pid)
        await answered(telegram, range(200, 200 + turns), rounds)
        return (cpu_s(process.pid) - before) / turns * 1000


async def _bare(url, turns, rounds):
    async with aiohttp.ClientSession() as session:
        for _ in range(turns):
            messages = [{"role": "user", "content": "how much?"}]
            offered = [{"type": "function", "function": {"name": TOOL}}]
            for _ in range(rounds + 1):
                body = {"model": "m", "stream": True, "messages": messages, "tools": offered}
                name, arguments = "", ""
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    async for line in response.content:
                        if not line.startswith(b"data: {"):
                            continue
                        for choice in msgspec.json.decode(line[6:])["choices"]:
                            for call in choice["delta"].get("tool_calls", ()):
                                name = call.get("id", name)
                                arguments += call["function"].get("arguments", "")
                called = {"id": name, "type": "function"}
                called["function"] = {"name": TOOL, "arguments": arguments}
                messages.append({"role": "assistant", "content": "", "tool_calls": [called]})
                messages.append({"role": "tool", "tool_call_id": name, "content": "48"})


def _bare_ms(url, turns, rounds, told):
    asyncio.run(_bare(url, 10, rounds))
    before = time.process_time()
    asyncio.run(_bare(url, turns, rounds))
    told.put((time.process_time() - before) / turns * 1000)


async def bare_ms(rounds, turns):
    """Milliseconds of CPU of a bare script that makes the same calls to the model."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    async with scripted(rounds).running() as model:
        process = context.Process(target=_bare_ms, args=(model.url, turns, rounds, told))
        process.start()
        return await asyncio.to_thread(told.get)


async def tool_ms(times=2000):
    """Milliseconds of CPU of the tool itself."""
    tool, context = (
        BUILT_IN[TOOL](),
        ToolContext("telegram:1:", "telegram:1", "member", True, 0.0),
    )
    before = time.process_time()
    for _ in range(times):
        await tool.call(call_of(1)[1], context)
    return (time.process_time() - before) / times * 1000


async def idle(folder, seconds, servers):
    """Of each process: how often it woke up in *seconds* in which nobody asks, and its memory."""
    config = folder / "palaver.toml"
    entries = (
        f'[[tools.server]]\nname = "notes{at}"\ncommand = ["{sys.executable}", "{SERVER}"]\n'
        'allow = ["*"]\n'
        for at in range(servers)
    )
    config.write_text("\n".join(entries) or "# nothing\n")
    async with started(folder, scripted(0), palaver_config=config) as (process, telegram):
        await answered(telegram, [100])
        await asyncio.sleep(8)
        host = process.pid
        keepers = [pid for pid in children(host) if b"core.mcp.child" in _line(pid)]
        programs = [pid for keeper in keepers for pid in children(keeper)]
        found = {"Palaver": [host], "process of a server": keepers, "its program": programs}
        before = {pid: (wakeups(pid), cpu_s(pid)) for some in found.values() for pid in some}
        await asyncio.sleep(seconds)
        return {
            name: [
                (
                    wakeups(pid) - before[pid][0],
                    (cpu_s(pid) - before[pid][1]) * 1000,
                    *memory_mb(pid),
                )
                for pid in some
            ]
            for name, some in found.items()
        }


def _line(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def main(turns, idle_s, again, path):
    measured = {"none": [], "steps": [], "bare none": [], "bare steps": []}
    for _ in range(again):
        for name, rounds in (("none", 0), ("steps", STEPS)):
            with tempfile.TemporaryDirectory() as folder:
                measured[name].append(await turn_ms(Path(folder), rounds, turns))
            measured[f"bare {name}"].append(await bare_ms(rounds, turns))
    none, steps, bare_none, bare_steps = map(statistics.median, measured.values())
    tool = await tool_ms()
    print("| ms of CPU | Palaver | a bare script |\n|---|---|---|")
    print(f"| turn without steps | {none:.1f} | {bare_none:.1f} |")
    print(f"| turn with {STEPS} steps, each a round of its own | {steps:.1f} | {bare_steps:.1f} |")
    print(f"| a step | {(steps - none) / STEPS:.1f} | {(bare_steps - bare_none) / STEPS:.1f} |")
    print(f"| ... the tool itself | {tool:.2f} | {tool:.2f} |")
    print(f"| beyond the tool | {(steps - none) / STEPS - tool:.1f} | |")
    pairs = zip(measured["none"], measured["steps"], strict=True)
    beyond = tuple((more - less) / STEPS - tool for less, more in pairs)
    write(path, [Figure("CPU of a step with a tool, beyond the tool", "ms", beyond, 5)])
    each = (f"{name} {', '.join(f'{one:.1f}' for one in some)}" for name, some in measured.items())
    print(f"\n(each run: {'; '.join(each)})\n")
    print(f"| process, idle for {idle_s:.0f} s | woken | ms of CPU | MB (RSS) | MB (PSS) |")
    print("|---|---|---|---|---|")
    for servers in (0, 1, 5):
        with tempfile.TemporaryDirectory() as folder:
            for name, some in (await idle(Path(folder), idle_s, servers)).items():
                for one in some[:1]:
                    row = " | ".join(f"{value:.0f}" for value in one)
                    print(f"| {name}, {servers} servers | {row} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=150)
    parser.add_argument("--idle", type=float, default=30)
    parser.add_argument("--again", type=int, default=3)
    parser.add_argument("--figures", type=Path)
    given = parser.parse_args()
    asyncio.run(main(given.turns, given.idle, given.again, given.figures))
