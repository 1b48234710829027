"""Which shards answer: who shows all tenants shows those that are there, and names the others."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from core.errors import StoreError
from core.store.connection import store_errors
from core.store.sharded import at_home, shards_of

AWAY_S = 2.0
"""A shard that says nothing for so long is away."""


class Living(NamedTuple):
    """The *shards* that answer, those of the *tenants* asked for that are in them, and what is
    *away*: the other tenants, and each other shard that has none of them.
    """

    shards: Sequence[Redis]
    tenants: Sequence[str]
    away: Sequence[str]


async def living(redis: Redis, tenants: Sequence[str] = ()) -> Living:
    """What can be looked at now. With one shard nobody is asked: the look itself will tell."""
    shards = shards_of(redis)
    if len(shards) == 1:
        return Living(shards, tenants, ())
    answers = await asyncio.gather(*map(_answers, shards))
    there = [shard for shard, answer in zip(shards, answers, strict=True) if answer]
    home = {one: at_home(redis, one) for one in tenants}
    away = [one for one in tenants if home[one] not in there]
    away += [
        f"shard {number}"
        for number, shard in enumerate(shards)
        if shard not in there and shard not in home.values()
    ]
    return Living(there, [one for one in tenants if home[one] in there], away)


async def _answers(shard: Redis) -> bool:
    with suppress(StoreError, TimeoutError), store_errors():
        async with asyncio.timeout(AWAY_S):
            return bool(await cast(Any, shard.ping()))
    return False
