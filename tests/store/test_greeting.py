"""A server that refuses its clients at once, such as one that wants a password now."""

import asyncio

import pytest
from redis.asyncio import from_url
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

from core.store.connection import connect
from core.store.pulse import Pulse
from tests.harness import until
from tests.servers.redis import redis_at

REFUSE = ("ACL", "SETUSER", "default", "resetpass", ">secret-word")


async def test_a_server_that_wants_a_password_now_is_greeted_a_few_times_and_not_for_minutes(
    tmp_path, monkeypatch
):
    """A PING on each fresh connection met the same refusal, and connected anew within itself."""
    greeted = []
    usual = AbstractConnection.on_connect_check_health

    async def counted(connection, *, check_health=True):
        greeted.append(check_health)
        if len(greeted) > 50:
            pytest.fail("it greets for ever")
        await usual(connection, check_health=check_health)

    async with (
        redis_at(tmp_path / "redis") as redis,
        connect(redis.url) as operator,
        connect(redis.url) as client,
    ):
        await operator.execute_command(*REFUSE)
        await operator.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        monkeypatch.setattr(AbstractConnection, "on_connect_check_health", counted)
        with pytest.raises(RedisError):
            await client.get("x")
        assert 0 < len(greeted) <= 8
        assert not any(greeted)
        await operator.execute_command("ACL", "SETUSER", "default", "nopass")
        assert await client.get("x") is None


async def test_a_store_that_is_kept_busy_by_a_script_is_named_in_words(tmp_path):
    async with redis_at(tmp_path / "one") as one, connect(one.url) as client:
        await client.config_set("busy-reply-threshold", 1)
        async with from_url(one.url, socket_timeout=None) as other:
            busy = asyncio.create_task(other.eval("while true do end", 0))
            try:
                pulse = Pulse(client)
                await until(lambda: _feels(pulse, "it is busy with a script of somebody"))
            finally:
                await client.script_kill()
                with pytest.raises(ResponseError):
                    await busy
        await until(lambda: _feels(pulse, ""))


async def _feels(pulse, words):
    wrong = await pulse.feel()
    return wrong.startswith(words) and bool(wrong) == bool(words)
