"""Reading: what people do on each platform is put into the inbox.

Each platform is read by a task of its own, and asked for more only when the inbox holds the last.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing

from core.errors import PalaverError, PlatformError, Revoked
from core.ingress import Ingress
from core.messages import Incoming, place_of
from core.platform import Platform
from core.retry import BACKOFF_S, retry_until_available
from core.tasks import after, end
from core.telemetry import logger

log = logger(__name__)

FORGIVEN_S = 120.0
WELL_S = 10.0
"""After this long without a failure, a platform counts as read."""
PLACES_AT_ONCE = 32
"""Of so many places messages are taken in at the same time: most of it is waiting for the store."""


class Reading:
    """Reads *platforms*, each when *enter* has entered it, and *prepare* has made room for it.

    *wrong*: why a platform's updates are not read, by name. *serving*: those that have started, and
    still accept our credentials. *lost*: those that do so no more.
    """

    def __init__(
        self,
        platforms: Mapping[str, Platform],
        enter: Callable[[Platform], Awaitable[None]],
        prepare: Callable[[Sequence[str]], Awaitable[None]],
    ) -> None:
        self.wrong: dict[str, str] = {}
        self.serving: dict[str, Platform] = {}
        self.lost: set[str] = set()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._platforms = platforms
        self._enter, self._prepare = enter, prepare
        self._into: tuple[asyncio.TaskGroup, Ingress] | None = None

    def begin(self, group: asyncio.TaskGroup, ingress: Ingress) -> None:
        """Read all platforms, and from now on those that are added."""
        self._into = group, ingress
        for platform in self._platforms.values():
            self.add(platform)

    def add(self, platform: Platform) -> None:
        """Read *platform* too."""
        if self._into is not None:
            group, ingress = self._into
            work = self._read(platform, ingress)
            self.tasks[platform.name] = group.create_task(work, name=f"read {platform.name}")

    async def stop(self, name: str) -> None:
        """Read the platform *name* no more."""
        self.serving.pop(name, None)
        if (task := self.tasks.pop(name, None)) is not None:
            await end([task])
        self.wrong.pop(name, None)
        self.lost.discard(name)

    async def _read(self, platform: Platform, ingress: Ingress) -> None:
        """Put the platform's updates into the inbox. Asking for more acknowledges the last."""
        await self._enter(platform)
        await retry_until_available(lambda: self._prepare((platform.name,)), "prepare")
        self.serving[platform.name] = platform
        failures, failed_at = 0, 0.0
        while True:
            try:
                async with (
                    after(WELL_S, lambda: self.wrong.pop(platform.name, None)),
                    aclosing(platform.updates()) as batches,
                ):
                    async for batch in batches:
                        failures = 0
                        self.wrong.pop(platform.name, None)
                        await _accept(platform, batch, ingress)
                return
            except Revoked as error:
                self.lose(platform, error)
                return
            except Exception as error:
                # Even a bug of ours on one platform must not end the others.
                if time.monotonic() - failed_at > FORGIVEN_S:
                    failures = 0
                failed_at = time.monotonic()
                if failures:
                    words = str(error) if isinstance(error, PalaverError) else type(error).__name__
                    self.wrong[platform.name] = f"updates are not read: {words}"
                if failures in (0, 10) or failures % 100 == 0:
                    log.warning(
                        "updates not read",
                        platform=platform.name,
                        reason=str(error),
                        exc_info=not isinstance(error, PlatformError),
                    )
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1

    def lose(self, platform: Platform, error: Revoked) -> None:
        """Use *platform* no more. Its mail stays for a start with better credentials."""
        if self.serving.get(platform.name) is platform:
            self.wrong[platform.name] = f"lost: {error}"
            del self.serving[platform.name]
            self.lost.add(platform.name)
            log.error("platform lost", platform=platform.name, reason=str(error))


async def _accept(platform: Platform, batch: Sequence[Incoming], ingress: Ingress) -> None:
    """Return when all of *batch* is taken in. What was said in one place keeps its order."""
    places: dict[str, list[Incoming]] = {}
    for incoming in batch:
        places.setdefault(place_of(incoming.conversation), []).append(incoming)
    if any(incoming.moved_to for incoming in batch):
        places = {"": [*batch]}  # What follows may be said in the place that it became.
    slots = asyncio.Semaphore(PLACES_AT_ONCE)

    async def in_order(said: Sequence[Incoming]) -> None:
        async with slots:
            for incoming in said:
                await ingress.accept(platform, incoming)

    ends = await asyncio.gather(*map(in_order, places.values()), return_exceptions=True)
    for end_ in ends:
        if end_ is not None:
            raise end_
