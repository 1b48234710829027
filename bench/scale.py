"""How many a deployment carries: measured costs, and a seeded model of workspaces and their days.

    python -m bench.scale --seed 1

Measures what a turn costs the program and Redis, what an open answer and a conversation keep in
memory, and writes docs/scale.md: what a core and a Redis carry, and a day of 1 to 10,000
workspaces, minute by minute.
"""

import argparse
import asyncio
import logging
import math
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figures import short
from bench.scenes import Slack, Telegram
from bench.tools import cpu_s
from bench.turn import AT_ONCE, CHUNK_S, CHUNKS, IDLE_S, ROOT, machine, memory, palaver, scripted
from bench.turn_cost import fill
from core.store.connection import connect
from tests.servers.redis import redis_at

PAGE = ROOT / "docs" / "scale.md"
TURNS = 40
FULL = 0.6
"""The share of a core that is planned: above it, queues grow faster than load."""
SIZES = (1, 10, 100, 1_000, 10_000)
REPLICAS = (1, 2, 4, 8)
PEOPLE, SPREAD = 25.0, 1.2
"""Who asks in a workspace: the median, and the sigma of a lognormal distribution."""
QUESTIONS = 6.0
"""Questions of one of them on a working day."""
ANSWER_S = 12.0
"""How long an answer is under way: 600 tokens at 50 a second."""
ZONES = ((-8, 0.35), (1, 0.35), (8, 0.30))
"""(hours from UTC, share of the workspaces)"""
HOURS = (1, 1, 1, 1, 1, 1, 2, 5, 9, 12, 12, 10, 8, 10, 12, 11, 9, 7, 5, 4, 3, 3, 2, 1)
"""The weight of each hour of a person's day."""
KEPT_DAYS = 30
CORE_USD, GB_USD = 18.0, 2.5
"""A month of one core, and of one gigabyte: round figures of today's public clouds."""
TOKENS_USD = 0.0006
"""A question and its answer at a small model's price: 2,000 tokens in, 600 out."""


@dataclass(frozen=True)
class Costs:
    """*turn_ms*, *redis_ms*: CPU. *idle_mb*: a process. *open_kb*: an answer under way.
    *kept_kb*: a conversation of ten exchanges in Redis.
    """

    turn_ms: float
    redis_ms: float
    idle_mb: float
    open_kb: float
    kept_kb: float


async def turn_ms(make):
    """(CPU of the program, CPU of Redis) for a turn, in milliseconds."""
    async with (
        scripted().running() as model,
        make().running() as scene,
        palaver(scene, model) as run,
    ):
        await run.turns(AT_ONCE)
        pids = run.process.pid, run.redis.process.pid
        before = [cpu_s(pid) for pid in pids]
        await asyncio.sleep(IDLE_S)
        idle = [(cpu_s(pid) - one) / IDLE_S for pid, one in zip(pids, before, strict=True)]
        before, began = [cpu_s(pid) for pid in pids], time.monotonic()
        await run.turns(TURNS)
        took_s = time.monotonic() - began
        return [
            (cpu_s(pid) - one - rest * took_s) / TURNS * 1000
            for pid, one, rest in zip(pids, before, idle, strict=True)
        ]


async def kept_kb(conversations=2_000):
    """What an idle conversation keeps in Redis, in kilobytes, by ten exchanges."""
    with tempfile.TemporaryDirectory() as folder:
        async with redis_at(Path(folder)) as server, connect(server.url) as redis:
            before = (await redis.info("memory"))["used_memory"]
            await fill(redis, conversations, 1)
            two = (await redis.info("memory"))["used_memory"] - before
    # `fill` keeps two exchanges in each; the rest of a conversation is small beside them.
    return two / conversations / 1024 * 5


async def measured():
    costs = [await turn_ms(make) for make in (Telegram, Slack)]
    idle_mb, open_kb = await memory()
    worst = [max(one) for one in zip(*costs, strict=True)]
    return Costs(*worst, idle_mb, open_kb, await kept_kb())


@dataclass(frozen=True)
class Day:
    """*busiest*: questions a second in the busiest minute. *total*: in the day."""

    people: int
    busiest: float
    total: int


