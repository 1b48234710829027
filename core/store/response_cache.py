"""The response cache in Redis: answers that may be given again, and what was learned of models."""

from collections.abc import Callable
from typing import cast

from redis.asyncio import Redis

from core.border import set_aside
from core.store import keys
from core.store.connection import store_errors


class RedisResponseCache:
    """See `core.models.cache.Memory`. *name* turns its keys into keys of the store."""

    def __init__(self, redis: Redis, name: Callable[[str], str] = keys.answer) -> None:
        self._redis = redis
        self._name = name

    async def recall(self, key: str) -> str:
        with store_errors():
            kept = cast(bytes | None, await self._redis.get(self._name(key)))
        try:
            return (kept or b"").decode()
        except UnicodeDecodeError as error:
            set_aside("store.answer", error)
            return ""

    async def keep(self, key: str, text: str, ttl_s: int) -> None:
        with store_errors():
            await self._redis.set(self._name(key), text, ex=ttl_s)
