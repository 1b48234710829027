"""One answering response: its deltas, many at a time, each in time."""

import asyncio

import aiohttp

from core.errors import Interrupted, ModelError, Refused
from core.models.bounds import Bounds
from core.models.chunks import Delta, Finished, TextDelta
from core.models.lines import Lines
from core.models.reading import Reading
from core.models.sse import Decoder
from core.net.bounded_body import PIECE_BYTES

_BEFORE = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the first byte that means something."""

SHORT = 20
"""What is longer is no `[DONE]`."""


class Silent(Interrupted):
    """Nothing came for so long that nothing will."""


class Stream:
    """*response*, whose payloads *reader* turns into deltas. To be closed, like the response.

    What kind of stream it is its first byte says; what servers call it is often wrong.
    """

    def __init__(self, response: aiohttp.ClientResponse, reader: Reading) -> None:
        self._response = response
        self._content = response.content
        self._reader = reader
        self._decoder = Decoder()
        self._bounds = Bounds()
        self._lines: Lines | None = None
        self._known = False
        self._kept: list[Delta] = []
        self._failed: ModelError | None = None
        self._ended = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._waits_since = 0.0
        self._late: ModelError | None = None

    @property
    def last_id(self) -> str:
        """The id of the last event, where the server gives any."""
        return self._decoder.last_id

    def keep(self, deltas: list[Delta]) -> None:
        """Let *deltas*, taken already, be the next."""
        self._kept = deltas

    async def next(self) -> list[Delta] | None:
        """The deltas of the next read, perhaps none; None at the end.

        Raises, behind the deltas that came before it:
            Interrupted: the connection broke, or was silent for too long.
            Refused: it did not end.
            What reading a payload raises.
        """
        if self._kept:
            kept, self._kept = self._kept, []
            return kept
        if self._failed is not None:
            raise self._failed
        if self._ended:
            return None
        self._waits_since = self._loop.time()
        try:
            piece = await self._content.read(PIECE_BYTES)
        except aiohttp.ClientError as error:
            raise self._late or Interrupted(
                f"the connection to the model broke ({type(error).__name__})"
            ) from error
        finally:
            self._waits_since = 0.0
        self._bounds.count(piece)
        if len(piece) == PIECE_BYTES:
            # There is more already: others have their turn in between.
            await asyncio.sleep(0)
        some: list[Delta] = []
        try:
            if piece:
                self._take(piece, some)
            else:
                self._rest(some)
        except ModelError as error:
            # What was good before it, in the same read, is read first.
            self._failed = error
        return some

    def _take(self, piece: bytes, some: list[Delta]) -> None:
        if not self._known:
            begun = piece.lstrip(_BEFORE)
            if not begun:
                return
            self._known = True
            if begun[:1] in b'{["':
                self._lines, piece = Lines(), begun
        if self._lines is not None:
            for line in self._lines.feed(piece):
                self._reader.read(line, some)
            return
        messages = self._decoder.messages(piece)
        if messages is None:
            for event in self._decoder.feed(piece):
                if event.type == "error":
                    self._reader.failed(event.data, some)
                elif self._ends(event.data, some):
                    return
        elif len(messages) == 1 or not self._reader.read_run(messages, some):
            for data in messages:
                if self._ends(data, some):
                    return

    def _ends(self, data: bytes, some: list[Delta]) -> bool:
        """Read *data*; whether it is the end."""
        if len(data) < SHORT and data.strip() == b"[DONE]":
            self._end(some)
            return True
        self._reader.read(data, some)
        return False

    def _rest(self, some: list[Delta]) -> None:
        """What stands behind the last whole event."""
        self._ended = True
        last = (self._lines or self._decoder).unfinished
        if last[:6] == b"[DONE]":
            self._end(some)
        elif last and self._lines is None and self._decoder.unfinished_type == "error":
            self._reader.failed(last, some)
        elif last:
            self._reader.read(last, some)
        # A JSON text that is complete is a complete answer.
        if self._lines is not None and self._lines.one:
            self._reader.rest(some)
            some += [Finished("stop")] * any(isinstance(one, TextDelta) for one in some)
        self._reader.rest(some)

    def _end(self, some: list[Delta]) -> None:
        self._ended = True
        self._reader.rest(some)
        some.append(Finished("stop"))

    def watch(self, gap_s: float, until: float) -> None:
        """End it when it is silent for *gap_s*, or goes on after *until* (by the loop's clock).

        With one timer for all reads, not one for each. Whatever comes is a sign of life: a
        comment, a ping, an empty line.
        """
        self.close()
        now = self._loop.time()
        # Who reads slowly is no fault of the model's.
        due = min((self._waits_since or now) + gap_s, until)
        if now < due:
            self._timer = self._loop.call_at(due, self.watch, gap_s, until)
            return
        self._late = (
            Refused("the answer took too long", "endless")
            if now >= until
            else Silent("the model stopped in the middle of its answer")
        )
        self._response.close()

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
