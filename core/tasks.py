"""Tasks: ending them for sure, letting end what must not be cut, and calls at a later time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
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


async def see_through(work: Coroutine[Any, Any, _T], most_s: float) -> _T:
    """Do *work*; who is cancelled meanwhile waits for its end first, for *most_s*.

    For calls that make something outside, which nobody would know of if they were cut.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task], timeout=most_s)
        finally:
            await end([task])
        raise


@asynccontextmanager
async def after(seconds: float, call: Callable[[], object]) -> AsyncIterator[None]:
    """Make *call* when the block has lasted for *seconds*."""
    timer = asyncio.get_running_loop().call_later(seconds, call)
    try:
        yield
    finally:
        timer.cancel()
