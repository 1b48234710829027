"""The watchdog: how late the event loop is, and what stood on it when it was blocked.

Nothing in Python can look while a pattern or a decoder holds the interpreter, so the look is
`faulthandler`'s, whose thread needs no leave of the interpreter. It tells files, lines and names
of functions, and never a value.
"""

import asyncio
import faulthandler
import re
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

from prometheus_client import Histogram

from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

BEAT_S = 0.1
BLOCKED_S = 0.25
MOST_FRAMES = 12
_THREAD = re.compile(r"^(?:Current t|T)hread 0x([0-9a-f]+)", re.MULTILINE)
_FRAME = re.compile(r'^  File "([^"\n]*)", line (\d+) in (\S+)', re.MULTILINE)


@asynccontextmanager
async def watchdog(lag: Histogram) -> AsyncIterator[None]:
    """Observe in *lag* how many seconds late the loop is, and log who kept it."""
    with tempfile.TemporaryFile() as seen:
        task = asyncio.create_task(_watch(lag, seen), name="watchdog")
        try:
            yield
        finally:
            await end([task])
            faulthandler.cancel_dump_traceback_later()


async def _watch(lag: Histogram, seen: IO[bytes]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + BEAT_S
        faulthandler.dump_traceback_later(BEAT_S + BLOCKED_S, file=seen)
        await asyncio.sleep(BEAT_S)
        late_s = max(0.0, loop.time() - due)
        lag.observe(late_s)
        if late_s >= BLOCKED_S:
            faulthandler.cancel_dump_traceback_later()
            seen.seek(0)
            where = stack_of(seen.read().decode(errors="replace"), threading.get_ident())
            seen.seek(0)
            seen.truncate()
            log.warning("the loop was blocked", seconds=round(late_s, 2), where=where)


def stack_of(dump: str, thread: int) -> str:
    """The innermost frames of *thread* in what `faulthandler` wrote, innermost first."""
    starts = [*_THREAD.finditer(dump)]
    for at, start in enumerate(starts):
        if int(start[1], 16) == thread:
            until = starts[at + 1].start() if at + 1 < len(starts) else len(dump)
            frames = _FRAME.findall(dump[start.end() : until])[:MOST_FRAMES]
            return " < ".join(f"{_short(file)}:{line} {name}" for file, line, name in frames)
    return ""


def _short(file: str) -> str:
    return "/".join(file.split("/")[-3:])
