"""Reads the deltas of one response, all that one network read brings at a time."""

import asyncio
from collections.abc import Hashable

import aiohttp

from core.errors import Interrupted, ModelError, Overloaded, Refused
from core.models.bounds import ROOM_S, Bounds, large_events
from core.models.chunks import Delta, Finished, TextDelta
from core.models.lines import Lines
from core.models.reading import Reading
from core.models.sse import Decoder
from core.models.tool_calls import Calls

PIECE_BYTES = 1 << 14
"""One read. A request for our health waits for several: each may hold 1,600 tiny events."""
_BEFORE = b"\xef\xbb\xbf \t\r\n"
"""Bytes without meaning that may come first."""

SHORT = 20
"""A longer payload is not `[DONE]`."""


_LAST = frozenset(("done", "end", "complete", "finish"))
"""What gateways call the event behind which nothing comes."""


class Silent(Interrupted):
    """No data came for too long."""


class Stream:
    """Reads *response*; *reader* turns its payloads into deltas. Close it, like the response.

    *by*: as in `Reading`. All with one *owner* share the places for large events.

    The first byte tells what kind of stream it is. The type that servers name is often wrong.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, reader: Reading, by: str, owner: Hashable
    ) -> None:
        reader.by = by
        self._large = large_events(owner)
        self._has_place = False
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
        """The id of the last event; empty if the server sends none."""
        return self._decoder.last_id

    @property
    def unsaid(self) -> ModelError | None:
        """Why the stream ended before its first word, if the server said why."""
        return self._reader.unsaid

    def keep(self, deltas: list[Delta]) -> None:
        """Put *deltas* back: `next` returns them first."""
        self._kept = deltas

    async def next(self) -> list[Delta] | None:
        """The deltas of the next read, perhaps an empty list; None at the end.

        An error is raised after all deltas before it were returned.

        Raises:
            Interrupted: the connection broke, or was silent for too long.
            Refused: it did not end.
            ModelError: a payload reports an error.
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
        if self._has_place and not self._bounds.is_large:
            self._give_place()
        elif self._bounds.is_large and not self._has_place:
            await self._take_place()
        if len(piece) == PIECE_BYTES:
            # More data is here already. Let other tasks run in between.
            await asyncio.sleep(0)
        some: list[Delta] = []
        try:
            if piece:
                self._take(piece, some)
            else:
                self._rest(some)
        except ModelError as error:
            # The deltas before the error, from the same read, are returned first. Without its
            # frames: they hold what was read, and hold each other until a rare collection.
            self._failed = error.with_traceback(None)
            error.__context__ = None
        return some

    async def _take_place(self) -> None:
        """Wait for one of the places for large events."""
        try:
            async with asyncio.timeout(ROOM_S):
                await self._large.acquire()
        except TimeoutError as error:
            raise Overloaded("too many large answers at once") from error
        self._has_place = True

    def _give_place(self) -> None:
        if self._has_place:
            self._has_place = False
            self._large.release()

    def _take(self, piece: bytes, some: list[Delta]) -> None:
        if not self._known:
            begun = piece.lstrip(_BEFORE)
            if not begun:
                return
            self._known = True
            if begun[:1] in b'{["':
                self._lines, piece = Lines(), begun
        if self._lines is not None:
            if lines := self._lines.feed(piece):
                self._bounds.ended(self._lines.held)
            for line in lines:
                self._reader.read(line, some)
            return
        messages = self._decoder.messages(piece)
        if messages is None:
            for event in self._decoder.feed(piece):
                if event.type == "error":
                    self._reader.failed(event.data, some)
                elif self._ends(event.data, some):
                    return
                elif event.type in _LAST:
                    self._end(some)
                    return
        elif len(messages) == 1 or not self._reader.read_run(messages, some):
            for data in messages:
                if self._ends(data, some):
                    return

    def _ends(self, data: bytes, some: list[Delta]) -> bool:
        """Read *data*. Return whether it is the end."""
        if len(data) < SHORT and data.strip(b" \"'").upper() == b"[DONE]":
            self._end(some)
            return True
        self._reader.read(data, some)
        return False

    def _rest(self, some: list[Delta]) -> None:
        """Read what comes after the last whole event."""
        self._ended = True
        last = (self._lines or self._decoder).unfinished
        if last.strip(b" \"'")[:6].upper() == b"[DONE]":
            self._end(some)
        elif last and self._lines is None and self._decoder.unfinished_type == "error":
            self._reader.failed(last, some)
        elif last:
            self._reader.read(last, some)
        # A single complete JSON text is a complete answer.
        if self._lines is not None and self._lines.one:
            self._reader.rest(some)
            some += [Finished("stop")] * any(isinstance(one, TextDelta | Calls) for one in some)
        self._reader.rest(some)

    def _end(self, some: list[Delta]) -> None:
        self._ended = True
        self._reader.rest(some)
        some.append(Finished("stop"))

    def watch(self, gap_s: float, until: float) -> None:
        """End the stream if it is silent for *gap_s*, or still runs at *until* (the loop's clock).

        One timer serves all reads. Any data counts: a comment, a ping, an empty line.
        """
        self._stop_timer()
        now = self._loop.time()
        # Only the time in which we wait counts, not the time in which we are slow to read.
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
        """Stop the timer, and give back what is held."""
        self._stop_timer()
        self._give_place()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
