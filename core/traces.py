"""Tracebacks without values: the error's class and the places, never its data."""

import traceback
from types import TracebackType

from core.errors import PalaverError

MOST_FRAMES = 20
MOST_ERRORS = 5


def structure(error: BaseException) -> str:
    """The classes and places of *error* and its causes, one on a line, the last error first.

    Only the texts of our own errors are quoted: they never contain a person's words.
    """
    lines: list[str] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(lines) < MOST_ERRORS:
        one = waiting.pop(0)
        if one is None:
            continue
        words = f": {one}" if isinstance(one, PalaverError) else ""
        lines.append(f"{type(one).__name__}{words} at {place(one.__traceback__)}")
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        waiting.append(one.__cause__ or (None if one.__suppress_context__ else one.__context__))
    return "\n".join(lines)


def place(trace: TracebackType | None) -> str:
    """The frames of *trace*, innermost first."""
    frames = [
        f"{'/'.join(frame.f_code.co_filename.split('/')[-3:])}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(trace)
    ]
    return " < ".join(reversed(frames[-MOST_FRAMES:])) or "nowhere"