def day(workspaces, seed):
    """A working day of so many workspaces."""
    chance = random.Random(seed)
    sizes = [
        min(5_000, max(1, round(chance.lognormvariate(math.log(PEOPLE), SPREAD))))
        for _ in range(workspaces)
    ]
    of_zone = dict.fromkeys((hours for hours, _ in ZONES), 0)
    for size in sizes:
        (zone,) = chance.choices([one for one, _ in ZONES], [share for _, share in ZONES])
        of_zone[zone] += size
    weights = sum(HOURS)
    minutes = []
    for minute in range(24 * 60):
        mean = sum(
            people * QUESTIONS * HOURS[(minute // 60 + zone) % 24] / weights / 60
            for zone, people in of_zone.items()
        )
        minutes.append(_poisson(chance, mean))
    return Day(sum(sizes), max(minutes) / 60, sum(minutes))


def _poisson(chance, mean):
    if mean > 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    left, count = math.exp(-mean), 0
    product = chance.random()
    while product > left:
        count, product = count + 1, product * chance.random()
    return count


@dataclass(frozen=True)
class Need:
    """What a day takes. *redis*: the share of one core of Redis in the busiest minute."""

    cores: float
    processes: int
    memory_gb: float
    redis: float
    redis_gb: float
    open_answers: float

    @property
    def dollars(self):
        """A month of the machines: whole cores, one at least, and a replica of Redis."""
        redis_cores = 2 * max(1, math.ceil(self.redis / FULL))
        cores = max(1, math.ceil(self.cores / FULL)) + redis_cores
        return cores * CORE_USD + (self.memory_gb + 2 * self.redis_gb) * GB_USD


def need(one, costs):
    """What *one* day takes at these costs."""
    cores = one.busiest * costs.turn_ms / 1000
    processes = max(1, math.ceil(cores / FULL))
    waiting = one.busiest * ANSWER_S
    memory_gb = (processes * costs.idle_mb + waiting * costs.open_kb / 1024) / 1024
    # A question in five begins a conversation; each is kept for a month.
    kept = one.total / 5 * KEPT_DAYS * 5 / 7
    redis_gb = kept * costs.kept_kb / 1024 / 1024
    return Need(cores, processes, memory_gb, one.busiest * costs.redis_ms / 1000, redis_gb, waiting)


def first_full(what):
    """What is at its bound first, and what to do."""
    if what.redis > FULL:
        return "Redis (one core): a cluster, and `SHARDS`"
    if what.redis_gb > 32:
        return "memory of Redis: a shorter `HISTORY_TTL`, or a larger machine"
    if what.processes > 1:
        return "CPU of the program: more replicas"
    return "nothing"


def page(costs, seed):
    """The text of docs/scale.md."""
    a_core = FULL / costs.turn_ms * 1000
    a_redis = FULL / costs.redis_ms * 1000
    lines = [
        "# Scale",
        "",
        f"Written by `python -m bench.scale --seed {seed}` on {machine()},"
        f" {time.strftime('%Y-%m-%d', time.gmtime())}.",
        f"Costs are measured in a real run: turns of {CHUNKS} pieces in {CHUNKS * CHUNK_S:.0f} s,"
        " the dearer of Telegram (polling) and Slack (Socket Mode). Days are a model:"
        f" lognormal workspaces (median {PEOPLE:.0f} people who ask), {QUESTIONS:.0f} questions"
        " of each on a working day, three time zones, an hour's share of each person's day, and"
        f" chance in each minute. Machines are planned to be {FULL:.0%} busy in the busiest"
        " minute.",
        "",
        "## What was measured",
        "",
        "| cost | |",
        "|---|---|",
        f"| CPU of a turn in the program | {short(costs.turn_ms)} ms |",
        f"| CPU of a turn in Redis | {short(costs.redis_ms)} ms |",
        f"| memory of an idle process (PSS) | {short(costs.idle_mb)} MB |",
        f"| memory of an answer under way (PSS) | {short(costs.open_kb)} KB |",
        f"| memory of a conversation of ten exchanges in Redis | {short(costs.kept_kb)} KB |",
        "",
        "A tenant that is idle costs its connection (Slack's Socket Mode, a long poll) and no turn;"
        " by HTTP or webhook it costs nothing until somebody asks.",
        "",
        "## What that carries",
        "",
        f"One core of the program: {short(a_core)} questions a second at {FULL:.0%}. One Redis (one"
        f" core of it): {short(a_redis)} questions a second. With one shard all keys lie in one"
        " slot, so a cluster gives a deployment failover and no more speed. Beyond that, [`SHARDS`]"
        "(tenants.md#shards) spread the tenants over its servers. A turn of a tenant in another"
        " shard asks shard 0 for 3 of its 108 commands, so each server carries its own tenants.",
        "",
        "| replicas of one core | questions a second | people who ask (one time zone) |"
        " first at its bound |",
        "|---|---|---|---|",
    ]
    for replicas in REPLICAS:
        rate = min(replicas * a_core, a_redis)
        bound = "CPU of the program" if replicas * a_core < a_redis else "Redis"
        people = rate * 3600 / (QUESTIONS * max(HOURS) / sum(HOURS))
        lines.append(f"| {replicas} | {short(rate)} | {people:,.0f} | {bound} |")
    lines += [
        "",
        "## A day of many workspaces",
        "",
        "| workspaces | people | questions | a second, busiest minute | answers at once | cores |"
        " replicas | memory | Redis, share of a core | Redis, memory | machines, $ a month |"
        " model, $ a month | first at its bound |",
        "|---" * 13 + "|",
    ]
    for workspaces in SIZES:
        one = day(workspaces, seed)
        what = need(one, costs)
        lines.append(
            f"| {workspaces:,} | {one.people:,} | {one.total:,} | {short(one.busiest)} |"
            f" {what.open_answers:,.0f} | {short(what.cores)} | {what.processes} |"
            f" {short(what.memory_gb)} GB | {what.redis:.1%} | {short(what.redis_gb)} GB |"
            f" {what.dollars:,.0f} | {one.total * 22 * TOKENS_USD:,.0f} | {first_full(what)} |"
        )
    lines += [
        "",
        f"Prices: ${CORE_USD:.0f} a core and ${GB_USD} a gigabyte a month, Redis twice (a replica);"
        f" ${TOKENS_USD} for a question with 2,000 tokens in and 600 out. Conversations are kept"
        f" for {KEPT_DAYS} days (`HISTORY_TTL`). The model's price is far above the machines'."
        " What the platforms allow is each tenant's own, so it does not grow with their number.",
        "",
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    PAGE.write_text(page(asyncio.run(measured()), seed))
    print(f"{PAGE.relative_to(ROOT)} is written")


if __name__ == "__main__":
    main()
