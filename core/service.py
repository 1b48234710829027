"""Opens everything in order and closes it in reverse: the one room with many arrows.

Platforms are built by who starts the service (`bots`), from what this room
lends them, so that core never knows an adapter.
"""

import asyncio
import gc
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from core.api import api_routes
from core.clients import Models, later_of, open_models
from core.errors import ConfigError, Revoked, StoreError
from core.http import http_server
from core.images.later import callback_routes
from core.live.pace import Pacer
from core.models.cache import RememberingModel
from core.models.learned import Lessons
from core.people.access import Access
from core.platform import Board, Leases, Platform, Secret
from core.secret import keep_secret
from core.settings import Settings
from core.store import keys
from core.store.answers import RedisMemory
from core.store.board import RedisBoard
from core.store.connection import connect, store_errors
from core.store.embedded import embedded
from core.store.feed import Feed
from core.store.inbox import Inbox
from core.store.limits import Notices, SharedBudget, SharedLeases
from core.store.secret import SharedSecret
from core.store.tasks import Tasks
from core.telemetry import Metrics, logger
from core.tracing import open_tracer
from core.turn.context import Context
from core.turn.material import Reader
from core.worker import Worker

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Lent:
    """What the core lends the adapters."""

    settings: Settings
    leases: Leases
    board: Board
    secret: Secret


BuildPlatforms = Callable[[Lent], Sequence[Platform]]


@dataclass(frozen=True, slots=True)
class Core:
    """The open core, before any platform."""

    settings: Settings
    redis: Redis
    feed: Feed
    tasks: Tasks
    inbox: Inbox
    models: Models
    lent: Lent
    context: Context


@asynccontextmanager
async def open_core(settings: Settings) -> AsyncIterator[Core]:
    """Open store and models.

    Raises:
        ConfigError: a setting keeps one of them from opening.
    """
    keep_secret(*settings.secrets())
    async with AsyncExitStack() as stack:
        url = settings.redis_url or await stack.enter_async_context(embedded(settings.data_dir))
        redis = await stack.enter_async_context(connect(url))
        feed = await stack.enter_async_context(Feed(redis))
        tasks = Tasks(redis, feed)
        budget = SharedBudget(redis)
        metrics = Metrics()
        content = settings.log_prompts and settings.trace_content
        tracer = await stack.enter_async_context(open_tracer(content=content))
        lessons = Lessons(RedisMemory(redis, keys.learned))
        models = await stack.enter_async_context(
            open_models(settings, budget, later_of(settings, tasks), metrics, tracer, lessons)
        )
        worker = f"{socket.gethostname()}-{secrets.token_hex(6)}"
        context = Context(
            settings=settings,
            model=RememberingModel(models.chat, RedisMemory(redis, keys.answer), metrics.memory),
            images=models.images,
            speech=models.speech,
            pacer=await stack.enter_async_context(Pacer(budget)),
            access=Access(
                settings.allowed_users,
                settings.allowed_chats,
                settings.admins,
                settings.allowed_models,
            ),
            personas=models.personas,
            reader=Reader(vision=settings.llm_vision, voice=models.voice),
            metrics=metrics,
            tracer=tracer,
        )
        yield Core(
            settings=settings,
            redis=redis,
            inbox=Inbox(
                redis,
                worker,
                history_ttl_s=settings.history_ttl,
                most_waiting=settings.max_waiting,
                most_per_person=settings.max_per_person,
            ),
            models=models,
            feed=feed,
            tasks=tasks,
            lent=Lent(
                settings,
                SharedLeases(redis),
                RedisBoard(redis, feed, settings.history_ttl),
                SharedSecret(redis),
            ),
            context=context,
        )


def collect_seldom() -> None:
    """Let the garbage collector leave alone what will stay, and look seldom at the rest.

    Streams make many short-lived objects and few cycles: a tenth of the time of many at once
    went into looking for some.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def serve(
    core: Core,
    build: BuildPlatforms,
    stop: asyncio.Event,
    ready: Callable[[str, Sequence[Platform]], None],
) -> None:
    """Run all platforms until *stop*; *ready* is told the server's URL once all is open.

    Raises:
        ConfigError: nothing can be served as configured.
    """
    settings = core.settings
    async with AsyncExitStack() as stack:
        platforms = await _enter(stack, build(core.lent))
        worker = Worker(
            core.feed,
            core.inbox,
            Notices(core.redis),
            platforms,
            core.context,
            core.lent.leases,
        )
        routes = [route for platform in platforms.values() for route in platform.routes()]
        if settings.image_callbacks:
            routes += callback_routes(core.tasks)
        if token := settings.api_token.get_secret_value():
            routes += api_routes(core.models.chat, token, settings.max_turns)

        async def readiness() -> dict[str, str]:
            return await _wrong(core, worker, platforms)

        url = await stack.enter_async_context(
            http_server(
                settings.http_host, settings.http_port, routes, core.context.metrics, readiness
            )
        )
        ready(url, tuple(platforms.values()))
        await worker.run(stop)


async def _enter(stack: AsyncExitStack, platforms: Sequence[Platform]) -> Mapping[str, Platform]:
    """Enter each; a platform whose credentials are refused does not keep down the others."""
    entered: dict[str, Platform] = {}
    refused: list[str] = []
    for platform in platforms:
        try:
            entered[platform.name] = await stack.enter_async_context(platform)
        except Revoked as error:
            log.error("platform not started", platform=platform.name, reason=str(error))
            refused.append(f"{platform.name} ({error})")
    if not entered:
        raise ConfigError(
            "TELEGRAM_BOT_TOKEN, SLACK_BOT_TOKEN",
            f"no platform could be started: {', '.join(refused) or 'none is on'}",
        )
    return entered


async def _wrong(core: Core, worker: Worker, platforms: Mapping[str, Platform]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    try:
        with store_errors():
            async with asyncio.timeout(2):
                await core.redis.ping()
    except StoreError as error:
        wrong["store"] = str(error)
    wrong |= {name: "updates are not read" for name in platforms if name not in worker.reading}
    return wrong
