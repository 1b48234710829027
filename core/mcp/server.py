"""One MCP server: its process is started, watched, and started again; calls go through it."""

import asyncio
import itertools
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import msgspec

from core.border import set_aside
from core.errors import PalaverError
from core.mcp.entry import ServerEntry
from core.mcp.frames import (
    Call,
    Cancel,
    Closed,
    Done,
    Failed,
    Listed,
    Order,
    Progress,
    frame,
    news,
    read_frame,
)
from core.net.way import DIRECT, Way
from core.secret import redact
from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

BORDER = "mcp"
NOT_STARTED = "not started yet"
FIRST_BACKOFF_S, MOST_BACKOFF_S = 1.0, 60.0
STEADY_S = 60.0
"""A server that stayed for so long is started again at once."""
WAIT_S = 5.0
"""How long a call waits for a server that is being started."""
GRACE_S = 3.0
"""How much longer than its deadline a call may take before the server's process is killed."""
PATIENCE = 4
"""Signs of life extend a deadline up to so many times."""
CLOSE_S = 5.0
CALLS_AT_ONCE = 16
STDERR_CHARS = 1_000

_ROOT = str(Path(__file__).parents[2])

Why = Literal["away", "refused", "timeout", "broken", "denied"]


class CallFailed(PalaverError):
    """A call has no answer. *sure*: it was certainly not carried out."""

    def __init__(self, why: Why, text: str = "") -> None:
        super().__init__(text or why)
        self.why = why
        self.sure = why in ("away", "refused", "denied")


class McpServer:
    """The server of *entry*. `run` keeps it alive; a server that is away harms no other.

    Attributes:
        listed: what it offers; empty until it was connected, kept while it is away.
        told: what it offered lately to people who signed in, which is not in *listed* yet.
        fault: why it is away; empty while it is connected.
        changed: called whenever one of the two has changed.
    """

    def __init__(
        self,
        entry: ServerEntry,
        changed: Callable[[], None] = lambda: None,
        way: Way = DIRECT,
    ) -> None:
        self.entry = entry
        self._way = way
        self.listed = self.told = Listed()
        self.fault = NOT_STARTED
        self.changed = changed
        self._ready = asyncio.Event()
        self._wanted = asyncio.Event()
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[asyncio.Future[Done], Callable[[str], None]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._places = asyncio.Semaphore(CALLS_AT_ONCE)

    async def run(self) -> None:
        """Start the server, and again whenever it is lost, until this is cancelled."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            since = time.monotonic()
            try:
                fault = await self._session()
            except (OSError, PalaverError) as error:
                fault = str(error)
            steady = time.monotonic() - since >= STEADY_S
            backoff_s = FIRST_BACKOFF_S if steady else min(2 * backoff_s, MOST_BACKOFF_S)
            self.fault = redact(fault)
            self.changed()
            log.warning("tool server away", server=self.entry.name, reason=self.fault)
            self._wanted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff_s):
                    # Who calls it does not wait for the whole pause, but for the first second.
                    await asyncio.sleep(min(backoff_s, FIRST_BACKOFF_S))
                    await self._wanted.wait()

    async def call(
        self,
        kind: Literal["call", "read", "fill", "list"],
        name: str,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        token: str = "",
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> Done:
        """Call the tool, read the resource, or fill the prompt *name*.

        *token* is of the person in whose name that is done, if the server asks people to sign in.
        Cancelled, it tells the server.

        Raises:
            CallFailed: there is no answer.
        """
        async with self._places:
            await self._available()
            number = next(self._ids)
            answer: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
            self._waiting[number] = (answer, on_progress)
            seconds = self.entry.timeout_s
            most_s = PATIENCE * seconds
            order = Call(number, kind, name, dict(arguments), seconds, most_s, key, token)
            try:
                self._order(order)
                async with asyncio.timeout(most_s + GRACE_S):
                    return await answer
            except ValueError as error:
                raise CallFailed("refused", f"the arguments cannot be sent: {error}") from error
            except TimeoutError as error:
                # Its process is stuck: no deadline of its own works any more.
                self._kill()
                raise CallFailed("timeout") from error
            except asyncio.CancelledError:
                with suppress(CallFailed):
                    self._order(Cancel(number))
                raise
            finally:
                self._waiting.pop(number, None)

    async def _available(self) -> None:
        self._wanted.set()
        try:
            async with asyncio.timeout(WAIT_S):
                await self._ready.wait()
        except TimeoutError as error:
            raise CallFailed("away", self.fault) from error

    def _order(self, order: Order) -> None:
        if self._writer is None:
            raise CallFailed("away", self.fault)
        self._writer.write(frame(order))

    async def _session(self) -> str:
        """Serve calls by one process until it ends. Returns why it ended."""
        ours, theirs = socket.socketpair()
        with tempfile.TemporaryDirectory(prefix="palaver-tools-") as folder:
            try:
                opening = frame(self.entry.opening(folder, self._way))
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "core.mcp.child", str(theirs.fileno())),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    env=_environment(),
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
            finally:
                theirs.close()
            self._process = process
            reader, self._writer = await asyncio.open_connection(sock=ours)
            heard = asyncio.create_task(_last_line(process), name=f"stderr of {self.entry.name}")
            try:
                self._writer.write(opening)
                fault = await self._listen(reader)
            except asyncio.CancelledError:
                if not self._ready.is_set():
                    # It is still connecting, and would not look up before its time is over.
                    self._kill()
                raise
            finally:
                self._gone()
                await self._close(process, heard)
            said = heard.result() if heard.done() and not heard.cancelled() else ""
            return f"{fault} ({said})" if said else fault

    async def _listen(self, reader: asyncio.StreamReader) -> str:
        while True:
            try:
                message = news.decode(await read_frame(reader))
            except EOFError:
                return "its process ended"
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                set_aside(BORDER, error)
                continue
            match message:
                case Listed():
                    self.fault = ""
                    if self.entry.sign_in:
                        self.told = self.told.joined(message)
                    else:
                        self.listed = message
                    self._ready.set()
                    self.changed()
                case Progress(id=number, text=text):
                    if number in self._waiting:
                        self._waiting[number][1](text)
                case Done(id=number):
                    self._settle(number, message)
                case Failed(id=number, why=why, text=text):
                    self._settle(number, CallFailed(why, text))
                case Closed(text=text):
                    return text

    def _settle(self, number: int, outcome: Done | CallFailed) -> None:
        if (waiting := self._waiting.get(number)) is None or waiting[0].done():
            return
        if isinstance(outcome, CallFailed):
            waiting[0].set_exception(outcome)
        else:
            waiting[0].set_result(outcome)

    def _gone(self) -> None:
        self._ready.clear()
        if self._writer is not None:
            self._writer.close()
        self._writer = self._process = None
        for number in list(self._waiting):
            self._settle(number, CallFailed("broken", "the server went away"))

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _close(self, process: asyncio.subprocess.Process, heard: asyncio.Task[str]) -> None:
        """Let the process end its server, which takes some seconds; then end it."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await asyncio.wait([heard], timeout=0.1)
            await end([heard])


def _environment() -> dict[str, str]:
    """The environment of the server's process: no secret of ours is in it."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PYTHONPATH": _ROOT,
    }


async def _last_line(process: asyncio.subprocess.Process) -> str:
    """Read what *process* complains of until it ends. Returns the last line, cut."""
    last = b""
    if process.stderr is not None:
        while piece := await process.stderr.read(1 << 14):
            last = (last + piece)[-STDERR_CHARS:]
    return last.decode("utf-8", "replace").rstrip().rpartition("\n")[2]
