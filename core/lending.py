"""What the core lends the adapters, made from what is open."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from redis.asyncio import Redis

from core.hosting import Hosting
from core.lent import CommandInfo, Overhears, PostLog, Recent, Secret, Spare, Standing
from core.live.delivery import SpareCalls
from core.messages import Incoming
from core.overhearing import Listening
from core.settings import Settings
from core.store.limits import SharedLeases
from core.store.places import Places
from core.store.pubsub import PubSub
from core.store.recent import SharedRecent
from core.store.safe import SharedSafe, safe_of
from core.store.secret import SharedSecret
from core.store.tenants import Tenants
from core.turn.commands import infos
from core.turn.services import Services
from core.visits import Visits


@dataclass(frozen=True, slots=True)
class Lent:
    """What the core lends the adapters. *hosting* is there while platforms serve.

    *renew*: lets `palaver.toml` hold as it stands now; raises `ConfigError`, and changes nothing.
    *checks*: what else must be right in it for that.
    """

    settings: Settings
    leases: SharedLeases
    post_log: PostLog
    secret: Secret
    recent: Recent
    spare: Spare
    standing: Callable[[Incoming], Awaitable[Standing]]
    commands: Mapping[str, CommandInfo]
    overhears: Overhears
    visits: Visits
    tenants: Tenants
    safe: Callable[[str], SharedSafe]
    hosting: Hosting | None = None
    renew: Callable[[], Awaitable[None]] | None = None
    checks: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


def lent_by(redis: Redis, pubsub: PubSub, post_log: PostLog, services: Services) -> Lent:
    """What is lent while *redis* is open."""
    settings = services.settings
    return Lent(
        settings,
        SharedLeases(redis),
        post_log,
        SharedSecret(redis),
        SharedRecent(redis),
        SpareCalls(services.pacer.budget),
        services.standing,
        infos(services),
        Listening(Places(redis, settings.history_ttl), services),
        services.visits,
        Tenants(redis),
        partial(safe_of, redis, pubsub, settings),
    )
