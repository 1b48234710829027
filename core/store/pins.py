"""What was first seen of each tool of a server (see `core.tools.servers.Pins`)."""

from collections.abc import Mapping
from typing import cast

from redis.asyncio import Redis

from core.store import keys
from core.store.connection import store_errors
from core.store.values import words


class SharedPins:
    """One hash: a digest for each tool. All processes share it, and it outlives them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def pin(self, seen: Mapping[str, str]) -> Mapping[str, str]:
        if not seen:
            return {}
        names = list(seen)
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                for name, digest in seen.items():
                    pipe.hsetnx(keys.TOOL_PINS, name, digest)
                pipe.hmget(keys.TOOL_PINS, names)
                *_, kept = await pipe.execute()
        return dict(zip(names, map(words, cast(list[bytes | None], kept)), strict=True))

    async def accept(self, seen: Mapping[str, str]) -> None:
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                for name, digest in seen.items():
                    pipe.hset(keys.TOOL_PINS, name, digest)
                await pipe.execute()
