"""The order in which a channel's events came, kept while they are made ready side by side.

Names and files are asked for, and one event takes longer than the next. What was said first must
be accepted first all the same.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

PATIENCE_S = 1.5
"""Longer than names take; who waits still has to be acknowledged in time."""


class Order:
    """Where each event of a channel stands behind the one before."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Event] = {}

    @asynccontextmanager
    async def place(self, channel: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """A place behind what came before; gives what waits for that to be accepted."""
        before, mine = self._last.get(channel), asyncio.Event()
        self._last[channel] = mine

        async def turn() -> None:
            if before is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE_S):
                        await before.wait()

        try:
            yield turn
        finally:
            mine.set()
            if self._last.get(channel) is mine:
                del self._last[channel]
