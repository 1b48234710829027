"""What is done beside the turns, after their commit. Nobody waits for it.

Such work is an extra: it is bounded in number and in time, dropped if there is too much of it, and
lost if the process ends. So it must be harmless to leave out, and cheap to do again.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from core.errors import PalaverError
from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

MOST = 50
"""How many extras run at once in one process."""
MOST_S = 120.0


class Background:
    """The extras of one process. Each has a name, and only one of a name runs at a time."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def idle(self) -> bool:
        return not self._running

    def begin(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do *work* soon, unless one of the same *name* runs, or too many others."""
        if name in self._running or len(self._running) >= MOST:
            return
        task = asyncio.create_task(_done(name, work), name=name)
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))

    async def close(self) -> None:
        """End all of it."""
        await end(self._running.values())


async def _done(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        async with asyncio.timeout(MOST_S):
            await work()
    except (PalaverError, TimeoutError) as error:
        log.warning("an extra was left out", extra=name, reason=str(error))
    except Exception:
        # A bug in an extra must not end the process.
        log.exception("an extra failed", extra=name)
