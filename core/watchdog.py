"""The watchdog: measures how late the event loop is, and logs what blocked it.

A separate thread looks at the stack of the loop's thread. While C code (a regular expression, a
decoder) holds the interpreter lock, the watchdog cannot run. But it runs first when the lock is
free, and then the stack still shows the caller. `faulthandler` does not need the lock, but it reads
frames while they change, and has crashed the process that it watched. The log line contains files,
lines and function names, never a value.
"""

import asyncio
import gc
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
    """Observe in *lag* how many seconds late the loop is, and log what blocked it."""
    watcher = _Watcher(threading.get_ident())
    task = asyncio.create_task(_beat(lag, watcher), name="watchdog")
    watcher.start()
    try:
        yield
    finally:
        watcher.over.set()
        await end([task])


class _Watcher(threading.Thread):
    """Looks at the stack of the thread *watched* if it gave no beat for `BLOCKED_S`."""

    def __init__(self, watched: int) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.over = threading.Event()
        self._watched = watched
        self._beaten = time.monotonic()
        self._seen = ""

    def beat(self) -> str:
        """Called by the watched thread. Returns the stack that was seen since the last beat."""
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


def collect_seldom() -> None:
    """Let the garbage collector skip all objects so far, and run less often.

    Streams make many short-lived objects and few cycles. With many streams at once, a tenth of the
    time went into the search for cycles. But each turn is a cycle when it ends, and most outlive
    the first search. With the second search after a million objects and the third after 20 of
    those, 100,000 turns left 140 MB of them (`bench.soak`), and a search held the loop for long.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 5, 5)
