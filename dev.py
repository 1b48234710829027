"""`make dev`: Palaver with a debug log, started again whenever a file of it changes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent
WATCHED = ("bots", "core", "examples")
LOOK_EVERY_S = 0.5
DEFAULTS = {"LOG_LEVEL": "DEBUG", "GRACE_S": "1"}


def state() -> dict[Path, int]:
    """When each file was written. The page's files are read anew at each request anyway."""
    files = [path for folder in WATCHED for path in (ROOT / folder).rglob("*") if path.is_file()]
    files = [path for path in files if "__pycache__" not in path.parts and "page" not in path.parts]
    return {path: path.stat().st_mtime_ns for path in (*files, ROOT / ".env") if path.exists()}


def main() -> None:
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    signal.signal(signal.SIGINT, lambda number, _: told.append(number))
    while not told:
        before = state()
        program = subprocess.Popen(
            [sys.executable, "-m", "bots", "run"], cwd=ROOT, env={**DEFAULTS, **os.environ}
        )
        # Who ended by itself (a mistake that was just written) is tried again at the next change.
        while not told and state() == before:
            time.sleep(LOOK_EVERY_S)
        program.terminate()
        program.wait()


if __name__ == "__main__":
    main()
