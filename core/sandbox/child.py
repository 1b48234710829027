"""The process that reads a file from outside. `run` starts it as a script.

Arguments: the module search path, the job, its limits (seconds, memory, output), and the arguments
of the job. The file is on standard input. The result, or the reason why there is none, goes to
standard output.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Iterable

UNREADABLE, TOO_MUCH_MEMORY = 3, 4
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def main(path: str, job: str, seconds: str, memory: str, output: str, *arguments: str) -> int:
    _leave_everything()
    sys.path[:] = json.loads(path)
    module, _, function = job.partition(":")
    read = getattr(importlib.import_module(module), function)
    # After the imports, which need files and memory themselves.
    _bound(int(seconds), int(memory))
    try:
        return _write(read(sys.stdin.buffer.read(), *arguments), int(output))
    except ValueError as error:
        return _write([str(error)[:200]], 200) or UNREADABLE
    except MemoryError:
        return TOO_MUCH_MEMORY


def _write(pieces: Iterable[str | bytes], most: int) -> int:
    """Write *pieces* as they come, and stop after *most* bytes."""
    for piece in pieces:
        data = piece.encode("utf-8", "replace") if isinstance(piece, str) else piece
        sys.stdout.buffer.write(data)
        most -= len(data)
        if most < 0:
            break
    sys.stdout.buffer.flush()
    return 0


def _leave_everything() -> None:
    """Die with the parent, gain no rights, have no network, as far as this kernel can do it."""
    try:
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        if libc.unshare(_CLONE_NEWNET) != 0:
            libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    except (OSError, AttributeError):
        pass  # Not Linux: the other limits hold.
    if os.getppid() == 1:
        os._exit(1)  # The parent died before it could be watched.


def _bound(seconds: int, memory: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        _, hard = resource.getrlimit(what)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    # Skip the interpreter's clean-up: it would run over objects that a hostile file made.
    os._exit(code)
