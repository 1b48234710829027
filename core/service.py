"""The service: opens everything in order, and closes it in reverse order.

`bots` builds the platforms from what this module lends them, so `core` never knows an adapter.
"""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from redis.asyncio import Redis

from core.admin.house import house_of
from core.admin.routes import admin_routes
from core.clients import Models, callbacks_of, links_of, open_models
from core.counting import Counting
from core.crowd import CrowdTeller
from core.errors import ConfigError
from core.hosting import Hosting
from core.http import Health, http_server
from core.lapses import Lapses
from core.lending import Lent, lent_by
from core.live.pace import Pacer
from core.models.cache import RememberingModel
from core.models.learned import Lessons
from core.models.picture_links import PictureLinks
from core.owner_codes import OwnerCodes
from core.people.access import access_of
from core.people.rights import rights_of
from core.platform import Platform
from core.platform_routes import PlatformRoutes
from core.reading import Reading
from core.requests import Requests
from core.routes import core_routes
from core.scheduler import Scheduler
from core.secret import keep_secret
from core.settings import Settings
from core.starting import Starting
from core.store import keys
from core.store.additions import open_additions
from core.store.archive import Archive
from core.store.audit import Audit
from core.store.budgets import Budgets
from core.store.consents import Consents
from core.store.crowds import Crowds
from core.store.inbox import Inbox
from core.store.limits import Notices
from core.store.maintenance import Maintenance
from core.store.members import SharedMembers
from core.store.opening import opened
from core.store.overheard import Overheard
from core.store.pins import SharedPins
from core.store.post_log import RedisPostLog
from core.store.pubsub import PubSub
from core.store.pulse import Pulse
from core.store.reminders import Reminders
from core.store.response_cache import RedisResponseCache
from core.store.sign_ins import open_sign_ins
from core.store.tasks import Tasks
from core.store.tokens import SharedBudget
from core.store.use import Use
from core.store.visits import SharedVisits
from core.tasks import end, lasting
from core.telemetry import Metrics
from core.toolbox import open_tools
from core.tracing import open_tracer
from core.turn.attachments import Reader
from core.turn.services import Services
from core.visits import Visits
from core.watchdog import watchdog
from core.worker import Worker

BuildPlatforms = Callable[[Lent], Awaitable[Sequence[Platform]]]
"""Returns at least one platform."""
Beside = Callable[[Lent], Coroutine[Any, Any, None]]
"""Work that goes on while the platforms serve, such as looking for others that should."""


@dataclass(frozen=True, slots=True)
class Core:
    """All that is open before the platforms start."""

    settings: Settings
    redis: Redis
    pubsub: PubSub
    tasks: Tasks
    inbox: Inbox
    models: Models
    links: PictureLinks | None
    lent: Lent
    services: Services


@asynccontextmanager
async def open_core(settings: Settings) -> AsyncIterator[Core]:
    """Open store and models.

    Raises:
        ConfigError: a setting is wrong, so that one of them cannot be opened.
    """
    keep_secret(*settings.secrets())
    async with AsyncExitStack() as stack:
        url, name = settings.redis_url.get_secret_value(), _name_of_process()
        store = opened(url, settings.data_dir, settings.shards, serves=name)
        redis = await stack.enter_async_context(store)
        pubsub = await stack.enter_async_context(PubSub(redis))
        tasks, metrics = Tasks(redis, pubsub), Metrics()
        budget = await stack.enter_async_context(aclosing(SharedBudget(redis)))
        tracer = await stack.enter_async_context(open_tracer(content=settings.traces_content))
        lessons = Lessons(RedisResponseCache(redis, keys.learned))
        links = links_of(settings, RedisResponseCache(redis, keys.picture))
        additions = open_additions(redis, settings)
        recorded = budget, callbacks_of(settings, tasks), metrics, tracer
        models = await stack.enter_async_context(
            open_models(settings, *recorded, lessons, links, additions)
        )
        inbox, entries = _inbox(redis, settings, name), models.tool_servers
        sign_ins = open_sign_ins(redis, pubsub, settings, entries)
        # The demo's server is there for who stays, not for one question from the terminal.
        more = {"idle": models.kind == "demo", "paints": models.images.paints}
        made = open_tools(settings, entries, SharedPins(redis), sign_ins, **more)
        tools, servers = await stack.enter_async_context(made)
        members, access = SharedMembers(redis), access_of(settings)
        rights = rights_of(settings, access, members)
        services = Services(
            settings=settings,
            model=_remembering(models, redis, metrics),
            images=models.images,
            speech=models.speech,
            pacer=await stack.enter_async_context(Pacer(budget)),
            access=access,
            rights=rights,
            budgets=Budgets(redis, models.limits),
            personas=models.personas,
            places=models.places,
            reader=Reader(vision=settings.llm_vision, voice=models.voice, hears=settings.llm_hears),
            overheard=Overheard(redis),
            reminders=Reminders(redis, settings.max_waiting),
            sign_ins=sign_ins,
            put=inbox.put,
            tools=tools,
            servers=servers,
            metrics=metrics,
            tracer=tracer,
            notices=Notices(redis),
            requests=Requests(redis, members, access, budget),
            audit=Audit(redis),
            maintenance=Maintenance(redis),
            visits=Visits(SharedVisits(redis), rights, Archive(redis), settings.public_url),
        )
        posts = await stack.enter_async_context(RedisPostLog(redis, pubsub, settings.history_ttl))
        lent = lent_by(redis, pubsub, posts, services)
        yield Core(settings, redis, pubsub, tasks, inbox, models, links, lent, services)


