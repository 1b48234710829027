"""Maintenance: while it lasts, people's questions are not taken, and they are told so."""

import time
from typing import cast

from redis.asyncio import Redis

from core.messages import Incoming
from core.people.roles import Role
from core.store import keys
from core.store.connection import store_errors
from core.store.values import words

LOOK_AGAIN_S = 2.0


class Maintenance:
    """All processes share it, and see a change within `LOOK_AGAIN_S`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._on = False
        self._looked_at = -LOOK_AGAIN_S

    async def read(self) -> str:
        """Who began it; empty if there is none. Raises `StoreError`."""
        with store_errors():
            by = words(cast(bytes | None, await self._redis.get(keys.MAINTENANCE)))
        self._on, self._looked_at = bool(by), time.monotonic()
        return by

    async def stops(self, incoming: Incoming, role: Role) -> bool:
        """Whether it stops *incoming*. Raises `StoreError`.

        Who could end it may go on, and what runs may be stopped or taken back.
        """
        if role >= Role.ADMIN or incoming.deleted or incoming.command == "stop":
            return False
        if time.monotonic() - self._looked_at > LOOK_AGAIN_S:
            await self.read()
        return self._on

    async def set(self, by: str) -> bool:
        """Begin it; with an empty *by*, end it. False: it is so already. Raises `StoreError`."""
        with store_errors():
            if by:
                changed = bool(await self._redis.set(keys.MAINTENANCE, by, nx=True))
            else:
                changed = bool(await self._redis.delete(keys.MAINTENANCE))
        await self.read()
        return changed
