"""The client of a store with several shards (see `core.store.shards`).

It is used like the client of one: each command goes to the shard that its keys name. Keys that name
no tenant go along with those that do; a command that names none is for shard 0. Commands that ask
for something in each shard are given to `shards_of`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from core.store.line import Answer, Command, Line
from core.store.repairing import RepairingPipeline, RepairingRedis
from core.store.shards import (
    ANY_NUMBER,
    Layout,
    everywhere,
    home_of,
    homes_in,
    names_at,
    placed,
    read_answer,
    text,
)

OpenPool = Callable[[int], Awaitable[ConnectionPool]]


def shards_of(redis: Redis) -> Sequence[Redis]:
    """A client of each shard of *redis*, for which all keys are in that shard."""
    return redis.shards if isinstance(redis, ShardedRedis) else (redis,)


def at_home(redis: Redis, name: str) -> Redis:
    """The client of the shard of the tenant that *name* (its own, or an id in it) begins with."""
    if not isinstance(redis, ShardedRedis):
        return redis
    return redis.shards[redis.layout.shard_of(name.partition(":")[0])]


def spreads(redis: Redis, tenant: str) -> bool:
    """Whether *tenant* may be in any of several shards of *redis*."""
    return isinstance(redis, ShardedRedis) and redis.layout.spreads(tenant)


def together(redis: Redis, names: Iterable[str]) -> Mapping[Redis, list[str]]:
    """The keys *names*, by the clients of their shards."""
    if not isinstance(redis, ShardedRedis):
        return {redis: [*names]}
    found: dict[Redis, list[str]] = {}
    for name in names:
        found.setdefault(at_home(redis, home_of(name)), []).append(name)
    return found


def shard_for(redis: Redis, names: Sequence[str]) -> Redis:
    """The client of the shard in which a script changes the keys *names*."""
    if not isinstance(redis, ShardedRedis):
        return redis
    return redis.shards[redis.shard_of(("EVALSHA", "", len(names), *names))]


@asynccontextmanager
async def spread(first: Redis, layout: Layout, open_pool: OpenPool) -> AsyncIterator[Redis]:
    """A client of all shards of *layout*.

    *first*: the client of shard 0. *open_pool* gives the connections to another one.
    """
    async with AsyncExitStack() as stack:
        clients = [first]
        for shard in range(1, layout.count):
            pool = await open_pool(shard)
            stack.push_async_callback(pool.disconnect)
            clients.append(_OneShard(pool, shard))
            stack.push_async_callback(clients[-1].aclose)
        yield ShardedRedis(layout, clients)


class ShardedRedis(Redis):
    """All *shards*. News goes through shard 0: a cluster's servers tell them to each other."""

    def __init__(self, layout: Layout, shards: Sequence[Redis]) -> None:
        super().__init__(connection_pool=shards[0].connection_pool)
        self.layout, self.shards = layout, shards

    def shard_of(self, *commands: Sequence[Any]) -> int:
        """In which shard the keys of *commands* are.

        Raises:
            ValueError: in several.
        """
        homes = set[str]().union(*map(homes_in, commands))
        found = {self.layout.shard_of(home) for home in homes}
        if len(found) > 1:
            raise ValueError(f"{commands[0][0]}: tenants of several shards: {sorted(homes)}")
        return found.pop() if found else 0

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "SCAN":
            return await self._scan(args, options)
        if args[0] == "SCRIPT LOAD":
            return await self._everywhere(args, options)
        if args[0] in ANY_NUMBER and len(args) > 2:
            each = [self.execute_command(*piece, **options) for piece in _pieces(args)]
            return sum(await asyncio.gather(*each))
        return await self._at(self.shard_of(args), args, options)

    async def _at(self, shard: int, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        return await cast(Any, self.shards[shard]).execute_command(*args, **options)

    async def _everywhere(self, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """The answer of any shard. One that is away will be asked again when it is needed."""
        asked = [self._at(shard, args, options) for shard in range(len(self.shards))]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        found = [one for one in answers if not isinstance(one, BaseException)]
        if not found:
            raise next(one for one in answers if isinstance(one, BaseException))
        return found[0]

    async def _scan(self, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """A piece of one shard, or of all, one after the other: the cursor holds which is next."""
        pattern = next((text(args[at]) for at in names_at(args)), "")
        if not everywhere(pattern):
            return await self._at(self.shard_of(args), args, options)
        cursor, shard = divmod(int(args[1]), len(self.shards))
        after, names = await self._at(shard, (args[0], cursor, *args[2:]), options)
        if after:
            return after * len(self.shards) + shard, names
        return (shard + 1) % len(self.shards), names

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT002 - as redis-py has it
        return _ShardedPipeline(self, transaction, shard_hint)


class _ShardedPipeline(Pipeline):
    """A transaction is in one shard. Other commands go to theirs, side by side."""

    def __init__(self, client: ShardedRedis, transaction: bool, shard_hint: str | None) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self._sharded = client

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT002 - as redis-py has it
        if self.watching or not self.command_stack:
            # What the deployment keeps: its connection is one to shard 0.
            return await super().execute(raise_on_error)
        commands, self.command_stack = list(self.command_stack), []
        if self.is_transaction:
            shard = self._sharded.shard_of(*(args for args, _ in commands))
            async with self._sharded.shards[shard].pipeline(transaction=True) as pipe:
                pipe.command_stack = commands
                return await pipe.execute(raise_on_error)
        found = await self._each(commands)
        if raise_on_error:
            self.raise_first_error(commands, found)
        return found

    async def _each(self, commands: Sequence[tuple[Sequence[Any], Any]]) -> list[Any]:
        """The answers to *commands*, in order; a `ResponseError` for one that failed."""
        pieces = [
            (at, (piece, options))
            for at, (args, options) in enumerate(commands)
            for piece in _pieces(args)
        ]
        parts: dict[int, list[tuple[int, Any]]] = {}
        for at, command in pieces:
            parts.setdefault(self._sharded.shard_of(command[0]), []).append((at, command))
        answers = await asyncio.gather(
            *(self._part(shard, [one for _, one in part]) for shard, part in parts.items())
        )
        found: dict[int, Any] = {}
        for part, some in zip(parts.values(), answers, strict=True):
            for (at, (args, _)), one in zip(part, some, strict=True):
                failed = isinstance(one, ResponseError) or isinstance(found.get(at), ResponseError)
                summed = args[0] in ANY_NUMBER and not failed
                found[at] = found.get(at, 0) + one if summed else one
        return [found[at] for at in range(len(commands))]

    async def _part(self, shard: int, commands: list[Any]) -> list[Any]:
        async with self._sharded.shards[shard].pipeline(transaction=False) as pipe:
            pipe.command_stack = commands
            return await pipe.execute(raise_on_error=False)


def _pieces(args: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """The command *args*, or one for each of its keys if they may be in several shards."""
    return [(args[0], name) for name in args[1:]] if args[0] in ANY_NUMBER else [args]


class _OneShard(RepairingRedis):
    """The client of a shard that is not the first: its keys have another tag."""

    def __init__(self, pool: ConnectionPool, shard: int) -> None:
        super().__init__(connection_pool=pool)
        self.shard = shard
        self._line = _OneShardLine(pool, shard)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        return read_answer(args, await super().execute_command(*args, **options))

    async def _blocking(self, *args: Any, **options: Any) -> Any:
        return await super()._blocking(*placed(args, self.shard), **options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT002 - as redis-py has it
        return _OneShardPipeline(self, transaction, shard_hint)


class _OneShardLine(Line):
    def __init__(self, pool: ConnectionPool, shard: int) -> None:
        super().__init__(pool)
        self._shard = shard

    async def ask(self, commands: Sequence[Command]) -> list[Answer]:
        return await super().ask([placed(one, self._shard) for one in commands])


class _OneShardPipeline(RepairingPipeline):
    async def _execute_transaction(
        self, connection: Any, commands: Any, raise_on_error: bool
    ) -> Any:
        shard = self._client.shard
        there: Any = [(placed(args, shard), options) for args, options in commands]
        return await super()._execute_transaction(connection, there, raise_on_error)
