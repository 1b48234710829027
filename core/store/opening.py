"""Opening the store that the settings name."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from core.store.connection import connect
from core.store.embedded import embedded


@asynccontextmanager
async def opened(url: str, data_dir: Path) -> AsyncIterator[Redis]:
    """A client of the server at *url*; of the embedded one in *data_dir* if *url* is empty.

    Raises:
        ConfigError: it cannot be opened.
    """
    async with AsyncExitStack() as stack:
        where = url or await stack.enter_async_context(embedded(data_dir))
        yield await stack.enter_async_context(connect(where))
