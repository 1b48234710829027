"""The push queue: a platform pushes events into it, and the core pulls them out."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from core.messages import Incoming

MOST_WAITING = 1000


class PushQueue:
    """Holds what a platform pushed until the inbox holds it.

    `accept` returns only then. So an adapter answers its webhook or socket, which acknowledges
    the event, at the right moment.
    """

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[Incoming, asyncio.Future[None]]] = asyncio.Queue(
            MOST_WAITING
        )

    async def accept(self, incoming: Incoming, within_s: float) -> None:
        """Wait until the inbox holds *incoming*.

        Raises:
            TimeoutError: that took longer than *within_s*. The platform should deliver again.
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
            # Nobody waits for it any more: the platform was told, and will deliver it again.
            batch = [one for one in batch if not one[1].cancelled()]
            if not batch:
                continue
            yield [incoming for incoming, _ in batch]
            for _, held in batch:
                if not held.done():
                    held.set_result(None)
