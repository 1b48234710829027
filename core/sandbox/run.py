"""Starts a job, limits it, and ends it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
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
    """Runs jobs. As many run at once as `MEMORY_AT_ONCE` allows, the others wait."""

    def __init__(self) -> None:
        self._memory = Weighted(MEMORY_AT_ONCE)

    async def run(
        self, job: str, data: bytes, *arguments: str | int, bounds: Bounds = USUAL
    ) -> bytes:
        """The output of *job* (`module:function`) for *data*. If it is too long, its beginning.

        Raises:
            ValueError: *data* cannot be read. The text says why, and may be shown.
        """
        command = [
            sys.executable,
            *("-I", "-S", str(_CHILD), json.dumps([_ROOT, *sys.path])),
            *(job, *map(str, bounds), *map(str, arguments)),
        ]
        child = Child(command)
        async with self._memory.hold(bounds.memory_bytes):
            working = asyncio.create_task(
                asyncio.to_thread(child.work, data, bounds.output_bytes), name="sandbox"
            )
            try:
                async with asyncio.timeout(bounds.seconds):
                    code, found = await asyncio.shield(working)
            except TimeoutError as error:
                raise ValueError("it takes too long to read") from error
            finally:
                child.kill()
                await asyncio.wait([working])
        if code == 0:
            return found
        if code == UNREADABLE:
            raise ValueError(found.decode("utf-8", "replace")[:200])
        if code == TOO_MUCH_MEMORY:
            raise ValueError("it takes too much memory to read")
        # A negative code is a signal. The kernel sends one when the CPU time is used up.
        raise ValueError("it is broken" if code > 0 else "it takes too long to read")


class Child:
    """One process, and the thread that talks to it.

    uvloop starts a process by copying the page tables of ours, and the loop stands still for that:
    25 ms. `subprocess` needs no copy, and a thread can wait for it. The process dies with the
    thread that started it (see `child`), so the thread stays until the process has ended.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._over = False

    def work(self, data: bytes, most: int) -> tuple[int, bytes]:
        """Send *data*. Returns the exit code, and at most *most* bytes of the output."""
        with subprocess.Popen(  # noqa: S603 - our own program, whose arguments are ours
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
        ) as process:
            self._process = process
            if self._over:
                process.kill()
            stdin, stdout = process.stdin, process.stdout
            if stdin is None or stdout is None:
                raise TypeError("no pipes")
            # It reads the whole file before it writes anything.
            with suppress(BrokenPipeError), stdin:
                stdin.write(data)
            found = stdout.read(most)
            while stdout.read(1 << 16):
                pass  # More than was asked for: it is left out.
        return process.returncode, found

    def kill(self) -> None:
        """End the process, if it has not ended. It may also not have begun yet."""
        self._over = True
        if self._process is not None:
            self._process.kill()
