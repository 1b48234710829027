"""What a turn costs Redis, and whether that grows with what Redis already holds.

    python -m bench.turn_cost

Round trips and microseconds of the server for each step of a turn, with 10 and
with 100,000 conversations, and with 1 and 5,000 exchanges of history in the one asked in.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from core.messages import Exchange, Incoming, Sender, conversation_id
from core.store import keys
from core.store.connection import connect
from core.store.inbox import Inbox
from core.store.turns import Checkpoint
from tests.servers.redis import redis_at

TURNS = 300
HISTORY_BYTES = 32_000
CHAT = conversation_id("test", "asked")


def said(number, conversation=CHAT):
    return Incoming(
        event_id=f"event-{conversation}-{number}",
        conversation=conversation,
        sender=Sender(f"test:{conversation}", "Ann"),
        text=f"question {number} " * 10,
    )


def exchange(number):
    return Exchange(f"event-{number}", "Ann", "question " * 20, "answer " * 100, 0.0)


async def fill(redis, conversations, exchanges):
    """What idle conversations leave: history, state, and the names of what was seen."""
    one = msgspec.json.encode(exchange(0))
    for start in range(0, conversations, 1000):
        async with redis.pipeline(transaction=False) as pipe:
            for number in range(start, min(start + 1000, conversations)):
                other = conversation_id("test", f"idle-{number}")
                pipe.rpush(keys.history(other), one, one)
                pipe.hset(keys.state(other), "fence", 2)
                pipe.set(keys.seen(f"idle-{number}"), 1)
            await pipe.execute()
    await redis.rpush(keys.history(CHAT), *[one] * exchanges)


async def commands(redis):
    return (await redis.info("stats"))["total_commands_processed"]


async def measure(redis):
    """Microseconds for each step, seen from here: (step, median)."""
    inbox = Inbox(redis, "bench", history_ttl_s=1000, most_waiting=20, most_per_person=5)
    await inbox.prepare(["test"])
    times = {"accept": [], "claim": [], "load": [], "checkpoint": [], "commit": []}

    async def timed(step, awaitable):
        began = time.perf_counter()
        result = await awaitable
        times[step].append((time.perf_counter() - began) * 1e6)
        return result

    for number in range(TURNS):
        await timed("accept", inbox.put(said(number)))
        (claim,) = await timed("claim", inbox.claim(["test"], 1, 1))
        await timed("load", claim.load(HISTORY_BYTES))
        await timed("checkpoint", claim.renew(Checkpoint(f"event-{number}", "text " * 200)))
        await timed("commit", claim.commit(1, exchange(number)))
    return {step: statistics.median(some) for step, some in times.items()}


async def main():
    rows = {}
    for conversations, exchanges in ((10, 1), (10, 5_000), (100_000, 1), (100_000, 5_000)):
        with tempfile.TemporaryDirectory() as folder:
            async with redis_at(Path(folder)) as server, connect(server.url) as redis:
                await fill(redis, conversations, exchanges)
                before = await commands(redis)
                rows[conversations, exchanges] = await measure(redis)
                asked = (await commands(redis) - before) / TURNS
                rows[conversations, exchanges]["commands (scripts' own included)"] = asked
    steps = list(next(iter(rows.values())))
    heads = [f"{c:,} conversations, {e:,} exchanges" for c, e in rows]
    print("| µs, median, there and back |", " | ".join(heads), "|")
    print("|---" * (len(heads) + 1), "|", sep="")
    for step in steps:
        print(f"| {step} |", " | ".join(f"{row[step]:.0f}" for row in rows.values()), "|")


if __name__ == "__main__":
    asyncio.run(main())
