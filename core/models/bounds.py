"""Limits for one stream of a model: its bytes, its lines, and the bytes of one event. Pure.

An answer beyond these limits is endless or hostile. It is cut, and the person is told. The decoded
body is counted, so compression does not get around the limits.
"""

from core.errors import Refused

STREAM_BYTES = 96 * 1024 * 1024
"""100,000 tokens of thinking and 100,000 of answer, each an event of 300 bytes, make 60 MB."""
STREAM_LINES = 2_000_000
EVENT_BYTES = 4 * 1024 * 1024
"""The limit for one event, or for a whole answer that is not a stream."""

_BLANK = (b"\n\n", b"\r\r", b"\n\r\n")


class Bounds:
    """Counts one stream as it is read."""

    def __init__(self) -> None:
        self._bytes = 0
        self._lines = 0
        self._event_bytes = 0
        self._tail = b""

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
