"""How much of one answering stream is read: bytes, lines, and bytes of one event. Pure.

A model that says more than any answer holds has no end, or means harm: it is cut, and that is
said. What is counted here is the decoded body, so that a compressed one gains nothing.
"""

from core.errors import Refused

STREAM_BYTES = 96 * 1024 * 1024
"""Some 100,000 tokens of thinking and as many of an answer, each an event of 300 bytes: 60 MB."""
STREAM_LINES = 2_000_000
EVENT_BYTES = 4 * 1024 * 1024
"""One event, or a whole answer that is no stream."""

_BLANK = (b"\n\n", b"\r\r", b"\n\r\n")


class Bounds:
    """Counts one stream as it is read."""

    def __init__(self) -> None:
        self._bytes = 0
        self._lines = 0
        self._event_bytes = 0
        self._tail = b""

    def count(self, piece: bytes) -> None:
        """Raises `Refused` when *piece*, the next of the stream, is too much."""
        self._bytes += len(piece)
        self._lines += piece.count(b"\n") or piece.count(b"\r")
        # A blank line ends an event; it may be cut by the pieces.
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
