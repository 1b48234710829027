"""The connections of the HTTP server: a bounded number, and no idle one for long.

aiohttp waits for ever for the head and the body of a request. A stranger who opens a thousand
connections and sends nothing could use up all file descriptors, and even `/healthz` would fail. So
an idle connection is closed after a while, or at once if there are too many. A request that does
not arrive in time is cut. A client that stops reading is cut too.
"""

import asyncio
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from aiohttp import web

IDLE_S = 20.0
"""How long a connection may be open without a whole request head."""
BODY_S = 60.0
"""How long after its head the body of a request may take."""
STALLED_S = 60.0
"""How long a client may read nothing of the response."""
LOOK_S = 1.0
MOST = 4_000
SPARE_FILES = 200
"""How many file descriptors the server leaves for the store, models and platforms."""


@dataclass
class _Connection:
    """*since*: when the connection last did something. *busy*: a request is being answered."""

    since: float
    busy: bool = False
    unsent_bytes: int = 0


class Connections:
    """Watches the connections of the protocols from `accepting`. Use as a context manager."""

    def __init__(self, most: int | None = None) -> None:
        self._most = _affordable() if most is None else most
        self._open: dict[asyncio.Transport, _Connection] = {}
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Connections":
        self._watch = asyncio.create_task(self._look_on(), name="connections")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()

    def accepting(self, server: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """A protocol factory: *server*, with each connection counted here first."""
        return lambda: _Threshold(self, server())

    def admit(self, transport: asyncio.Transport) -> bool:
        """Whether there is room for *transport*. The longest idle one may be closed for it."""
        if len(self._open) >= self._most:
            self._forget_closed()
        if len(self._open) >= self._most:
            idle = next((one for one, known in self._open.items() if not known.busy), None)
            if idle is None:
                return False
            self._close(idle)
        self._open[transport] = _Connection(time.monotonic())
        return True

    @contextmanager
    def answering(self, request: web.BaseRequest) -> Iterator[None]:
        """While *request* is answered, its connection is not idle. The body must come in time."""
        transport = cast(asyncio.Transport, request.transport)
        known = self._open.get(transport)
        if known is None:
            yield  # It is closed already.
            return
        late = asyncio.get_running_loop().call_later(BODY_S, _cut_if_unread, request, transport)
        known.busy = True
        try:
            yield
        finally:
            late.cancel()
            # Back to the end of the order: it becomes idle only now.
            self._open.pop(transport, None)
            known.busy, known.since = False, time.monotonic()
            self._open[transport] = known

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._forget_closed()
            now = time.monotonic()
            for transport, known in tuple(self._open.items()):
                unsent = transport.get_write_buffer_size()
                if unsent != known.unsent_bytes:
                    known.unsent_bytes, known.since = unsent, now
                most_s = STALLED_S if unsent or known.busy else IDLE_S
                if now - known.since > most_s and (unsent or not known.busy):
                    self._close(transport)

    def _forget_closed(self) -> None:
        for transport in [one for one in self._open if one.is_closing()]:
            del self._open[transport]

    def _close(self, transport: asyncio.Transport) -> None:
        self._open.pop(transport, None)
        # Not `close`: that would wait for a client that reads nothing.
        transport.abort()


class _Threshold(asyncio.Protocol):
    """Counts a connection, and then hands it to the real protocol."""

    def __init__(self, connections: Connections, behind: asyncio.Protocol) -> None:
        self._connections = connections
        self._behind = behind

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tcp = cast(asyncio.Transport, transport)
        if self._connections.admit(tcp):
            tcp.set_protocol(self._behind)
            self._behind.connection_made(tcp)
        else:
            tcp.abort()


def _cut_if_unread(request: web.BaseRequest, transport: asyncio.Transport) -> None:
    if not request.content.is_eof():
        transport.abort()


def _affordable() -> int:
    """How many connections the file descriptors allow, after raising the limit if we may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, MOST + SPARE_FILES) if hard != resource.RLIM_INFINITY else MOST + SPARE_FILES
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(min(MOST, soft - SPARE_FILES), soft // 4)
