"""Tasks: end them for sure, let important work finish, and make a call later."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import structlog

log = structlog.stdlib.get_logger(__name__)
_T = TypeVar("_T")


async def end(tasks: Iterable[asyncio.Task[Any]], *, again_s: float = 0.3) -> None:
    """Cancel *tasks* until they are gone, however each of them ends.

    One cancellation is not enough: a client may swallow it (see `core.store.connection`).
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_s)


async def see_through(work: Coroutine[Any, Any, _T], most_s: float) -> _T:
    """Do *work*. If the caller is cancelled, wait up to *most_s* for the work to end.

    Use it for calls that make something outside: if such a call were cut, nobody would know of what
    it made.
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
    """Make *call* if the block lasts for *seconds*."""
    timer = asyncio.get_running_loop().call_later(seconds, call)
    try:
        yield
    finally:
        timer.cancel()


async def lasting(name: str, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do *job* again when it fails, so that a bug in one job does not end the others."""
    while True:
        try:
            await job()
        except Exception:
            log.exception("begun again", job=name)
        await asyncio.sleep(1)
