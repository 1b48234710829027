"""Keeps the order of a channel's events while they are prepared side by side.

Looking up names and files takes longer for one event than for the next. What was said first must
still be accepted first.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

TIMEOUT_S = 1.5
"""How long an event waits for earlier ones: longer than names take, but short enough to be
acknowledged in time."""


class Order:
    """Gives each event of a channel a place after the earlier ones."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Event] = {}

    @asynccontextmanager
    async def place(self, channel: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """A place after the earlier events; gives a function that waits until they are accepted."""
        before, mine = self._last.get(channel), asyncio.Event()
        self._last[channel] = mine

        async def turn() -> None:
            if before is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(TIMEOUT_S):
                        await before.wait()

        try:
            yield turn
        finally:
            mine.set()
            if self._last.get(channel) is mine:
                del self._last[channel]
