"""Hosting: platforms that come and go while the program runs, such as one more bot.

Nobody else is disturbed by that. Who goes is read no more, and gets the grace time for its running
answers; what waits there is answered if it comes back.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from core.messages import Sender
from core.owner_codes import fresh_code
from core.people.roles import Member, Role
from core.platform import Platform
from core.platform_routes import PlatformRoutes
from core.reading import Reading
from core.starting import Starting
from core.store.members import SharedMembers
from core.store.tenants import Tenants
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
        tenants: Tenants,
        members: SharedMembers,
    ) -> None:
        self._platforms = platforms
        self._starting, self._reading = starting, reading
        self._worker, self._routes = worker, routes
        self._tenants, self._members = tenants, members
        self._changing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Of two changes of one platform, the later one holds."""
        self.troubles: dict[str, str] = {}
        """Why what serves several platforms at once does not work, by name."""
        self.routes: list[web.AbstractRouteDef] = []
        self.jobs: list[Callable[[], Coroutine[Any, Any, None]]] = []
        """What serves several platforms at once (see `also`)."""

    @property
    def platforms(self) -> Mapping[str, Platform]:
        return self._platforms

    @property
    def lost(self) -> Collection[str]:
        """Those that had started, and whose credentials were then refused."""
        return self._reading.lost

    def faults(self) -> tuple[dict[str, str], list[str]]:
        """Why platforms cannot be served, by name; and the same of those that are one of several.

        A process must not count as ill for one bot whose token was revoked, while others serve. Nor
        for any that came by itself: others may still come, unless nobody sends them here.
        """
        wrong = {**self._starting.wrong, **self._reading.wrong}
        well = {kind_of(name) for name in self._platforms if name not in wrong}
        by_itself = wrong.keys() - self._tenants.wanted.keys()
        one_of = {n: why for n, why in wrong.items() if n in by_itself or kind_of(n) in well}
        left = {name: why for name, why in wrong.items() if name not in one_of} | self.troubles
        return left, [f"{name}: {why}" for name, why in one_of.items()]

    def also(
        self,
        routes: Iterable[web.AbstractRouteDef],
        jobs: Iterable[Callable[[], Coroutine[Any, Any, None]]],
    ) -> None:
        """Serve *routes* too, and do *jobs* again and again. To be called before the start."""
        self.routes += routes
        self.jobs += jobs

    async def name_of(self, kind: str, bot: str) -> str:
        """The name of the tenant that *bot* of the platform *kind* is. Raises `StoreError`."""
        return await self._tenants.name_of(kind, bot)

    async def own(self, name: str, person: Sender) -> None:
        """Make *person* the owner of the tenant *name*, if it has none. Raises `StoreError`."""
        if code := await self._members.owner_code(name, fresh_code()):
            member = Member(Role.OWNER, person.name, "installed", time.time(), person.language)
            if await self._members.own(name, code, person.id, member):
                log.info("who installed it is its owner", platform=name, person=person.id)

    def add(self, platform: Platform) -> None:
        """Let *platform* serve. A task of its own enters it, again and again until that works."""
        self._platforms[platform.name] = platform
        self._starting.expect(platform.name)
        self._routes.open(platform)
        self._reading.add(platform)

    async def change(self, go: Collection[str], come: Sequence[Platform]) -> None:
        """Let the platforms named *go* leave, and those of *come* serve.

        One of *come* may have the name of one that leaves. The others need not wait for that.
        """
        instead = {one.name: one for one in come}
        names = {*go, *instead}
        await asyncio.gather(*(self._replace(name, instead.get(name)) for name in names))

    async def _replace(self, name: str, platform: Platform | None) -> None:
        async with self._changing[name]:
            if name in self._platforms:
                await self._leave(name)
            if platform is not None:
                self._come(platform)

    def _come(self, platform: Platform) -> None:
        self.add(platform)
        log.info("platform added", platform=platform.name)

    async def _leave(self, name: str) -> None:
        self._routes.close(name)
        await self._worker.leave(name)
        self._platforms.pop(name, None)
        await self._starting.leave(name)
        log.info("platform taken away", platform=name)
