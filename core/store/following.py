"""Following the primary: in a Sentinel group or a cluster, the server of our keys changes.

All keys of a shard lie in one slot (see `core.store.shards`), so that also in a cluster one server
has them all. A pool whose connections ask anew who that is, once a server says that it is not the
one any more, is all that the rest of the store needs: it stays the plain client of one server.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Connection, ConnectionPool, Redis, SSLConnection
from redis.crc import key_slot
from redis.exceptions import (
    ClusterDownError,
    MasterDownError,
    MovedError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as NotConnected

from core.store.address import Host
from core.store.shards import tag
from core.store.values import words
from core.telemetry import logger

log = logger(__name__)

ASK_S = 1.0
"""How long one server may take to say where the primary is. Then the next one is asked."""
GREET_S = 2.0
"""How long a new connection may take to be greeted."""

_NOT_PRIMARY = (ReadOnlyError, MovedError, ClusterDownError, MasterDownError)
_NOT_PRIMARY_CODES = ("NOREPLICAS", "UNBLOCKED")
"""Answers of a server that is the primary no more, or is cut off from the others."""


@asynccontextmanager
async def asking(host: Host, options: Mapping[str, Any]) -> AsyncIterator[Any]:
    """A client of *host* for one question."""
    pool = ConnectionPool(
        host=host[0],
        port=host[1],
        socket_timeout=ASK_S,
        socket_connect_timeout=ASK_S,
        **options,
    )
    client = Redis.from_pool(pool)
    try:
        yield client
    finally:
        await client.aclose()


class Finder(ABC):
    """Where the primary is. Remembers it until a connection finds out that it was wrong."""

    def __init__(self, hosts: Sequence[Host], options: Mapping[str, Any]) -> None:
        self._hosts = list(hosts)
        self._options = options
        self._found: Host | None = None
        self._last: Host | None = None
        self._lock = asyncio.Lock()

    async def primary(self) -> Host:
        """Raises:
        redis.exceptions.ConnectionError: nobody knows.
        """
        async with self._lock:
            if self._found is None:
                self._found = await self._ask_each()
                if self._last not in {None, self._found}:
                    log.warning("the store has another primary", address=_shown(self._found))
                self._last = self._found
            return self._found

    def stands(self, address: Host) -> bool:
        """Whether *address* is the last primary that we know of."""
        return self._last == address

    def lost(self, address: Host) -> None:
        """*address* is in doubt: the next connection asks, first those who were not asked now."""
        if self._found == address:
            self._found = None
            self._hosts.append(self._hosts.pop(0))

    async def _ask_each(self) -> Host:
        for host in tuple(self._hosts):
            try:
                async with asking(host, self._options) as client:
                    found = await self._ask(client)
            except (RedisError, OSError, TimeoutError):
                continue
            if found is not None:
                self._hosts.remove(host)
                self._hosts.insert(0, host)
                return found[0] or host[0], found[1]
        raise NotConnected(f"none of {len(self._hosts)} servers knows where the primary is")

    @abstractmethod
    async def _ask(self, client: Any) -> Host | None:
        """What the server of *client* says; an empty host is its own. None if it does not know."""


class SentinelGroup(Finder):
    """The primary that Sentinels watch under the name *group*.

    https://redis.io/docs/latest/develop/reference/sentinel-clients/
    """

    def __init__(self, hosts: Sequence[Host], options: Mapping[str, Any], group: str) -> None:
        super().__init__(hosts, options)
        self._group = group

    async def _ask(self, client: Any) -> Host | None:
        found: Any = await client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", self._group)
        return (words(found[0]), int(found[1])) if found else None


class ClusterSlot(Finder):
    """The primary of the slot that all keys of *shard* lie in.

    https://redis.io/docs/latest/commands/cluster-slots/
    """

    def __init__(self, hosts: Sequence[Host], options: Mapping[str, Any], shard: int) -> None:
        super().__init__(hosts, options)
        self._slot = key_slot(tag(shard).encode())

    async def _ask(self, client: Any) -> Host | None:
        client.response_callbacks.clear()  # What they make of it differs between versions.
        ranges: Any = await client.execute_command("CLUSTER SLOTS")
        served = [one for one in ranges if int(one[0]) <= self._slot <= int(one[1])]
        known = {(words(node[0]), int(node[1])) for one in ranges for node in one[2:] if node[0]}
        self._hosts.extend(sorted(known.difference(self._hosts)))
        return (words(served[0][2][0]), int(served[0][2][1])) if served else None


class FollowingConnection(Connection):
    """A connection to the primary, wherever it is at the time."""

    def __init__(self, *, finder: Finder, **options: Any) -> None:
        self._finder = finder
        super().__init__(**options)

    @property
    def stale(self) -> bool:
        """Whether this connection leads to an old primary."""
        return self.is_connected and not self._finder.stands(self._address)

    async def _connect(self) -> None:
        self.host, self.port = await self._finder.primary()
        try:
            await super()._connect()  # type: ignore[no-untyped-call]  # redis-py's own
        except (OSError, TimeoutError):
            self._finder.lost(self._address)
            raise

    async def on_connect_check_health(self, *args: Any, **options: Any) -> None:
        try:
            # A frozen server takes the connection, and says nothing.
            async with asyncio.timeout(GREET_S):
                await super().on_connect_check_health(*args, **options)
                # The documents of Sentinel ask for this: what a Sentinel says may be old.
                await self.send_command("ROLE", check_health=False)
                role = await self.read_response()
        except TimeoutError:
            raise NotConnected(f"{_shown(self._address)} does not greet") from None
        if words(role[0]) != "master":
            self._finder.lost(self._address)
            raise NotConnected("ReadOnlyError: the server is no primary")

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except ResponseError as error:
            try:
                self.judge(error)
            except NotConnected:
                await self.disconnect()
                raise
            raise
        except BaseException:
            # No answer: also if somebody waited no longer.
            self.doubt()
            raise

    def judge(self, error: ResponseError) -> None:
        """Raise the error that the client tries again, if *error* says: I am no primary."""
        if isinstance(error, _NOT_PRIMARY) or str(error).startswith(_NOT_PRIMARY_CODES):
            self.doubt()
            raise NotConnected(f"{type(error).__name__}: {error}") from error

    def doubt(self) -> None:
        """The server did not answer as a primary does: the next connection asks who it is."""
        self._finder.lost(self._address)

    @property
    def _address(self) -> Host:
        return self.host, self.port


class FollowingTlsConnection(FollowingConnection, SSLConnection):
    """The same with TLS."""


class FollowingPool(BlockingConnectionPool):
    """Of its connections, those to an old primary are made anew before they are used again."""

    async def ensure_connection(self, connection: Any) -> None:
        if connection.stale:
            await connection.disconnect()
        await super().ensure_connection(connection)


def _shown(host: Host) -> str:
    return f"{host[0]}:{host[1]}"
