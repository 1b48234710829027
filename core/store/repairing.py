"""A client of Redis whose commands do not fail for ever because of what stands in one key.

Another program, or another version, may have left a key of another type, or a number that is none.
A question that is put into the inbox touches such keys too; if it failed because of them, nobody
else's question would get past it. So the key is put aside, or the number dropped, and the command
runs once more. Scripts do the same for themselves (`right_types` and `add` in `prelude.lua`).
"""

from collections.abc import Sequence
from typing import Any, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.client import EMPTY_RESPONSE, NEVER_DECODE
from redis.exceptions import ResponseError

from core.border import set_aside
from core.store import keys
from core.store.line import Line
from core.store.values import is_wrong_type, put_aside, words

_COUNTS = ("HINCRBY", "HINCRBYFLOAT")
_NO_NUMBER = ("not an integer", "not a float", "not a valid float", "overflow", "NaN or Infinity")
_SCRIPTS = ("EVAL", "EVALSHA")
_BLOCK = frozenset(("XREADGROUP", "XREAD", "BLPOP", "BRPOP", "BLMOVE", "BZPOPMIN", "WAIT"))
_OF_CLIENT = frozenset((EMPTY_RESPONSE, NEVER_DECODE, "keys"))
"""Options that say how the client reads an answer. They are no arguments of what reads it."""


class RepairingRedis(Redis):
    """Each command is repaired once, alone or in a pipeline. If all is well, that costs nothing.

    The commands share one connection (`core.store.line`), but for those that would block it.
    """

    def __init__(self, *, connection_pool: ConnectionPool, **options: Any) -> None:
        super().__init__(connection_pool=connection_pool, **options)
        self._line = Line(connection_pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        blocks = args[0] in _BLOCK
        execute = self._blocking if blocks else self._asked
        try:
            return await execute(*args, **options)
        except ResponseError as error:
            if not await _repaired(self, args, error):
                raise
        return await execute(*args, **options)

    async def _blocking(self, *args: Any, **options: Any) -> Any:
        """The answer to a command that would keep all others waiting."""
        return await cast(Any, super()).execute_command(*args, **options)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await self._line.close()
        await super().aclose(close_connection_pool)

    async def all_of(self, commands: Sequence[tuple[Sequence[Any], dict[str, Any]]]) -> list[Any]:
        """The results of *commands*, each with its options; a `ResponseError` for one that failed.

        Nothing else comes between them, but they are no transaction.
        """
        answers = await self._line.ask([args for args, _ in commands])
        made = zip(answers, commands, strict=True)
        return [self._read(answer, args, options) for answer, (args, options) in made]

    async def _asked(self, *args: Any, **options: Any) -> Any:
        (answer,) = await self._line.ask((args,))
        result = self._read(answer, args, options)
        if isinstance(result, ResponseError):
            raise result
        return result

    def _read(self, answer: Any, args: Sequence[Any], options: dict[str, Any]) -> Any:
        """What the client makes of *answer* to the command *args*."""
        read = self.response_callbacks.get(args[0])
        if isinstance(answer, ResponseError):
            return options.get(EMPTY_RESPONSE, answer)
        given = {name: one for name, one in options.items() if name not in _OF_CLIENT}
        return answer if read is None else read(answer, **given)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT002 - as redis-py has it
        return RepairingPipeline(self, transaction, shard_hint)


class RepairingPipeline(Pipeline):
    """If some of its commands fail, these alone run again: the others have done their work."""

    def __init__(self, client: Redis, transaction: bool, shard_hint: str | None) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self._client: Any = client

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT002 - as redis-py has it
        commands = list(self.command_stack)
        if self.is_transaction or self.explicit_transaction or self.watching or self.scripts:
            found = await super().execute(raise_on_error=False)
        else:
            found = await self._client.all_of(commands) if commands else []
            self.command_stack = []
        for at, (result, (args, options)) in enumerate(zip(found, commands, strict=False)):
            if isinstance(result, ResponseError) and await _repaired(self._client, args, result):
                found[at] = await self._client.execute_command(*args, **options)
        if raise_on_error:
            self.raise_first_error(commands, found)
        return found


async def _repaired(client: Redis, args: Sequence[Any], error: ResponseError) -> bool:
    """Whether what stood in the way of the command *args* is gone."""
    command = str(args[0])
    if command in _SCRIPTS:
        return False
    if is_wrong_type(error):
        await put_aside(client, [name for one in args[1:] if (name := _ours(one))])
        return True
    if command in _COUNTS and any(why in str(error) for why in _NO_NUMBER):
        set_aside("store.number", "not a number")
        await client.hdel(args[1], args[2])
        return True
    return False


def _ours(one: object) -> str:
    """*one*, an argument of a command, if it is the name of a key of ours; else empty."""
    name = words(one) if isinstance(one, bytes) else str(one)
    return name if name.startswith(f"{keys.TAG}:") else ""
