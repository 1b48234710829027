"""Tasks: ending them for sure."""

import asyncio
from collections.abc import Iterable
from typing import Any


async def end(tasks: Iterable[asyncio.Task[Any]], *, again_s: float = 0.3) -> None:
    """Cancel *tasks* until they are gone, however each of them ends.

    Once is not enough: a client may swallow a cancellation (see `core.store.connection`).
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_s)
