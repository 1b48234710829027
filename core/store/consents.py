"""What people are asked to allow, what they decided, and what is always allowed in a place."""

from collections.abc import Awaitable
from typing import cast

from redis.asyncio import Redis

from core.messages import ConversationId
from core.store import keys
from core.store.connection import store_errors
from core.store.values import words

KEPT_S = 24 * 3600
"""A question that was not decided, and a decision, are kept for so long."""
BATCH = 20


class Consents:
    """All processes share them. Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def keep(self, token: str, raw: bytes, until: float) -> None:
        """Keep what goes on once the question of *token* is decided, or its time is over."""
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(keys.consent(token), raw, ex=KEPT_S)
                pipe.zadd(keys.LAPSES, {token: until})
                await pipe.execute()

    async def kept(self, token: str) -> bytes | None:
        with store_errors():
            return cast(bytes | None, await self._redis.get(keys.consent(token)))

    async def lapsed(self, now: float) -> list[str]:
        """Some questions whose time is over *now*, the oldest first. Some may be decided."""
        with store_errors():
            found = await self._redis.zrangebyscore(keys.LAPSES, "-inf", now, start=0, num=BATCH)
        return list(map(words, cast(list[bytes], found)))

    async def forget_lapse(self, token: str) -> None:
        with store_errors():
            await self._redis.zrem(keys.LAPSES, token)

    async def decided(self, token: str) -> bool:
        with store_errors():
            return bool(await self._redis.exists(keys.decided(token)))

    async def decide(self, token: str, event_id: str) -> bool:
        """Whether the press with *event_id* decides the question: it is the first one."""
        key = keys.decided(token)
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(key, event_id, nx=True, ex=KEPT_S)
                pipe.get(key)
                *_, first = await pipe.execute()
        return words(first) == event_id

    async def allow(self, place: ConversationId, tool: str) -> None:
        """Let *tool* be used in *place* without a question."""
        with store_errors():
            await self._redis.sadd(keys.always(place), tool)

    async def allowed(self, place: ConversationId) -> frozenset[str]:
        """The tools that are used in *place* without a question."""
        with store_errors():
            found = await cast(Awaitable[set[bytes]], self._redis.smembers(keys.always(place)))
        return frozenset(map(words, found))

    async def ask_again(self, place: ConversationId, tool: str) -> bool:
        """Take back what `allow` said of *tool*. Returns whether it was allowed."""
        with store_errors():
            removed = await self._redis.srem(keys.always(place), tool)
        return bool(removed)
