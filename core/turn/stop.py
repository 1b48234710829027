"""The stop signal: the person says stop. The text that is written already stays."""

import asyncio
from contextlib import suppress


class StopSignal:
    """Ends the stoppable block of a turn: at once, or as soon as the block begins.

    Attributes:
        given: whether somebody said stop.
    """

    def __init__(self) -> None:
        self.given = False
        self._block: asyncio.Timeout | None = None

    def stoppable(self) -> asyncio.Timeout:
        """A block that ends with `TimeoutError` when the signal is given."""
        self._block = asyncio.timeout(0 if self.given else None)
        return self._block

    def give(self) -> None:
        if self.given:
            return
        self.given = True
        if self._block is not None:
            with suppress(RuntimeError):  # The block has ended already.
                self._block.reschedule(asyncio.get_running_loop().time())
