"""Tasks whose result comes later, by a callback from outside.

All of it is in Redis. So a restart loses nothing, and any process can take the callback.
"""

import asyncio
import secrets
from typing import Literal, cast

from redis.asyncio import Redis

from core.images.callbacks import Task
from core.store import keys
from core.store.connection import script, store_errors
from core.store.pubsub import PubSub
from core.store.values import words

TTL_S = 24 * 3600


class Tasks:
    """Every method raises `StoreError`."""

    def __init__(self, redis: Redis, pubsub: PubSub) -> None:
        self._redis = redis
        self._pubsub = pubsub
        self._callback = script(redis, "callback")

    async def begin(self, name: str) -> Task:
        """The task *name*. Each try of the same turn gets the same task."""
        key = keys.task(name)
        token = secrets.token_urlsafe(32)
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hsetnx(key, "token", token)
                pipe.expire(key, TTL_S)
                pipe.hmget(key, "token", "id")
                new, _, (kept, task_id) = await pipe.execute()
            if new:
                await self._redis.set(keys.callback(token), "", ex=TTL_S)
        return Task(words(kept), words(task_id))

    async def name(self, name: str, task_id: str) -> None:
        """Keep the provider's id of the task."""
        with store_errors():
            await self._redis.hset(keys.task(name), "id", task_id)

    async def forget(self, name: str) -> None:
        """Forget the task: the next `begin` makes a new one. A late callback is then unknown."""
        with store_errors():
            token = cast(bytes | None, await self._redis.hget(keys.task(name), "token"))
            if token is not None:
                await self._redis.delete(keys.task(name), keys.callback(words(token)))

    async def tell(self, token: str, message: bytes) -> Literal["kept", "again", "unknown"]:
        """Keep the *message* of a callback: only the first one, and only for a known *token*."""
        with store_errors():
            verdict = await self._callback(keys=[keys.callback(token)], args=[message, TTL_S])
        return "kept" if verdict == 1 else "again" if verdict == 0 else "unknown"

    async def known(self, token: str) -> bool:
        """Whether a callback with *token* is expected, or has come."""
        with store_errors():
            return bool(await self._redis.exists(keys.callback(token)))

    async def wait(self, token: str, seconds: float) -> bytes:
        """The message of the callback, or nothing after *seconds*."""
        key = keys.callback(token)
        async with self._pubsub.listen(key) as messages:
            message = await self._message(key)
            if not message:
                try:
                    async with asyncio.timeout(seconds):
                        await anext(messages)
                except TimeoutError:
                    return b""
                message = await self._message(key)
        return message

    async def _message(self, key: str) -> bytes:
        with store_errors():
            return cast(bytes | None, await self._redis.get(key)) or b""
