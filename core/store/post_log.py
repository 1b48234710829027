"""Post logs: the posts of a platform that keeps no posts itself (see `core.lent.PostLog`)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from redis.asyncio import Redis

from core.border import set_aside
from core.store import keys
from core.store.connection import store_errors
from core.store.pubsub import PubSub

_COUNTER = b"n"


class RedisPostLog:
    """Each log is a hash. A channel of the same name tells each change."""

    def __init__(self, redis: Redis, pubsub: PubSub, ttl_s: int) -> None:
        self._redis = redis
        self._pubsub = pubsub
        self._ttl_s = ttl_s

    async def put(self, log_name: str, value: bytes, key: int | None = None) -> int:
        name = keys.board(log_name)
        with store_errors():
            new = key is None
            if key is None:
                key = int(await self._redis.hincrby(name, _COUNTER.decode(), 1))
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hset(name, str(key), value)
                pipe.publish(name, b"%d " % key + value)
                if new:  # A post that grows changes often, and soon after it was made.
                    pipe.expire(name, self._ttl_s)
                await pipe.execute()
        return key

    async def get(self, log_name: str, key: int) -> bytes | None:
        with store_errors():
            return cast(bytes | None, await self._redis.hget(keys.board(log_name), str(key)))

    async def remove(self, log_name: str, key: int) -> None:
        name = keys.board(log_name)
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hdel(name, str(key))
                pipe.publish(name, b"%d" % key)
                await pipe.execute()

    async def read(self, log_name: str) -> list[tuple[int, bytes]]:
        with store_errors():
            values = cast(dict[bytes, bytes], await self._redis.hgetall(keys.board(log_name)))
        return sorted(
            (at, value)
            for key, value in values.items()
            if key != _COUNTER and (at := place_in(key)) is not None
        )

    async def keys(self, log_name: str) -> list[int]:
        with store_errors():
            names = cast(list[bytes], await self._redis.hkeys(keys.board(log_name)))
        return sorted(
            at for name in names if name != _COUNTER and (at := place_in(name)) is not None
        )

    @asynccontextmanager
    async def watch(self, log_name: str) -> AsyncIterator[AsyncIterator[tuple[int, bytes | None]]]:
        async with self._pubsub.listen(keys.board(log_name)) as messages:
            yield _changes(messages)


async def _changes(messages: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes | None]]:
    async for message in messages:
        key, space, value = message.partition(b" ")
        if (at := place_in(key)) is not None:
            yield at, value if space else None


def place_in(key: bytes) -> int | None:
    if key.isdigit() and len(key) < 20:
        return int(key)
    set_aside("store.board", "not a place of a post")
    return None
