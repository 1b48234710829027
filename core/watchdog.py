"""The watchdog: how late the event loop is, and what stood on it when it was blocked.

A thread of its own looks at the loop's thread. While a pattern or a decoder holds the interpreter
it cannot; but it is the first to run when that lets go, and the stack then still shows who called.
(`faulthandler` needs no leave of the interpreter, but reads frames while they change: it has ended
the process that it was to watch.) It tells files, lines and names of functions, never a value.
"""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Histogram

from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

BEAT_S = 0.1
BLOCKED_S = 0.25
MOST_FRAMES = 12


@asynccontextmanager
async def watchdog(lag: Histogram) -> AsyncIterator[None]:
    """Observe in *lag* how many seconds late the loop is, and log who kept it."""
    watcher = _Watcher(threading.get_ident())
    task = asyncio.create_task(_beat(lag, watcher), name="watchdog")
    watcher.start()
    try:
        yield
    finally:
        watcher.over.set()
        await end([task])


class _Watcher(threading.Thread):
    """Looks what stands on the thread *watched* when that has not beaten for `BLOCKED_S`."""

    def __init__(self, watched: int) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.over = threading.Event()
        self._watched = watched
        self._beaten = time.monotonic()
        self._seen = ""

    def beat(self) -> str:
        """The watched thread lives; gives what was seen since the last beat."""
        seen, self._seen = self._seen, ""
        self._beaten = time.monotonic()
        return seen

    def run(self) -> None:
        while not self.over.wait(BEAT_S):
            if not self._seen and time.monotonic() - self._beaten > BEAT_S + BLOCKED_S:
                self._seen = stack_of(self._watched)


async def _beat(lag: Histogram, watcher: _Watcher) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + BEAT_S
        await asyncio.sleep(BEAT_S)
        late_s = max(0.0, loop.time() - due)
        lag.observe(late_s)
        seen = watcher.beat()
        if late_s >= BLOCKED_S:
            log.warning("the loop was blocked", seconds=round(late_s, 2), where=seen)


def stack_of(thread: int) -> str:
    """The innermost frames of *thread*, innermost first."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - there is no other way
    found: list[str] = []
    while frame is not None and len(found) < MOST_FRAMES:
        code = frame.f_code
        found.append(f"{_short(code.co_filename)}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return " < ".join(found)


def _short(file: str) -> str:
    return "/".join(file.split("/")[-3:])
