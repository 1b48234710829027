"""Starts a job, limits it, and ends it."""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from core.semaphore import Weighted

MEMORY_AT_ONCE = 512 << 20
"""How much memory all jobs of a sandbox may take together. A job that may take more runs alone."""
_CHILD = Path(__file__).with_name("child.py")
_ROOT = str(Path(__file__).parents[2])
UNREADABLE, TOO_MUCH_MEMORY = 3, 4
"""Exit codes of the child: the file is unreadable (its output says why), or needs much memory."""


class Bounds(NamedTuple):
    """The limits of one job. The seconds limit its CPU time, and also its time as a whole."""

    seconds: int = 20
    memory_bytes: int = 1 << 30
    output_bytes: int = 1 << 20


USUAL = Bounds()


class Sandbox:
    """Runs jobs. As many run at once as *memory_bytes* allow, the others wait."""

    def __init__(self, memory_bytes: int = MEMORY_AT_ONCE) -> None:
        self._memory = Weighted(memory_bytes)

    async def run(
        self, job: str, data: bytes, *arguments: str | int, bounds: Bounds = USUAL
    ) -> bytes:
        """The output of *job* (`module:function`) for *data*. If it is too long, its beginning.

        Raises:
            ValueError: *data* cannot be read. The text says why, and may be shown.
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
        # A negative code is a signal. The kernel sends one when the CPU time is used up.
        raise ValueError("it is broken" if code > 0 else "it takes too long to read")


async def _talk(process: asyncio.subprocess.Process, data: bytes, most: int) -> bytes:
    """Send *data*, and read at most *most* bytes of the output."""
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
