"""A gate before Redis: it sees each command of one process, and when the answer comes.

Who stands at the gate can end the process between two of its steps, from outside, at a moment that
nothing in the process knows of.
"""

import asyncio
from contextlib import asynccontextmanager, suppress

from core.tasks import end


class Gate:
    """Listens at *socket* for what *redis* is asked.

    *look*: what to do at a command, given as its words. None: pass. A function is called before
    the command goes on ("before"), or once its answer has come ("after"); then neither goes on.
    """

    def __init__(self, socket, redis, look):
        self._socket, self._redis, self._look = socket, redis, look
        self.url = f"unix://{socket}"

    @asynccontextmanager
    async def open(self):
        server = await asyncio.start_unix_server(self._serve, self._socket)
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader, writer):
        with suppress(OSError, asyncio.IncompleteReadError):
            back_reader, back_writer = await asyncio.open_unix_connection(str(self._redis))
            afterwards = []
            ways = [
                asyncio.create_task(self._forth(reader, back_writer, afterwards)),
                asyncio.create_task(self._back(back_reader, writer, afterwards)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end(ways)
                back_writer.close()
        writer.close()

    async def _forth(self, reader, writer, afterwards):
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                raw, words = await command(reader)
                at = self._look(words)
                if at is not None and at[0] == "before":
                    at[1]()
                    return
                if at is not None:
                    afterwards.append(at[1])
                writer.write(raw)

    async def _back(self, reader, writer, afterwards):
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if afterwards:
                    afterwards.pop()()
                    return
                writer.write(data)


async def command(reader):
    """One command from *reader*: its bytes, and its words."""
    # redis.io/docs/reference/protocol-spec
    head = await reader.readuntil(b"\r\n")
    raw, words = [head], []
    for _ in range(int(head[1:])):
        size = await reader.readuntil(b"\r\n")
        word = await reader.readexactly(int(size[1:]) + 2)
        raw += [size, word]
        words.append(word[:-2])
    return b"".join(raw), words
