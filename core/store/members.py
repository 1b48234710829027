"""What admins decided about people and places, for all replicas."""

from collections.abc import Sequence
from typing import cast

import msgspec
from redis.asyncio import Redis

from core.people.roles import Member
from core.store import keys
from core.store.connection import store_errors
from core.store.values import read

_member = msgspec.json.Decoder(Member)


class SharedMembers:
    """The members of all tenants. Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def look(self, tenant: str, names: Sequence[str]) -> Sequence[Member | None]:
        """As `Members.look`. What cannot be read counts as not decided."""
        with store_errors():
            found = cast(
                list[bytes | None], await self._redis.hmget(keys.members(tenant), list(names))
            )
        return [None if raw is None else read(_member, raw, "store.members") for raw in found]
