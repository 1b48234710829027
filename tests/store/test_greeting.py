"""A server that refuses its clients at once, such as one that wants a password now."""

import pytest
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from core.store.connection import connect
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
