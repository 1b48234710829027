"""Tasks: ending them for sure, and letting end what must not be cut."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

_T = TypeVar("_T")


async def end(tasks: Iterable[asyncio.Task[Any]], *, again_s: float = 0.3) -> None:
    """Cancel *tasks* until they are gone, however each of them ends.

    Once is not enough: a client may swallow a cancellation (see `core.store.connection`).
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_s)


async def see_through(work: Coroutine[Any, Any, _T], patience_s: float) -> _T:
    """Do *work*; who is cancelled meanwhile waits for its end first, for *patience_s*.

    For calls that make something outside, which nobody would know of if they were cut.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task], timeout=patience_s)
        finally:
            await end([task])
        raise
