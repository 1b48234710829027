"""The secret of this deployment: made once, and the same in all processes and after a restart."""

import secrets
import time
from typing import cast

from redis.asyncio import Redis

from core.store import keys
from core.store.connection import store_errors

LOOK_AGAIN_S = 30.0
"""A process looks for a replaced secret this often."""


class SharedSecret:
    """The secret that signs the sessions of the chat page. Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._value = ""
        self._read_at = 0.0

    async def value(self) -> str:
        """The secret. The first process that asks makes it."""
        if not self._value or time.monotonic() - self._read_at > LOOK_AGAIN_S:
            with store_errors():
                await self._redis.set(keys.SECRET, secrets.token_hex(32), nx=True)
                self._value = cast(bytes, await self._redis.get(keys.SECRET)).decode()
            self._read_at = time.monotonic()
        return self._value

    async def replace(self) -> None:
        """Make a new secret. Everything that the old one signed becomes invalid."""
        with store_errors():
            await self._redis.set(keys.SECRET, secrets.token_hex(32))
        self._value = ""
