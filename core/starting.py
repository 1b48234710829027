"""Starting: each platform starts by itself. If one fails, it is tried again while the others serve.

The reason is logged in one line, now and then again, and is shown in `/readyz`.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from core.errors import PalaverError, RateLimited, Revoked
from core.platform import Platform
from core.telemetry import logger

log = logger(__name__)

FIRST_S = 5.0
"""How long to wait for the first tries of all platforms before the program says that it serves."""
TRY_S = 60.0
"""A try that takes longer is ended, and begun again."""
AGAIN_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
SAY_AGAIN_S = 600.0


class Starting:
    """Enters *platforms* into *stack*. *wrong*: why a platform has not started, by its name."""

    def __init__(self, platforms: Sequence[Platform], stack: AsyncExitStack) -> None:
        self.wrong = {platform.name: "is being connected to" for platform in platforms}
        self._platforms = platforms
        self._stack = stack
        self._tried = {platform.name: asyncio.Event() for platform in platforms}
        self._refused: set[str] = set()

    @property
    def started(self) -> Sequence[Platform]:
        return [platform for platform in self._platforms if platform.name not in self.wrong]

    @property
    def refused(self) -> bool:
        """Whether no platform accepts our credentials. Then nobody can be served."""
        return self._refused == set(self._tried)

    def routes(self) -> list[web.AbstractRouteDef]:
        """The routes of all platforms. Each answers once its platform has started."""
        return [
            _once_started(route, platform.name, self.wrong)
            for platform in self._platforms
            for route in platform.routes()
        ]

    async def first_tries(self) -> None:
        """Return when every platform was tried once, or after `FIRST_S`."""
        tries = [asyncio.create_task(tried.wait()) for tried in self._tried.values()]
        if tries:
            await asyncio.wait(tries, timeout=FIRST_S)
        for one in tries:
            one.cancel()

    async def enter(self, platform: Platform) -> None:
        """Return when *platform* has started."""
        name, failures, said_at, last = platform.name, 0, 0.0, ""
        while True:
            try:
                async with asyncio.timeout(TRY_S):
                    await self._stack.enter_async_context(platform)
            except Exception as error:
                reason = _in_words(error)
                wait_s = AGAIN_S[min(failures, len(AGAIN_S) - 1)]
                if isinstance(error, RateLimited):
                    wait_s = max(wait_s, error.retry_after_s)
                if isinstance(error, Revoked):
                    self._refused.add(name)
                else:
                    self._refused.discard(name)
                if reason != last or time.monotonic() - said_at > SAY_AGAIN_S:
                    said_at, last = time.monotonic(), reason
                    log.error(
                        "platform not started",
                        platform=name,
                        reason=reason,
                        again_s=wait_s,
                        exc_info=not isinstance(error, PalaverError | TimeoutError),
                    )
                self.wrong[name] = f"has not started: {reason}"
                self._tried[name].set()
                await asyncio.sleep(wait_s)
                failures += 1
            else:
                del self.wrong[name]
                self._refused.discard(name)
                self._tried[name].set()
                if failures:
                    log.info("platform started", platform=name, tries=failures + 1)
                return


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {TRY_S:.0f} s"
    # Only the texts of our own errors are safe for everybody to read.
    return str(error) if isinstance(error, PalaverError) else type(error).__name__


def _once_started(
    route: web.AbstractRouteDef, platform: str, waiting: Mapping[str, str]
) -> web.AbstractRouteDef:
    """*route*. Until *platform* has started, it answers: come again later."""
    if not isinstance(route, web.RouteDef):
        return route
    inner: Any = route.handler

    async def handle(request: web.Request) -> web.StreamResponse:
        if platform in waiting:
            return web.Response(status=503, headers={"Retry-After": "5"})
        answer: web.StreamResponse = await inner(request)
        return answer

    return web.RouteDef(route.method, route.path, handle, route.kwargs)
