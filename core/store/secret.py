"""The secret of this deployment: made once, the same in every process and after a restart."""

import secrets
import time
from typing import cast

from redis.asyncio import Redis

from core.store import keys
from core.store.connection import store_errors

LOOK_AGAIN_S = 30.0
"""So long a process may go on with a secret that was replaced meanwhile."""


class SharedSecret:
    """What signs the sessions of the chat page. Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._value = ""
        self._read_at = 0.0

    async def value(self) -> str:
        """The secret; the first one to ask makes it."""
        if not self._value or time.monotonic() - self._read_at > LOOK_AGAIN_S:
            with store_errors():
                await self._redis.set(keys.SECRET, secrets.token_hex(32), nx=True)
                self._value = cast(bytes, await self._redis.get(keys.SECRET)).decode()
            self._read_at = time.monotonic()
        return self._value

    async def replace(self) -> None:
        """Make another one: whatever the old one signed is void."""
        with store_errors():
            await self._redis.set(keys.SECRET, secrets.token_hex(32))
        self._value = ""
