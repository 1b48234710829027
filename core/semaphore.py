"""A semaphore whose holders take more than one: bytes, pixels, processes."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Weighted:
    """*most* at once, in the order in which they came; who wants more than all gets all."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = most
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @asynccontextmanager
    async def hold(self, weight: int) -> AsyncIterator[None]:
        """Wait until *weight* is free, and keep it for the block."""
        weight = max(0, min(weight, self._most))
        if self._waiting or weight > self._free:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((turn, weight))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give(weight)  # It had been given already.
                else:
                    with suppress(ValueError):
                        self._waiting.remove((turn, weight))
                    self._give(0)  # Who came behind may want less.
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