def _remembering(models: Models, redis: Redis, metrics: Metrics) -> RememberingModel:
    return RememberingModel(models.chat, RedisResponseCache(redis, keys.answer), metrics.memory)


def _name_of_process() -> str:
    return f"{socket.gethostname()}-{secrets.token_hex(6)}"


def _inbox(redis: Redis, settings: Settings, name: str) -> Inbox:
    return Inbox(
        redis,
        name,
        history_ttl_s=settings.history_ttl,
        most_waiting=settings.max_waiting,
        most_per_person=settings.max_per_person,
        most_per_place=settings.max_per_place,
    )


async def serve(
    core: Core,
    build: BuildPlatforms,
    stop: asyncio.Event,
    ready: Callable[[str, Sequence[Platform]], None],
    beside: Beside | None = None,
) -> None:
    """Run all platforms until *stop*. *ready* gets the server's URL when all is open.

    Raises:
        ConfigError: nothing can be served as configured.
    """
    settings = core.settings
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(watchdog(core.services.metrics.loop_lag))
        hosting, starting, worker, routing = _hosting(core)
        pulse = Pulse(core.redis, hosting.platforms, core.services.metrics.waiting)
        renew = partial(core.models.renewal.take, core.services.budgets)
        checks = core.models.renewal.checks
        lent = replace(core.lent, hosting=hosting, renew=renew, checks=checks)
        for platform in await build(lent):
            hosting.add(platform)
        routes = core_routes(core.services, core.tasks, core.models, core.links)
        house = house_of(
            core.redis, core.services, core.inbox, hosting.platforms, core.models.renewal
        )
        stack.push_async_callback(house.broadcasting.close)
        routes += [*admin_routes(house), *hosting.routes]
        routes += routing.all_to(hosting.platforms.values())

        def health() -> Health:
            wrong, warnings = hosting.faults()
            if pulse.wrong:
                wrong["store"] = pulse.wrong
            if behind := core.lent.leases.behind:
                wrong["leases"] = f"not renewed: {', '.join(behind)}"
            return Health(wrong, [*warnings, *pulse.warnings, *core.services.servers.faults])

        async def readiness() -> Health:
            await pulse.feel()
            return health()

        url = await stack.enter_async_context(
            http_server(
                settings.http_host, settings.http_port, routes, core.services.metrics, readiness
            )
        )
        await stack.enter_async_context(starting)
        working = asyncio.create_task(worker.run(stop), name="worker")
        jobs = [working, *_jobs(core, pulse, hosting.platforms, health)]
        jobs += [asyncio.create_task(lasting("tenants", job)) for job in hosting.jobs]
        try:
            await _until_tried(starting, stop, working, more=bool(hosting.jobs))
            if not stop.is_set():
                ready(url, starting.started)
                jobs += [asyncio.create_task(beside(lent), name="beside")] if beside else []
            await working
        finally:
            await end(jobs)


def _jobs(
    core: Core, pulse: Pulse, platforms: Mapping[str, Platform], health: Callable[[], Health]
) -> list[asyncio.Task[None]]:
    """What runs beside the worker."""
    services, name = core.services, core.inbox.engine.worker
    lapses = Lapses(Consents(core.redis), services.put)
    reminders = Scheduler(services.reminders, core.pubsub, services.metrics, lapses)
    most, renewal = core.settings.max_turns, core.models.renewal
    counting = Counting(Use(core.redis), services.metrics, name, most, platforms, health, renewal)
    jobs: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "pulse": pulse.watch,
        "reminders": reminders.watch,
        "counting": counting.watch,
        "additions": partial(renewal.watch, services.budgets),
    }
    return [asyncio.create_task(job(), name=name) for name, job in jobs.items()]


def _hosting(core: Core) -> tuple[Hosting, Starting, Worker, PlatformRoutes]:
    """What serves the platforms, and does not know any yet."""
    platforms: dict[str, Platform] = {}
    starting = Starting(platforms, core.lent.tenants.hold)
    reading = Reading(platforms, starting.enter, core.inbox.prepare)
    routing = PlatformRoutes(starting.wrong)
    notices = core.services.notices
    worker = Worker(
        core.pubsub,
        core.inbox,
        notices,
        core.services,
        core.lent.leases,
        reading,
        CrowdTeller(Crowds(core.redis, core.inbox), notices, core.services.pacer.budget),
        OwnerCodes(core.services, lambda: starting.started),
    )
    known = core.lent.tenants, core.services.requests.members
    hosting = Hosting(platforms, starting, reading, worker, routing, *known)
    return hosting, starting, worker, routing


async def _until_tried(
    starting: Starting, stop: asyncio.Event, working: asyncio.Task[None], *, more: bool
) -> None:
    """Return when each platform was tried once, or at *stop*. *more*: others may come.

    Raises:
        ConfigError: no platform accepts our credentials.
    """
    waits = [asyncio.create_task(starting.first_tries()), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait([*waits, working], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(waits)
    if starting.refused and not more:
        reasons = ", ".join(f"{name} {reason}" for name, reason in starting.wrong.items())
        raise ConfigError("credentials", reasons)
