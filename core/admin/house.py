"""What the operator's page looks at and changes."""

from collections.abc import Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from core.admin.broadcasting import Broadcasting
from core.people.roles import tenant_of
from core.platform import Platform
from core.renewal import Renewal
from core.store.additions import KeptAdditions, open_additions
from core.store.dead_letters import DeadLetters
from core.store.inbox import Inbox
from core.store.living import Living, living
from core.store.use import Use
from core.store.visits import SharedVisits
from core.turn.services import Services


@dataclass(frozen=True, slots=True)
class House:
    """All that is open, by name."""

    redis: Redis
    services: Services
    inbox: Inbox
    platforms: Mapping[str, Platform]
    visits: SharedVisits
    use: Use
    letters: DeadLetters
    broadcasting: Broadcasting
    renewal: Renewal
    additions: KeptAdditions

    @property
    def tenants(self) -> list[str]:
        return list(self.platforms)

    async def living(self) -> Living:
        """The tenants that can be looked at now, and those whose part of the store is away."""
        return await living(self.redis, self.tenants)

    def local(self, name: str) -> bool:
        """Whether the person or place *name* is of a platform that lets people in by itself."""
        platform = self.platforms.get(tenant_of(name))
        return platform is None or platform.local


def house_of(
    redis: Redis,
    services: Services,
    inbox: Inbox,
    platforms: Mapping[str, Platform],
    renewal: Renewal,
) -> House:
    return House(
        redis,
        services,
        inbox,
        platforms,
        SharedVisits(redis),
        Use(redis),
        DeadLetters(redis, inbox),
        Broadcasting(redis, platforms, services.pacer.budget),
        renewal,
        open_additions(redis, services.settings),
    )
