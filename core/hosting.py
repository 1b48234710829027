"""Hosting: platforms that come and go while the program runs, such as one more bot.

Nobody else is disturbed by that. Who goes is read no more, and gets the grace time for its running
answers; what waits there is answered if it comes back.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from core.platform import Platform
from core.platform_routes import PlatformRoutes
from core.reading import Reading
from core.starting import Starting
from core.telemetry import logger
from core.tenant_names import kind_of
from core.worker import Worker

log = logger(__name__)


class Hosting:
    """Changes *platforms*, by name, for all who work with them."""

    def __init__(
        self,
        platforms: dict[str, Platform],
        starting: Starting,
        reading: Reading,
        worker: Worker,
        routes: PlatformRoutes,
    ) -> None:
        self._platforms = platforms
        self._starting, self._reading = starting, reading
        self._worker, self._routes = worker, routes
        self._lock = asyncio.Lock()

    @property
    def platforms(self) -> Mapping[str, Platform]:
        return self._platforms

    def faults(self) -> tuple[dict[str, str], list[str]]:
        """Why platforms cannot be served, by name; and the same of those that are one of several.

        A process must not count as ill for one bot whose token was revoked, while others serve.
        """
        wrong = {**self._starting.wrong, **self._reading.wrong}
        well = {kind_of(name) for name in self._platforms if name not in wrong}
        one_of = {name: why for name, why in wrong.items() if kind_of(name) in well}
        left = {name: why for name, why in wrong.items() if name not in one_of}
        return left, [f"{name}: {why}" for name, why in one_of.items()]

    def add(self, platform: Platform) -> None:
        """Let *platform* serve. A task of its own enters it, again and again until that works."""
        self._platforms[platform.name] = platform
        self._starting.expect(platform.name)
        self._routes.open(platform)
        self._reading.add(platform)

    async def change(self, go: Collection[str], come: Sequence[Platform]) -> None:
        """Let the platforms named *go* leave, and then those of *come* serve.

        One of *come* may have the name of one that leaves.
        """
        async with self._lock:
            await asyncio.gather(*(self._leave(name) for name in go if name in self._platforms))
            for platform in come:
                self.add(platform)
                log.info("platform added", platform=platform.name)

    async def _leave(self, name: str) -> None:
        self._routes.close(name)
        await self._worker.leave(name)
        del self._platforms[name]
        await self._starting.leave(name)
        log.info("platform taken away", platform=name)
