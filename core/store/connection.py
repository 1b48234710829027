"""A connection to Redis or Valkey, and its errors in our own words."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import resources
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError, ResponseError

from core.errors import ConfigError, StoreError
from core.secret import shown_url
from core.store.values import is_wrong_type, put_aside

POOL_CONNECTIONS = 32
"""Each worker needs one for its blocking read and a few for scripts; 32 never queued in bench."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what the client raises into `StoreError`.

    A cancellation that the client swallowed is raised here: it sends within `wait_for`,
    which on Python 3.11 returns a result that is there, and forgets to cancel.
    """
    task = asyncio.current_task()
    cancelling = task.cancelling() if task is not None else 0
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreError(f"{type(error).__name__}: {error}") from error
    if task is not None and task.cancelling() > cancelling:
        raise asyncio.CancelledError


def source(name: str) -> str:
    """The Lua of the script *name*, with what all scripts share before it."""
    lua = resources.files("core.store").joinpath("lua")
    parts = ("prelude", "history", name) if name == "commit" else ("prelude", name)
    return "".join(lua.joinpath(f"{part}.lua").read_text("utf-8") for part in parts)


def script(redis: Redis, name: str) -> AsyncScript:
    """The Lua script *name* of this folder, loaded on first use."""
    return redis.register_script(source(name)) if name in NOT_TWICE else _Script(redis, name)


NOT_TWICE = ("commit", "move")
"""What they did before they failed must not be done again: they find what `load` left in order."""


class _Script(AsyncScript):
    """Run once more when a key held another type than ours, which is put aside first."""

    def __init__(self, redis: Redis, name: str) -> None:
        super().__init__(redis, source(name))
        self._redis = redis

    async def __call__(
        self, keys: Any = None, args: Any = None, client: Any = None, **more: Any
    ) -> Any:
        try:
            return await super().__call__(keys, args, client, **more)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
        await put_aside(self._redis, keys)
        return await super().__call__(keys, args, client, **more)


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Redis]:
    """A client of the server at *url* (`redis://`, `rediss://` or `unix://`).

    Raises:
        ConfigError: nothing answers there, or it is too old.
    """
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=POOL_CONNECTIONS,
            timeout=10,
            socket_connect_timeout=5,
            # Longer than any blocking read of ours.
            socket_timeout=8,
            health_check_interval=15,
            # Once more, at once, on a fresh connection: each script of ours may run twice.
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError:
        # Its words may quote what it took for a port: a part of the password.
        raise ConfigError("REDIS_URL", "is no redis://, rediss:// or unix:// address") from None
    redis = Redis(connection_pool=pool)
    try:
        try:
            with store_errors():
                version = str((await redis.info("server"))["redis_version"])
        except StoreError as error:
            raise ConfigError(
                "REDIS_URL", f"no Redis answers at {shown_url(url)} ({error})"
            ) from error
        if tuple(int(part) for part in version.split(".")[:2]) < (6, 2):
            raise ConfigError("REDIS_URL", f"Redis {version} is too old: 6.2 or newer is needed")
        yield redis
    finally:
        await redis.aclose()
        await pool.disconnect()
