"""One process at a time does something short, such as renewing a token that works only once."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

from redis.asyncio import Redis

from core.errors import StoreError
from core.store import keys
from core.store.connection import store_errors
from core.store.values import words

ASK_S = 0.1


@asynccontextmanager
async def alone(redis: Redis, what: str, most_s: int) -> AsyncIterator[None]:
    """Wait until nobody else does *what*, and keep others from it for the block.

    After *most_s* others no longer wait: then the process that did it is taken for dead.
    """
    name, owner = keys.lease(what), secrets.token_hex(8)
    while True:
        with store_errors():
            if await redis.set(name, owner, nx=True, ex=most_s):
                break
        await asyncio.sleep(ASK_S)
    try:
        yield
    finally:
        with suppress(StoreError), store_errors():
            if words(cast(bytes | None, await redis.get(name))) == owner:
                await redis.delete(name)
