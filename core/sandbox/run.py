"""The side that starts a job, bounds it, and ends it."""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from core.semaphore import Weighted

MEMORY_AT_ONCE = 512 << 20
"""What the jobs of one sandbox may take together: who may take that much waits for all others."""
_CHILD = Path(__file__).with_name("child.py")
_ROOT = str(Path(__file__).parents[2])
UNREADABLE, TOO_MUCH_MEMORY = 3, 4
"""What the child exits with when its output is the reason; and when it wanted too much."""


class Bounds(NamedTuple):
    """What one job may take: seconds (of processor, and in all), memory, output."""

    seconds: int = 20
    memory_bytes: int = 1 << 30
    output_bytes: int = 1 << 20


USUAL = Bounds()


class Sandbox:
    """Runs jobs, as many at once as *memory_bytes* allow; the others wait."""

    def __init__(self, memory_bytes: int = MEMORY_AT_ONCE) -> None:
        self._memory = Weighted(memory_bytes)

    async def run(
        self, job: str, data: bytes, *arguments: str | int, bounds: Bounds = USUAL
    ) -> bytes:
        """What *job* (`module:function`) gives for *data*; its beginning, if that is too much.

        Raises:
            ValueError: why *data* cannot be read, in words that may be shown.
        """
        async with self._memory.hold(bounds.memory_bytes):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", str(_CHILD), json.dumps([_ROOT, *sys.path])),
                *(job, *map(str, bounds), *map(str, arguments)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                cwd="/",
            )
            try:
                async with asyncio.timeout(bounds.seconds):
                    found = await _talk(process, data, bounds.output_bytes)
                    code = await process.wait()
            except TimeoutError as error:
                raise ValueError("it takes too long to read") from error
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code == 0:
            return found
        if code == UNREADABLE:
            raise ValueError(found.decode("utf-8", "replace")[:200])
        if code == TOO_MUCH_MEMORY:
            raise ValueError("it takes too much memory to read")
        # A signal: it took all the time that it had, or broke.
        raise ValueError("it is broken" if code > 0 else "it takes too long to read")


async def _talk(process: asyncio.subprocess.Process, data: bytes, most: int) -> bytes:
    """Send *data*, and take at most *most* bytes of what comes, then listen no more."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise TypeError("no pipes")

    async def send() -> None:
        with suppress(ConnectionError):
            stdin.write(data)
            await stdin.drain()
            stdin.close()

    sending = asyncio.create_task(send(), name="a file on its way into the sandbox")
    found = bytearray()
    try:
        while len(found) <= most and (piece := await stdout.read(1 << 16)):
            found += piece
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
    return bytes(found[:most])
