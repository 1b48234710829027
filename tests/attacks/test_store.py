"""Somebody else writes into our store, or another version did: through the running program."""

import asyncio
import signal

import aiohttp
import msgspec
import pytest

from core.buckets import Level
from core.store import keys
from core.store.connection import connect
from tests.attacks.watching import free_port, watched
from tests.harness import until

CHAT = "telegram:77:"
RUBBISH = [b"\xff\xfe", b"", b"{}", b"null", b"[" * 3000, b'{"event_id":7}', b"x" * 100_000]


async def answered(server, words):
    return await until(lambda: [p for p in server.posts(77) if words in p.text], 40)


async def spoil(client):
    """Rubbish under every kind of key that a conversation has."""
    for rubbish in RUBBISH:
        await client.publish(keys.CONTROL, rubbish)
        for entry in ({"x": rubbish}, {"c": rubbish}, {"c": CHAT, "p": rubbish}):
            await client.xadd(keys.ready("telegram"), entry)
        await client.rpush(keys.mail(CHAT), rubbish)
        await client.rpush(keys.history(CHAT), rubbish)
        await client.rpush(keys.DEAD, rubbish)
        for field in ("checkpoint", "preferences", "summary", "stop", "note"):
            await client.hset(keys.state(CHAT), field, b"\xff")
        await client.hset(keys.spent(CHAT), "turns", rubbish)
        async for level in client.scan_iter(f"{keys.TAG}:level:*"):
            await client.set(level, rubbish)


async def test_rubbish_under_every_key_ends_nothing_and_the_next_question_is_answered(
    redis, server, replica
):
    async with connect(redis.url) as client, watched(replica) as watching:
        server.say(77, "before")
        await answered(server, "Echo of before")
        await spoil(client)
        server.say(77, "after")
        await answered(server, "Echo of after")
        assert watching.unharmed()
    async with watched(replica) as again:
        server.say(77, "once more")
        await answered(server, "Echo of once more")
        assert again.unharmed()


@pytest.mark.parametrize("kind", [keys.mail, keys.state, keys.history, keys.spent, keys.posts])
async def test_keys_of_another_type_end_nothing(redis, server, replica, kind):
    async with connect(redis.url) as client, watched(replica) as watching:
        await client.set(kind(CHAT), "another type")
        server.say(77, "there?")
        await answered(server, "Echo of there?")
        assert watching.unharmed()


async def test_what_was_set_aside_is_counted_without_its_text(redis, server, replica):
    async with connect(redis.url) as client, watched(replica) as watching:
        await client.xadd(keys.ready("telegram"), {"x": "somebody's words"})
        url = f"http://127.0.0.1:{watching.port}/metrics"

        async def counted():
            # Again and again: it hears it once it has subscribed.
            await client.publish(keys.CONTROL, b"\xff somebody's words")
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                text = await response.text()
            assert "somebody" not in text
            return 'border="store.control"' in text and 'border="store.ready"' in text

        await until(counted)


async def test_a_question_that_ended_the_process_twice_is_set_aside_at_the_third_start(
    redis, server, replica, model
):
    model.piece_s = 0.5
    model.answer = lambda messages: "word " * 400
    asked = 0
    for _ in range(2):
        one = replica()
        if not asked:
            server.say(77, "poison")
        await until(lambda: len(model.requests) > asked, 60)  # noqa: B023 - awaited at once
        asked = len(model.requests)
        one.kill(signal.SIGKILL)
    replica()
    await answered(server, "set aside")
    assert len(model.requests) == asked
    async with connect(redis.url) as client:
        # The person is told before the turn is committed.
        await until(lambda: client.llen(keys.DEAD))
        assert await client.llen(keys.DEAD) == 1


@pytest.mark.parametrize("step_s", [3600, -3600])
async def test_a_clock_that_steps_silences_nobody(redis, server, replica, step_s):
    """As far as that can be seen without another clock: what stands there is of another hour."""
    async with connect(redis.url) as client, watched(replica) as watching:
        server.say(77, "one")
        await answered(server, "Echo of one")
        seconds, _ = await client.time()
        await client.set(keys.PULSE, (seconds + step_s) * 1000)
        async for key in client.scan_iter(f"{keys.TAG}:level:*"):
            level = msgspec.msgpack.decode(await client.get(key), type=Level)
            level.seen_at += step_s
            level.held_until += step_s
            level.taken = [(at + step_s, call) for at, call in level.taken]
            await client.set(key, msgspec.msgpack.encode(level))
        server.say(77, "two")
        await answered(server, "Echo of two")
        assert watching.unharmed()


async def test_the_program_ends_when_told_while_rubbish_pours_in(redis, server, replica):
    async with connect(redis.url) as client:
        one = replica(http_port=free_port(), grace_s=2)
        pouring = True

        async def pour():
            while pouring:
                await client.publish(keys.CONTROL, b"\xff" * 1000)
                await client.xadd(keys.ready("telegram"), {"x": "y"})

        task = asyncio.create_task(pour())
        await asyncio.sleep(3)
        one.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(one.process.wait, 20)
        pouring = False
        await task
