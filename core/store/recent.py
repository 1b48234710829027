"""Recent messages (see `core.lent.Recent`)."""

from collections.abc import Sequence
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from core.store import keys
from core.store.connection import store_errors

RECENT_S = 300
"""How long an edit may still add our name to a message, so that its pieces become ours."""
MOST = 40


class SharedRecent:
    """A short list for each name. It is soon forgotten."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def look(self, name: str, value: bytes = b"") -> Sequence[bytes]:
        key = keys.gesture(name)
        with store_errors():
            if not value:
                return cast(list[bytes], await self._redis.lrange(key, 0, -1))
            async with self._redis.pipeline(transaction=True) as pipe:
                _add(pipe, key, value)
                pipe.lrange(key, 0, -1)
                *_, found = await pipe.execute()
        return cast(list[bytes], found)

    async def keep(self, name: str, value: bytes) -> None:
        """Keep *value* as `look` does. Raises `StoreError`."""
        key = keys.gesture(name)
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                _add(pipe, key, value)
                await pipe.execute()


def _add(pipe: Pipeline, key: str, value: bytes) -> None:
    pipe.rpush(key, value)
    pipe.ltrim(key, -MOST, -1)
    pipe.expire(key, RECENT_S)
