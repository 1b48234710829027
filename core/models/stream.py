"""One answering response: its deltas, many at a time, each in time."""

import asyncio
from collections.abc import Callable

import aiohttp

from core.errors import Interrupted, Refused
from core.models.bounds import Bounds
from core.models.chunks import Delta, Finished
from core.models.sse import Decoder
from core.net.body import PIECE_BYTES


class Stream:
    """*response*, whose events *read* turns into deltas. To be closed, like the response."""

    def __init__(
        self, response: aiohttp.ClientResponse, read: Callable[[bytes], list[Delta]]
    ) -> None:
        self._response = response
        self._content = response.content
        self._whole = response.content_type == "application/json"
        self._read = read
        self._decoder = Decoder()
        self._bounds = Bounds()
        self._kept: list[Delta] = []
        self._ended = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._waits_since = 0.0
        self._late: Exception | None = None

    @property
    def last_id(self) -> str:
        """The id of the last event, where the server gives any."""
        return self._decoder.last_id

    def keep(self, deltas: list[Delta]) -> None:
        """Let *deltas*, taken already, be the next."""
        self._kept = deltas

    async def next(self) -> list[Delta] | None:
        """The deltas of the next read, perhaps none; None at the end.

        Raises:
            Interrupted: the connection broke, or was silent for too long.
            Refused: it did not end.
            What reading an event raises.
        """
        if self._kept:
            kept, self._kept = self._kept, []
            return kept
        if self._ended:
            return None
        if self._whole:
            # Asked for a stream, answered with a whole answer, or an error inside a 200.
            self._ended = True
            pieces = []
            while piece := await self._piece():
                pieces.append(piece)
            return self._read(b"".join(pieces))
        piece = await self._piece()
        if not piece:
            return self._rest()
        some: list[Delta] = []
        for event in self._decoder.feed(piece):
            if event.data == b"[DONE]":
                self._ended = True
                return [*some, Finished("stop")]
            some += self._read(event.data)
        return some

    def watch(self, gap_s: float, until: float) -> None:
        """End it when it is silent for *gap_s*, or goes on after *until* (by the loop's clock).

        With one timer for all reads, not one for each.
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
            else Interrupted("the model stopped in the middle of its answer")
        )
        self._response.close()

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()

    async def _piece(self) -> bytes:
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
        return piece

    def _rest(self) -> list[Delta] | None:
        """What stands behind the last whole event."""
        self._ended = True
        last = self._decoder.unfinished
        if not last:
            return None
        return [Finished("stop")] if last == b"[DONE]" else self._read(last)
