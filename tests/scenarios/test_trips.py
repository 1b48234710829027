"""What a whole turn costs Redis, on each platform, through the whole program.

`tests/store/test_trips.py` counts each step of it alone. `bench.turn` measures it.
"""

import asyncio
import re
from contextlib import asynccontextmanager

import pytest

from core.store.connection import connect
from tests.contracts.drivers import DRIVERS, driving
from tests.harness import at_rest, until
from tests.servers.redis import redis_at

ALONE = re.compile(
    # What a process does also while nobody asks: leases, pulse, looks at what waits, counts.
    r"XINFO|XRANGE|XREADGROUP|XPENDING|XLEN|CONFIG|TIME$|(GET|PEXPIRE|SET|ZRANGEBYSCORE|HGETALL|HGET"
    r"|HMGET|HSET|EXPIRE|EVALSHA \w+ \d+) palaver:\{0\}:(lease|pulse|additions|crowd|replicas|use)"
    # And what the test does: it looks at the page.
    r"|INFO|PING|SCAN|CLIENT|SELECT|HELLO|(SUBSCRIBE|UNSUBSCRIBE|HGETALL) palaver:\{0\}:board"
)


@asynccontextmanager
async def monitored(url):
    """What the server at *url* does meanwhile: (whether a script does it, the command)."""
    seen, began = [], asyncio.Event()

    async def listen():
        async with connect(url) as client, client.monitor() as monitor:
            began.set()
            while True:
                one = await monitor.next_command()
                seen.append((one["client_type"] == "lua", one["command"]))

    task = asyncio.create_task(listen())
    await began.wait()
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def steps(seen):
    """The commands in *seen*: each with those that its script runs."""
    found = []
    for in_script, command in seen:
        if in_script and found:
            found[-1].append(command)
        elif not in_script:
            found.append([command])
    return [one for one in found if not ALONE.match(one[0]) or one[0].startswith("TIME ")]


@pytest.mark.parametrize("name", DRIVERS)
async def test_a_turn_costs_few_commands(name, tmp_path, model):
    """Tokens are taken ahead and cost 3 and their levels then, a renewal 4, and all else 71."""
    driver = DRIVERS[name]()
    place = driver.places[0]
    model.piece_s, model.piece_chars = 0.03, 5
    model.answer = lambda messages: "A sentence of the answer. " * 12
    async with (
        redis_at(tmp_path / "redis") as redis,
        driving(driver, tmp_path, model, redis_url=redis.url),
    ):
        await until(redis.answers)
        await driver.say(place, "Warm up")
        await driver.answered(place)
        await at_rest(driver.app.core)
        loop = asyncio.get_running_loop()
        async with monitored(redis.url) as seen:
            began = loop.time()
            await driver.say(place, "Tell me")
            await until(lambda: any(command.startswith("XACK") for _, command in seen))
            took_s = loop.time() - began
        await driver.answered(place, 2)
    made = steps(seen)
    tokens = [one for one in made if ":level:" in one[0]]
    renewals = [one for one in made if any(command.startswith("XCLAIM") for command in one)]
    grown = [one for one in made if re.match(r"(HSET|PUBLISH) palaver:\{0\}:board", one[0])]
    rest = [one for one in made if one not in (*tokens, *renewals, *grown)]
    assert all(len(one) <= 3 + int(one[0].split()[2]) for one in tokens)
    assert all(len(one) <= 4 + 2 * (one[-1].startswith("EXPIRE")) for one in renewals)
    # One before the first post and one behind it, one at the end, one a second, and one to spare.
    assert len(renewals) <= 5 + took_s
    # The list, the question, the status twice, and the answer: made, kept once a second, and whole.
    assert len(grown) <= 2 * (7 + took_s)
    assert sum(map(len, rest)) <= 71, "\n".join(one[0][:100] for one in rest)
