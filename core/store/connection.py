"""The connection to Redis or Valkey. Its errors become our own."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib import resources
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError, ResponseError

from core.errors import ConfigError, StoreError
from core.secret import shown_url
from core.store.address import StoreAddress, read_address
from core.store.following import (
    ClusterSlot,
    Finder,
    FollowingConnection,
    FollowingPool,
    FollowingTlsConnection,
    SentinelGroup,
    asking,
)
from core.store.keys import TAG
from core.store.repairing import RepairingRedis
from core.store.sharded import shard_for, spread
from core.store.shards import Layout
from core.store.values import is_wrong_type, put_aside

POOL_CONNECTIONS = 32
"""A worker needs one for its blocking read and a few for scripts. In the bench, 32 were enough."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the client's errors into `StoreError`.

    The client may swallow a cancellation: it sends within `wait_for`, and on Python 3.11
    `wait_for` forgets the cancellation if the result is there. It is raised here then.
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
    """The Lua text of the script *name*, after the prelude that all scripts share."""
    lua = resources.files("core.store").joinpath("lua")
    parts = ("prelude", *SHARED.get(name, ()), name)
    return "".join(lua.joinpath(f"{part}.lua").read_text("utf-8") for part in parts)


SHARED: Mapping[str, Sequence[str]] = {
    "commit": ("history", "bill"),
    "load": ("branch",),
    **dict.fromkeys(("move", "reserve", "unhold", "book"), ("bill",)),
}
"""What stands before a script besides the prelude."""


def script(redis: Redis, name: str) -> AsyncScript:
    """The Lua script *name* of this folder, loaded on first use."""
    return _Script(redis, name)


NOT_TWICE = ("commit", "move")
"""Scripts that must not run again after an error, because part of their changes is made. They need
no second run: `load` has checked the types of their keys."""
OF_EACH_KEY = ("swap", "spent", "count")
"""Scripts that do the same with each of their keys. The others name one more, which nobody writes:
so a cluster does not begin them while it moves our slot, when some keys are here and some are not.
Otherwise a script that empties a hash, and then writes to it, would fail in its middle."""
WHOLE = f"{TAG}:whole"


class _Script(AsyncScript):
    """A script. If a key has a wrong type, the key is put aside and the script runs again."""

    def __init__(self, redis: Redis, name: str) -> None:
        super().__init__(redis, source(name))
        self._redis, self._name = redis, name

    async def __call__(
        self, keys: Any = None, args: Any = None, client: Any = None, **more: Any
    ) -> Any:
        named = [*keys, WHOLE] if len(keys) > 1 and self._name not in OF_EACH_KEY else keys
        try:
            return await super().__call__(named, args, client, **more)
        except ResponseError as error:
            if self._name in NOT_TWICE or not is_wrong_type(error):
                raise
        await put_aside(shard_for(self._redis, keys), keys)
        return await super().__call__(named, args, client, **more)


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Redis]:
    """A client of the server at *url*; of the primary, if a cluster or Sentinels are there.

    The shapes of *url* are those of `core.store.address.read_address`.

    Raises:
        ConfigError: nothing answers there, or it is too old.
    """
    address = read_address(url)
    try:
        with store_errors():
            pool = await _pool(address)
            redis = RepairingRedis(connection_pool=pool)
            try:
                version = str((await redis.info("server"))["redis_version"])
            except BaseException:
                await redis.aclose()
                await pool.disconnect()
                raise
    except StoreError as error:
        raise ConfigError("REDIS_URL", f"no Redis answers at {shown_url(url)} ({error})") from error
    try:
        if tuple(int(part) for part in version.split(".")[:2]) < (6, 2):
            raise ConfigError("REDIS_URL", f"Redis {version} is too old: 6.2 or newer is needed")
        yield redis
    finally:
        await redis.aclose()
        await pool.disconnect()


@asynccontextmanager
async def connect_all(first: Redis, url: str, layout: Layout) -> AsyncIterator[Redis]:
    """A client of all shards that the store at *url* has; *first* is that of shard 0."""
    try:
        async with spread(first, layout, partial(_pool, read_address(url))) as redis:
            yield redis
    except RedisError as error:
        raise ConfigError("REDIS_URL", f"no Redis answers at {shown_url(url)} ({error})") from error


async def _pool(address: StoreAddress, shard: int = 0) -> BlockingConnectionPool:
    """Connections to the primary of *address* that holds *shard*.

    Raises:
        RedisError: no server answers.
    """
    if not address.hosts:
        return _connections(address.options)
    if address.group:
        finder: Finder = SentinelGroup(address.hosts, address.asking, address.group)
    elif await _is_cluster(address):
        finder = ClusterSlot(address.hosts, address.asking, shard)
    elif len(address.hosts) > 1:
        raise ConfigError("REDIS_URL", "names several servers, and they are no cluster")
    else:
        host, port = address.hosts[0]
        return _connections({**address.options, "host": host, "port": port})
    kind = FollowingTlsConnection if address.tls else FollowingConnection
    options = {**address.options, "connection_class": kind, "finder": finder}
    return _connections(options, FollowingPool)


async def _is_cluster(address: StoreAddress) -> bool:
    """Whether the first of the hosts that answers is a node of a cluster."""
    refused: RedisError | None = None
    for host in address.hosts:
        try:
            async with asking(host, address.asking) as client:
                server = await client.info("server")
        except RedisError as error:
            refused = error
            continue
        mode = server.get("redis_mode") or server.get("server_mode")
        if mode == "sentinel":
            raise ConfigError("REDIS_URL", "names a Sentinel: write redis+sentinel://host/name")
        return bool(mode == "cluster")
    raise refused or ConfigError("REDIS_URL", "names no server")


def _connections(
    options: Mapping[str, Any], kind: type[BlockingConnectionPool] = BlockingConnectionPool
) -> BlockingConnectionPool:
    usual: type[AbstractConnection] = options.get("connection_class", Connection)
    return kind(
        max_connections=POOL_CONNECTIONS,
        timeout=10,
        socket_connect_timeout=5,
        # Longer than our longest blocking read.
        socket_timeout=8,
        health_check_interval=15,
        # One more try on a fresh connection: our scripts may run twice.
        retry=Retry(NoBackoff(), 1),
        **{**options, "connection_class": type(usual.__name__, (_Greeting, usual), {})},
    )


class _Greeting(AbstractConnection):
    """Greets the server before anything else.

    On a Unix socket redis-py would try a fresh connection with a PING first. If the server refuses
    that (it is loading, or wants a password now), redis-py connects again within the PING, tries
    that connection with a PING too, twice, and so on: for minutes, in which nothing else runs.
    """

    async def on_connect_check_health(self, *_: Any, **__: Any) -> None:
        await super().on_connect_check_health(check_health=False)
