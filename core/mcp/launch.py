"""Starts a tool server's program, which ends when the process that started it ends.

Called as `launch.py PARENT MEMORY_BYTES COMMAND ...`, by `core.mcp.child`. It needs nothing of
Palaver.
"""

import ctypes
import os
import resource
import sys


def main() -> None:
    parent, memory_bytes, *command = sys.argv[1:]
    # RLIMIT_DATA counts what is really used; programs such as Node reserve much more.
    for limit, most in (
        (resource.RLIMIT_DATA, int(memory_bytes)),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 1024),
    ):
        hard = resource.getrlimit(limit)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (least, least))
    if sys.platform == "linux":
        set_death_signal, sigkill = 1, 9
        ctypes.CDLL(None).prctl(set_death_signal, sigkill, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the process that wanted this server is gone")
    try:
        # The operator names the program in palaver.toml.
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
