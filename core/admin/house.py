"""What the operator's page looks at and changes."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from core.admin.broadcasting import Broadcasting
from core.admin.reading import ID, Wrong
from core.people.roles import Role, person_in, tenant_of
from core.platform import Platform
from core.renewal import Renewal
from core.store.additions import KeptAdditions, open_additions
from core.store.dead_letters import DeadLetters
from core.store.inbox import Inbox
from core.store.living import Living, living
from core.store.use import Use
from core.store.visits import SharedVisits
from core.turn.commands.command import shown_name
from core.turn.services import Services
from core.words import NAME_CHARS, cut, undirected

SHAPES = (re.compile(r"-?[0-9]{1,20}"), re.compile(r"[UWCGD][A-Z0-9]{1,30}"))
"""Ids as the platforms write them: all people and places of a platform in the same way. (In a chat
more is asked of them, because there a word in capital letters may be a name.)"""


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

    async def check_ids(self, names: Iterable[str], *, local: bool = False) -> None:
        """Raises `Wrong` if one of *names* is no person or place of our bots, as far as it shows.

        Of one platform all ids are written in the same way: so one that is known tells how. A name
        such as `telegram:@ann` would be kept, and never be anybody's.

        *local*: they may be of a platform that lets people in by itself.
        """
        shapes: dict[str, re.Pattern[str] | None] = {}
        for name in names:
            platform = self.platforms.get(tenant_of(name))
            if platform is None or (platform.local and not local) or not ID.fullmatch(name):
                raise Wrong("admin_wrong_place", place=shown_name(name))
            if platform.name not in shapes:
                shapes[platform.name] = await self._shape(platform)
            shape = shapes[platform.name]
            # A role in one place alone is kept as `person@place`.
            if shape is not None and not all(shape.fullmatch(_id(one)) for one in name.split("@")):
                raise Wrong("admin_wrong_place", place=shown_name(name))

    async def _shape(self, platform: Platform) -> re.Pattern[str] | None:
        """How the ids of *platform* are written; None: nobody knows."""
        if platform.local:
            return None
        access, members = self.services.access, self.services.requests.members
        listed = [*access.people(platform.name, Role.BLOCKED), *access.places(platform.name)]
        known = listed or await members.all(platform.name)
        ids = [_id(person_in(one)) for one in known]
        return next((one for one in SHAPES if any(map(one.fullmatch, ids))), None)

    async def names(self, ids: Iterable[str], tenants: Collection[str]) -> Mapping[str, str]:
        """What those of the people and places *ids* that are of *tenants* are called, if known."""
        ours = [one for one in dict.fromkeys(ids) if tenant_of(one) in tenants]
        names = dict(await self.use.names(ours))
        for tenant in dict.fromkeys(map(tenant_of, ours)):
            some = [one for one in ours if tenant_of(one) == tenant and one not in names]
            members = await self.services.requests.members.look(tenant, some) if some else ()
            names |= {
                one: known.name
                for one, known in zip(some, members, strict=True)
                if known is not None and known.name
            }
        return {one: cut(undirected(name), NAME_CHARS) for one, name in names.items()}

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


def _id(name: str) -> str:
    return name.partition(":")[2]
