"""Answers that may be given again for a while."""

from typing import cast

from redis.asyncio import Redis

from core.border import set_aside
from core.store import keys
from core.store.connection import store_errors


class RedisAnswers:
    """See `core.models.cache.Memory`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def recall(self, key: str) -> str:
        with store_errors():
            kept = cast(bytes | None, await self._redis.get(keys.answer(key)))
        try:
            return (kept or b"").decode()
        except UnicodeDecodeError as error:
            set_aside("store.answer", error)
            return ""

    async def keep(self, key: str, text: str, ttl_s: int) -> None:
        with store_errors():
            await self._redis.set(keys.answer(key), text, ex=ttl_s)
