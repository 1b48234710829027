"""How many shards a store has: fixed at its first use with several, and checked at each start."""

import time
from contextlib import suppress
from typing import Any, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError, WatchError

from core import __version__
from core.errors import ConfigError
from core.store import keys
from core.store.connection import store_errors
from core.store.shards import Layout, home_of, text
from core.store.use import Told, Use
from core.tenant_names import OWN

_layout = msgspec.json.Decoder(Layout)


async def layout_in(redis: Redis, shards: int, *, serves: str) -> Layout:
    """The layout of the store at *redis* (its shard 0), which must have so many *shards*.

    *serves*: the name of the process that is going to use it. From now on the store has them, if
    nothing was said before. If it is empty, somebody only looks, and is told what it would be.

    Raises:
        ConfigError: it has another number of them, or cannot get that number now.
        StoreError: the store is away.
    """
    with store_errors():
        if serves and shards == 1:
            kept = await _announced(redis, serves)
        else:
            kept = cast(bytes | None, await redis.get(keys.SHARDS))
    if kept is None and shards > 1:
        if not serves:
            return Layout(shards, await _there_before(redis))
        kept = await _fixed(redis, shards)
    try:
        layout = _layout.decode(kept) if kept is not None else Layout()
    except msgspec.MsgspecError:
        raise ConfigError("SHARDS", f"{keys.SHARDS} in the store cannot be read") from None
    if layout.count != shards:
        raise ConfigError(
            "SHARDS", f"is {shards}, but this store has {layout.count}, and that stays: set it so"
        )
    return layout


async def _announced(redis: Redis, name: str) -> bytes | None:
    """The layout that is kept. In the same step, the process *name* is one of those that run.

    So of two that begin at once, one without and one with several shards, one sees the other.
    """
    told = Told(name, time.time(), time.time(), __version__, 0, 0, (0.0, 0.0))
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hset(keys.REPLICAS, name, msgspec.json.encode(told))
        pipe.get(keys.SHARDS)
        with suppress(ResponseError):
            _, kept = await pipe.execute()
            return cast(bytes | None, kept)
    # It takes no writes now, so nobody can choose a number either. `/readyz` says why it does not.
    return cast(bytes | None, await redis.get(keys.SHARDS))


async def _fixed(redis: Redis, shards: int) -> bytes:
    """The layout that is kept from now on: one of so many *shards*, unless another was faster."""
    while True:
        async with redis.pipeline(transaction=True) as pipe:
            with store_errors():
                await pipe.watch(keys.REPLICAS, keys.SHARDS)
            if await Use(redis).replicas():
                raise ConfigError(
                    "SHARDS",
                    "the store gets shards once no process runs on it: stop all, then start",
                )
            layout = msgspec.json.encode(Layout(shards, await _there_before(redis)))
            with store_errors():
                if (kept := cast(bytes | None, await pipe.get(keys.SHARDS))) is not None:
                    return kept
                cast(Any, pipe).multi()
                pipe.set(keys.SHARDS, layout)
                with suppress(WatchError):
                    await pipe.execute()
                    return layout


async def _there_before(redis: Redis) -> frozenset[str]:
    """The tenants of whom something is kept already."""
    with store_errors():
        found = set(map(text, await cast(Any, redis.hvals(keys.TENANTS))))
        async for name in redis.scan_iter(f"{keys.TAG}:*", count=1_000):
            found.add(home_of(text(name)))
    return frozenset(one for one in found if OWN in one)
