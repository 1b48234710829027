"""Tasks: end them for sure, let important work finish, wake them, and make a call later."""

import asyncio
import math
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


class Flag:
    """Like `asyncio.Event`, but with a bound to each wait.

    A growing answer waits a hundred times, mostly until the bound. `asyncio.timeout` cancels the
    task for that, which costs three times as much as a timer. A growing answer also has many of
    these, and an event takes seven times the memory while nobody waits.
    """

    __slots__ = ("_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: tuple[asyncio.Future[bool], ...] = ()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        for future in self._waiting:
            _resolve(future, True)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self, most_s: float = math.inf) -> bool:
        """Wait until it is set, or for *most_s* seconds. Returns whether it was set."""
        if self._is_set:
            return True
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_later(most_s, _resolve, future, False) if most_s < math.inf else None
        self._waiting += (future,)
        try:
            return await future
        finally:
            alone = len(self._waiting) == 1
            self._waiting = () if alone else tuple(o for o in self._waiting if o is not future)
            if timer is not None:
                timer.cancel()


def _resolve(future: asyncio.Future[bool], result: bool) -> None:
    if not future.done():
        future.set_result(result)


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
