"""A semaphore of which one holder may take many units: bytes, pixels, processes."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Weighted:
    """*most* units in all, first come, first served. A wish for more than *most* gets *most*."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = most
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for units."""
        return len(self._waiting)

    @asynccontextmanager
    async def hold(self, weight: int) -> AsyncIterator[None]:
        """Wait until *weight* units are free, and keep them for the block."""
        weight = max(0, min(weight, self._most))
        if self._waiting or weight > self._free:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((turn, weight))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give(weight)  # We had just got it.
                else:
                    with suppress(ValueError):
                        self._waiting.remove((turn, weight))
                    self._give(0)  # The next in the queue may want less.
                raise
        else:
            self._free -= weight
        try:
            yield
        finally:
            self._give(weight)

    def _give(self, weight: int) -> None:
        self._free += weight
        while self._waiting and self._waiting[0][1] <= self._free:
            turn, wanted = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= wanted
                turn.set_result(None)
