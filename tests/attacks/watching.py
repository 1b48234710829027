"""The program in a process of its own, watched while it is attacked: its memory, its health."""

import asyncio
import http.client
import logging
import socket
import threading
import time
from contextlib import asynccontextmanager
from pathlib import Path

from tests.harness import until

MOST_MB = 400
HEALTH_S = 2.0
"""The promise is 0.5 s; a machine that runs other things too is allowed some more."""


class Watched:
    """Asks `/healthz` again and again, from a thread: a test's own loop may be busy attacking."""

    def __init__(self, process, port):
        self.process = process
        self.port = port
        self.slowest_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def healthy(self):
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def _watch(self):
        while not self._over.wait(0.05):
            self.healthy()

    @property
    def peak_mb(self):
        """The most memory that the process ever held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) // 1024

    async def begin(self):
        await until(lambda: asyncio.to_thread(self.healthy))
        self.slowest_s = 0.0
        self._thread.start()

    def end(self):
        self._over.set()
        self._thread.join()

    def unharmed(self):
        """Whether it stands, within its bounds."""
        logging.getLogger(__name__).info("%d MB, %.3f s", self.peak_mb, self.slowest_s)
        assert self.process.poll() is None
        assert self.peak_mb < MOST_MB
        assert self.slowest_s < HEALTH_S
        return True


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@asynccontextmanager
async def watched(replica, **settings):
    port = free_port()
    one = replica(http_port=port, **settings)
    watching = Watched(one.process, port)
    await watching.begin()
    try:
        yield watching
    finally:
        watching.end()
