"""The line: one connection that all commands share.

The client's own way takes a connection from a pool for each command, and gives it back: most of
what a command costs us. Here a command is written behind the others, and its answer comes in the
same order. Commands that block the connection, and transactions, still go through the pool.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import hiredis
from hiredis import PushNotification
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError, ResponseError

from core.store.following import FollowingConnection
from core.tasks import end

Command = Sequence[Any]
Answer = Any
"""What the server says, or the `ResponseError` that it answers with."""

ANSWER_S = 8.0
"""A server that says nothing for so long is frozen, or gone without a word."""
GREET_S = 4.0
"""How long a new connection may take until the server has greeted it."""
READ_BYTES = 1 << 16
LOOK_S = 1.0
"""How often the oldest question is looked at."""


class _Question:
    """Commands that were sent together, and their answers so far."""

    __slots__ = ("answers", "asked", "count", "whole")

    def __init__(self, count: int, asked: float, whole: asyncio.Future[list[Answer]]) -> None:
        self.answers: list[Answer] = []
        self.count, self.asked, self.whole = count, asked, whole


class Line:
    """One connection of the kind that *pool* makes, opened at the first command."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._connection: Any = None
        self._opening: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._asked: deque[_Question] = deque()
        """The questions whose answers are on their way."""
        self._watching: asyncio.TimerHandle | None = None
        self._dropping: asyncio.Task[None] | None = None

    async def ask(self, commands: Sequence[Command]) -> list[Answer]:
        """The answers to *commands*, in order.

        Raises:
            RedisError: the server cannot be reached, or does not answer. Then it was asked on a
                fresh connection too, so the commands may have run twice.
        """
        packed = b"".join(map(_packed, commands))
        try:
            return await self._put(await self._open(), packed, len(commands))
        except ConnectionBroken:
            return await self._put(await self._open(), packed, len(commands))

    async def close(self) -> None:
        """Hang up. Who still waits for an answer gets an error."""
        tasks = self._opening, self._dropping
        await end([one for one in tasks if one is not None])
        await self._drop(self._connection, ConnectionBroken("closed"))

    def _put(self, connection: Any, packed: bytes, count: int) -> asyncio.Future[list[Answer]]:
        """Send *packed*, which holds *count* commands. The order is that of the calls."""
        loop = asyncio.get_running_loop()
        question = _Question(count, loop.time(), loop.create_future())
        try:
            # Its own `send_packed_command` breaks the connection if one caller is cancelled.
            connection._writer.write(packed)  # noqa: SLF001
        except (RuntimeError, OSError) as error:
            # So says uvloop of a connection that closes.
            raise ConnectionBroken(type(error).__name__) from error
        self._asked.append(question)
        if self._watching is None:
            self._watching = loop.call_later(LOOK_S, self._look)
        return question.whole

    async def _open(self) -> Any:
        """The connection. Those who ask while it is being opened wait for the same one."""
        if self._connection is not None and not _usable(self._connection):
            await self._drop(self._connection, ConnectionBroken("it closes, or is not the primary"))
        if self._connection is None:
            if self._opening is None:
                self._opening = asyncio.create_task(self._connect(), name="line")
            await asyncio.shield(self._opening)
        if self._connection is None:
            raise ConnectionBroken("lost again")
        return self._connection

    async def _connect(self) -> None:
        try:
            try:
                connection = await self._connected()
            except (RedisError, OSError, TimeoutError):
                # Who was the primary a moment ago may be none now.
                connection = await self._connected()
            self._connection = connection
            self._reading = asyncio.create_task(self._read(connection), name="line")
        finally:
            self._opening = None

    async def _connected(self) -> Any:
        connection: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py's own
        try:
            async with asyncio.timeout(GREET_S):
                await connection.connect_check_health(check_health=False)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def _read(self, connection: Any) -> None:
        """Give each answer to who asked, until the connection breaks."""
        # The client reads one answer at a time, through six coroutines. Its parser is kept.
        stream, parser = connection._reader, connection._parser._reader  # noqa: SLF001
        try:
            # Another connection may have taken its place, with other questions.
            while (data := await stream.read(READ_BYTES)) and connection is self._connection:
                parser.feed(data)
                while (answer := parser.gets()) is not NOT_ENOUGH_DATA:
                    self._give(answer, connection)
            raise NotConnected("closed by the server")
        except (RedisError, OSError) as error:
            await self._drop(connection, ConnectionBroken(f"{type(error).__name__}: {error}"))

    def _give(self, answer: Answer, connection: Any) -> None:
        """Give *answer* to the first who waits.

        Raises:
            redis.exceptions.ConnectionError: the server is none that we may ask.
        """
        if isinstance(answer, PushNotification):
            return
        if isinstance(answer, NotConnected):
            raise answer
        if isinstance(answer, ResponseError) and isinstance(connection, FollowingConnection):
            connection.judge(answer)
        question = self._asked[0]
        question.answers.append(answer)
        if len(question.answers) == question.count:
            self._asked.popleft()
            if not question.whole.done():
                question.whole.set_result(question.answers)

    def _look(self) -> None:
        """Hang up if the oldest question waits for too long."""
        loop = asyncio.get_running_loop()
        self._watching = loop.call_later(LOOK_S, self._look) if self._asked else None
        if self._asked and loop.time() - self._asked[0].asked > ANSWER_S:
            late = self._drop(self._connection, ConnectionBroken(f"no answer in {ANSWER_S:.0f} s"))
            self._dropping = asyncio.create_task(late, name="line")

    async def _drop(self, connection: Any, error: RedisError) -> None:
        """Hang up *connection*, if it is still ours. All who wait for its answers get *error*."""
        if connection is None or connection is not self._connection:
            return
        if isinstance(connection, FollowingConnection):
            connection.doubt()
        reading, asked = self._reading, self._asked
        self._connection, self._reading, self._asked = None, None, deque()
        for question in asked:
            if not question.whole.done():
                question.whole.set_exception(error)
        await connection.disconnect(nowait=True)
        if reading is not None and reading is not asyncio.current_task():
            await end([reading])


class ConnectionBroken(NotConnected):
    """The connection broke while answers were on their way."""


def _usable(connection: Any) -> bool:
    """Whether *connection* stands, and leads to the primary (see `core.store.following`)."""
    if not connection.is_connected or connection._writer.is_closing():  # noqa: SLF001
        return False
    return not (isinstance(connection, FollowingConnection) and connection.stale)


def _packed(command: Command) -> bytes:
    """*command* as bytes. Its name may be two words, which the server reads apart."""
    name, *rest = command
    names = name.split() if isinstance(name, str) else (name,)
    return cast(bytes, hiredis.pack_command((*names, *rest)))
