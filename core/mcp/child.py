"""The process of one MCP server: the official SDK on one side, our frames on the other.

Why a process of its own: the SDK checks results against a stranger's schema on its loop, joins long
lines in quadratic time, and cancels the task around it when a server goes away. Here that harms
this server's calls alone. If a deadline is not kept, the process is killed from outside.

It ends when Palaver closes the socket, or when the server is lost. Palaver then starts it again.
"""

import asyncio
import logging
import socket
import sys
from contextlib import suppress

from core.mcp.connection import LOST, Connection
from core.mcp.frames import (
    Call,
    Cancel,
    Closed,
    Done,
    Failed,
    Listed,
    News,
    Open,
    frame,
    orders,
    read_frame,
)

MOST_PEOPLE = 32
"""So many people are connected at once. Who used it least lately makes room."""
IDLE_S = 600.0


class _Process:
    """The connections to the server of *spec*, and the calls to it."""

    def __init__(self, spec: Open, writer: asyncio.StreamWriter) -> None:
        self._spec = spec
        self._writer = writer
        self._connections: dict[str, Connection] = {}
        """By the tokens of people; the operator's by an empty text."""
        self._calls: dict[int, asyncio.Task[None]] = {}

    def say(self, news: News) -> None:
        try:
            self._writer.write(frame(news))
        except ValueError as error:
            if not isinstance(news, Done):
                raise
            self._writer.write(frame(Failed(news.id, "broken", str(error))))

    async def keep(self) -> str:
        """Serve until the server is lost. Returns why it is. One of people is never lost."""
        if self._spec.by_person:
            self.say(Listed())
            while True:
                await asyncio.sleep(IDLE_S)
                self._make_room(0)
        while True:
            connection = self._connection("")
            await connection.wait_lost()
            if not connection.expired:
                return connection.fault or LOST

    async def obey(self, reader: asyncio.StreamReader) -> None:
        """Do what Palaver asks for, until it goes away."""
        async with asyncio.TaskGroup() as group:
            with suppress(EOFError):
                while True:
                    match orders.decode(await read_frame(reader)):
                        case Call() as call:
                            self._calls[call.id] = group.create_task(self._carry_out(call))
                        case Cancel(id=done):
                            if (task := self._calls.get(done)) is not None:
                                task.cancel()
            for task in self._calls.values():
                task.cancel()

    async def close(self) -> None:
        for one in self._connections.values():
            one.close()
        for one in self._connections.values():
            await one.wait_closed()

    async def _carry_out(self, call: Call) -> None:
        # A cancelled call: the SDK has told the server, and nobody waits for an answer.
        try:
            connection = self._connection(call.token)
            answer = await self._answer(connection, call)
            if isinstance(answer, Failed) and connection.expired:
                # The server has forgotten the session, so it did nothing. A new one is begun.
                answer = await self._answer(self._connection(call.token), call)
            self.say(answer)
        finally:
            self._calls.pop(call.id, None)

    async def _answer(self, connection: Connection, call: Call) -> News:
        """The answer to *call*, or that the connection is lost."""
        answering = asyncio.create_task(connection.carry_out(call))
        ended = asyncio.create_task(connection.wait_closed())
        try:
            await asyncio.wait([answering, ended], return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                # Whoever waits in the SDK is told now, or never.
                await asyncio.wait([answering], timeout=1.0)
            if not answering.done():
                return Failed(call.id, "broken", LOST)
            return answering.result()
        finally:
            answering.cancel()
            ended.cancel()

    def _connection(self, token: str) -> Connection:
        """The connection with *token*; a new one, if there is none to use.

        The operator's, once lost, comes back with a new process only.
        """
        found = self._connections.get(token)
        if found is None or found.expired or (token and found.ending):
            self._make_room(1)
            found = self._connections[token] = Connection(self._spec, self.say, token)
        return found

    def _make_room(self, places: int) -> None:
        """Close what nobody used lately, and more, until there are *places* for new ones."""
        now = asyncio.get_running_loop().time()
        idle = sorted(
            (one.used, token)
            for token, one in self._connections.items()
            if token and not one.running
        )
        for used, token in idle:
            full = len(self._connections) + places > MOST_PEOPLE
            if full or now - used > IDLE_S or self._connections[token].ending:
                self._connections.pop(token).close()


async def serve(channel: socket.socket) -> None:
    """Serve the one who has the other end of *channel*."""
    reader, writer = await asyncio.open_connection(sock=channel)
    spec = orders.decode(await read_frame(reader))
    if not isinstance(spec, Open):
        raise TypeError("the first frame opens the server")
    process = _Process(spec, writer)
    keeping = asyncio.create_task(process.keep())
    obeying = asyncio.create_task(process.obey(reader))
    await asyncio.wait([keeping, obeying], return_when=asyncio.FIRST_COMPLETED)
    fault = keeping.result() if keeping.done() else LOST
    with suppress(ConnectionError):
        writer.write(frame(Closed(fault)))
        await writer.drain()
    keeping.cancel()
    obeying.cancel()
    await process.close()


def main() -> None:
    """Run with the number of an inherited socket as the only argument."""
    logging.disable()
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
