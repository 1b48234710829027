"""How many shards a store has: fixed at its first use with several, and checked at each start."""

from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from core.errors import ConfigError
from core.store import keys
from core.store.connection import store_errors
from core.store.shards import Layout, home_of, text
from core.store.use import Use
from core.tenant_names import OWN

_layout = msgspec.json.Decoder(Layout)


async def layout_in(redis: Redis, shards: int, *, fixes: bool) -> Layout:
    """The layout of the store at *redis* (its shard 0), which must have so many *shards*.

    *fixes*: from now on it has them, if nothing was said before. Else it is told what it would be.

    Raises:
        ConfigError: it has another number of them, or cannot get that number now.
        StoreError: the store is away.
    """
    with store_errors():
        kept = await redis.get(keys.SHARDS)
    if kept is None and shards > 1:
        layout = Layout(shards, await _there_before(redis))
        if not fixes:
            return layout
        if await Use(redis).replicas():
            raise ConfigError(
                "SHARDS", "the store gets shards once no process runs on it: stop all, then start"
            )
        with store_errors():
            await redis.set(keys.SHARDS, msgspec.json.encode(layout), nx=True)
            # Another process may have been faster.
            kept = await redis.get(keys.SHARDS)
    try:
        layout = _layout.decode(kept) if kept is not None else Layout()
    except msgspec.MsgspecError:
        raise ConfigError("SHARDS", f"{keys.SHARDS} in the store cannot be read") from None
    if layout.count != shards:
        raise ConfigError(
            "SHARDS", f"is {shards}, but this store has {layout.count}, and that stays: set it so"
        )
    return layout


async def _there_before(redis: Redis) -> frozenset[str]:
    """The tenants of whom something is kept already."""
    with store_errors():
        found = set(map(text, await cast(Any, redis.hvals(keys.TENANTS))))
        async for name in redis.scan_iter(f"{keys.TAG}:*", count=1_000):
            found.add(home_of(text(name)))
    return frozenset(one for one in found if OWN in one)
