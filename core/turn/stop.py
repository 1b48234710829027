"""The stop signal: the person says stop, and what was written until then stays."""

import asyncio
from contextlib import suppress


class StopSignal:
    """Ends the block of a turn that may be stopped, now or as soon as it begins.

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
