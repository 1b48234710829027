"""A store that turns while the program uses it, in a process of its own."""

import json

import pytest

from core.store.connection import connect
from tests.attacks.watching import watched
from tests.harness import readiness, until


@pytest.mark.parametrize(
    ("turn", "back", "why"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "replica"),
        (
            ("CONFIG", "SET", "min-replicas-to-write", "1"),
            ("CONFIG", "SET", "min-replicas-to-write", "0"),
            "replicas",
        ),
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "memory"),
    ],
)
async def test_a_store_that_turns_read_only_is_told_and_serves_again_once_it_writes(
    redis, server, replica, turn, back, why
):
    async with connect(redis.url) as client, watched(replica) as app:
        server.say(77, "before")
        await until(lambda: said(server, "Echo of before"), 40)
        await client.execute_command(*turn)

        async def unready():
            status, told = await ready(app.port)
            text = json.dumps(told)
            return status == 503 and why in text

        await until(unready, 40)
        server.say(77, "meanwhile")
        await client.execute_command(*back)
        await until(lambda: said(server, "Echo of meanwhile"), 40)
        await until(lambda: is_ready(app.port), 40)
        assert app.unharmed()


def said(server, words):
    return any(words in post.text for post in server.posts(77))


async def ready(port):
    return await readiness(f"http://127.0.0.1:{port}")


async def is_ready(port):
    return (await ready(port))[0] == 200
