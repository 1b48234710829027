"""Opening the store that the settings name."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis

from core.errors import ConfigError, StoreError
from core.store.connection import connect, connect_all
from core.store.embedded import embedded
from core.store.layout import layout_in
from core.store.use import Use


@asynccontextmanager
async def opened(
    url: str, data_dir: Path, shards: int = 1, *, serves: str = ""
) -> AsyncIterator[Redis]:
    """A client of the server at *url*; of the embedded one in *data_dir* if *url* is empty.

    *shards*, *serves*: as `layout_in` takes them.

    Raises:
        ConfigError: it cannot be opened, or has another number of shards.
    """
    async with AsyncExitStack() as stack:
        where = url or await stack.enter_async_context(embedded(data_dir))
        redis = await stack.enter_async_context(connect(where))
        try:
            if serves:
                stack.push_async_callback(_gone, redis, serves)
            layout = await layout_in(redis, shards, serves=serves)
        except StoreError as error:
            raise ConfigError("REDIS_URL", str(error)) from error
        if layout.count > 1:
            redis = await stack.enter_async_context(connect_all(redis, where, layout))
        yield redis


async def _gone(redis: Redis, name: str) -> None:
    """The process *name* does not run any more."""
    with suppress(StoreError):
        await Use(redis).leave(name)
