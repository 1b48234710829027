"""Restoring into another number of shards: each tenant goes where it belongs there, whole.

A key that names its tenant goes to that tenant's shard. What a shard has for all of its tenants
(questions set aside, the queue of reminders, costs by model) is put aside, and taken apart last.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from core.store import keys
from core.store.connection import store_errors
from core.store.reminder import reminder_in
from core.store.sharded import ShardedRedis, at_home, shards_of
from core.store.shards import home_of
from core.store.values import read_dead_letter, words
from core.tenant_names import home_tenant

_SHARED = (keys.DEAD, keys.REMINDERS, keys.DUE)
"""In this order they are taken apart: a reminder says whose it is, and its time does not."""
_BY_MODEL = keys.spent("model:")
_OURS = keys.seen("(")
"""Events that we made ourselves, such as a reminder that was told. They name no tenant."""


class Resharding:
    """Into the empty store *redis*. What is awaited raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._aside: list[tuple[str, str]] = []
        """The keys that were put aside, and as what."""
        self._homes: dict[str, str] = {}
        """Of which tenant each reminder is, by its id."""

    def places(self, name: str) -> Sequence[tuple[Redis, str]]:
        """The shards in which the key *name* of any shard is put, and as what."""
        if name == keys.SHARDS:
            return ()
        if name in _SHARED or name.startswith(_BY_MODEL):
            aside = f"{keys.TAG}:aside:{len(self._aside)}:{name}"
            self._aside.append((aside, name))
            return ((self._redis, aside),)
        if name.startswith(_OURS):
            return [(shard, name) for shard in shards_of(self._redis)]
        return ((at_home(self._redis, home_of(name)), name),)

    async def finish(self) -> None:
        """Take apart what was put aside, and keep how many shards there are."""
        first = {name: number for number, name in enumerate(_SHARED)}
        for aside, name in sorted(self._aside, key=lambda pair: first.get(pair[1], 0)):
            with store_errors():
                left_ms = await self._redis.pttl(aside)
                async for home, command, *args in self._parts(aside, name):
                    shard: Any = at_home(self._redis, home)
                    await shard.execute_command(command, name, *args)
                    if left_ms > 0:
                        await shard.pexpire(name, left_ms)
                await self._redis.delete(aside)
        if isinstance(self._redis, ShardedRedis):
            layout = msgspec.json.encode(self._redis.layout)
            with store_errors():
                await self._redis.set(keys.SHARDS, layout)

    async def _parts(self, aside: str, name: str) -> AsyncIterator[tuple[Any, ...]]:
        """For each entry of *aside*: whose it is, and the command with which it becomes theirs."""
        redis = cast(Any, self._redis)
        if name == keys.DEAD:
            for raw in await redis.lrange(aside, 0, -1):
                incoming = read_dead_letter(raw).incoming
                yield home_tenant(incoming.conversation) if incoming else "", "RPUSH", raw
        elif name == keys.REMINDERS:
            for id_, raw in (await redis.hgetall(aside)).items():
                reminder = reminder_in(raw)
                self._homes[words(id_)] = home_tenant(reminder.conversation) if reminder else ""
                yield self._homes[words(id_)], "HSET", id_, raw
        elif name == keys.DUE:
            for id_, at in await redis.zrange(aside, 0, -1, withscores=True):
                yield self._homes.get(words(id_), ""), "ZADD", at, id_
        else:
            for unit, much in (await redis.hgetall(aside)).items():
                yield "", "HINCRBYFLOAT", unit, much
