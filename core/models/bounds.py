"""Limits for one stream of a model: its bytes, its lines, and the bytes of one event.

An answer beyond these limits is endless or hostile. It is cut, and the person is told. The decoded
body is counted, so compression does not get around the limits.
"""

import asyncio
import weakref
from collections.abc import Hashable

from core.errors import Refused

STREAM_BYTES = 96 * 1024 * 1024
"""100,000 tokens of thinking and 100,000 of answer, each an event of 300 bytes, make 60 MB."""
STREAM_LINES = 2_000_000
EVENT_BYTES = 4 * 1024 * 1024
"""The limit for one event, or for a whole answer that is not a stream."""

LARGE_BYTES = 256 * 1024
MOST_LARGE = 16
"""So many streams of a process may have an event of more bytes under way. The others wait."""
ROOM_S = 30.0
"""How long they wait."""
_large: weakref.WeakKeyDictionary[Hashable, asyncio.Semaphore] = weakref.WeakKeyDictionary()


def large_events(owner: Hashable) -> asyncio.Semaphore:
    """The places for large events. All clients of one *owner*, an HTTP session, share them."""
    return _large.setdefault(owner, asyncio.Semaphore(MOST_LARGE))


_BLANK = (b"\n\n", b"\r\r", b"\n\r\n")


class Bounds:
    """Counts one stream as it is read."""

    def __init__(self) -> None:
        self._bytes = 0
        self._lines = 0
        self._event_bytes = 0
        self._tail = b""

    @property
    def is_large(self) -> bool:
        """Whether the event under way is a large one."""
        return self._event_bytes > LARGE_BYTES

    def ended(self, left: int) -> None:
        """The event under way ended without a blank line; *left* bytes of the next are there."""
        self._event_bytes = left

    def count(self, piece: bytes) -> None:
        """Count the next *piece*. Raises `Refused` if it goes beyond a limit."""
        self._bytes += len(piece)
        self._lines += piece.count(b"\n") or piece.count(b"\r")
        # A blank line ends an event. It may be split between two pieces.
        if piece[-2:] == b"\n\n":
            self._event_bytes, self._tail = 0, b"\n\n"
        else:
            joined = self._tail + piece
            end = max(joined.rfind(blank) for blank in _BLANK)
            self._event_bytes = len(joined) - end if end >= 0 else self._event_bytes + len(piece)
            self._tail = joined[-2:]
        if (
            self._bytes > STREAM_BYTES
            or self._lines > STREAM_LINES
            or self._event_bytes > EVENT_BYTES
        ):
            raise Refused("the answer does not end", "endless")
