"""The line: one connection for all commands, whatever happens to those who ask and to itself."""

import asyncio

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import ResponseError

from core.store import line
from core.store.connection import connect
from core.store.embedded import embedded


async def clients(redis, of="normal"):
    """Who is connected to the server, besides the connection that asks for this."""
    listed = await redis.execute_command("CLIENT LIST", "TYPE", of)
    return len(listed.splitlines() if isinstance(listed, bytes) else listed) - 1


async def break_line(redis):
    """Break the shared connection from outside, as a failing network would."""
    other = Redis(connection_pool=redis.connection_pool)
    await other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


async def test_a_hundred_who_ask_at_once_share_one_connection_and_each_gets_its_own_answer(redis):
    await asyncio.gather(*(redis.set(f"key-{n}", n) for n in range(100)))
    assert await asyncio.gather(*(redis.get(f"key-{n}") for n in range(100))) == [
        str(n).encode() for n in range(100)
    ]
    assert await clients(redis) == 0


async def test_who_is_cancelled_takes_nobody_elses_answer(redis):
    await redis.mset({f"key-{n}": n for n in range(20)})
    asked = [asyncio.create_task(redis.get(f"key-{n}")) for n in range(20)]
    await asyncio.sleep(0)
    for one in asked[::2]:
        one.cancel()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert found[1::2] == [str(n).encode() for n in range(1, 20, 2)]
    assert await redis.get("key-7") == b"7"


async def test_an_error_reaches_only_who_asked_for_it(redis):
    await redis.set("word", "palaver")
    pipe = redis.pipeline(transaction=False)
    pipe.get("word").execute_command("NO-SUCH-COMMAND").get("word")
    assert [type(one) for one in await pipe.execute(raise_on_error=False)] == [
        bytes,
        ResponseError,
        bytes,
    ]
    with pytest.raises(ResponseError, match="unknown command"):
        await pipe.execute_command("NO-SUCH-COMMAND").execute()


async def test_a_broken_connection_is_made_anew_for_all_who_wait(redis):
    await redis.set("word", "palaver")
    await break_line(redis)
    found = await asyncio.gather(*(redis.get("word") for _ in range(50)))
    assert found == [b"palaver"] * 50
    assert await clients(redis) <= 1


async def test_a_server_that_says_nothing_is_given_up(redis, monkeypatch):
    monkeypatch.setattr(line, "ANSWER_S", 0.05)
    monkeypatch.setattr(line, "LOOK_S", 0.05)
    monkeypatch.setattr(line, "GREET_S", 0.05)
    await redis.execute_command("CLIENT PAUSE", 10_000, "ALL")
    with pytest.raises((NotConnected, TimeoutError)):
        await redis.get("word")


async def test_what_blocks_a_connection_does_not_hold_up_the_others(redis):
    waiting = asyncio.create_task(redis.blpop("list", timeout=30))
    async with asyncio.timeout(10):
        while not (await redis.info("clients"))["blocked_clients"]:
            await asyncio.sleep(0)
        await redis.rpush("list", "come")
    assert (await waiting)[1] == b"come"


async def test_what_a_lost_connection_still_says_is_nobodys_answer(redis):
    await redis.mset({f"key-{n}": n for n in range(400)})
    shared = redis._line
    for n in range(0, 400, 4):
        early = [asyncio.create_task(redis.get(f"key-{n + at}")) for at in range(2)]
        await asyncio.sleep(0.001 * (n % 3))
        await shared._drop(shared._connection, line.ConnectionBroken("lost"))
        late = [redis.get(f"key-{n + at}") for at in (2, 3)]
        found = await asyncio.gather(*early, *late)
        assert found == [str(n + at).encode() for at in range(4)]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_closes_in_the_moment_of_a_command_is_made_anew(tmp_path, loop):
    """The program's own loop refuses to write there, before the reader has noticed anything."""

    async def ask():
        async with embedded(tmp_path / "store") as url, connect(url) as redis:
            await redis.set("word", "palaver")
            redis._line._connection._writer.transport.abort()
            return await asyncio.gather(*(redis.get("word") for _ in range(3)))

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(ask()) == [b"palaver"] * 3
