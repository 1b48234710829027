"""Arrivals: between a platform that pushes and a core that pulls."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from core.messages import Incoming

MOST_WAITING = 1000


class PushQueue:
    """Holds what a platform pushed until the inbox holds it.

    `accept` returns only then, so that a webhook or a socket is answered, and
    the event thereby acknowledged, at the right moment.
    """

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[Incoming, asyncio.Future[None]]] = asyncio.Queue(
            MOST_WAITING
        )

    async def accept(self, incoming: Incoming, within_s: float) -> None:
        """Wait until the inbox holds *incoming*.

        Raises:
            TimeoutError: it does not within *within_s*; the platform should deliver again.
        """
        held: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(within_s):
            await self._queue.put((incoming, held))
            await held

    async def batches(self) -> AsyncGenerator[Sequence[Incoming]]:
        """What was pushed, for `Platform.updates`."""
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            # Whoever gave up waiting was told so: the platform will deliver it again.
            batch = [one for one in batch if not one[1].cancelled()]
            if not batch:
                continue
            yield [incoming for incoming, _ in batch]
            for _, held in batch:
                if not held.done():
                    held.set_result(None)
