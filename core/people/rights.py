"""Who is who: the operator's lists, what admins decided since, and the platform's own admins."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.errors import StoreError
from core.lent import Standing
from core.messages import ConversationId, Incoming, place_id
from core.people.access import Access
from core.people.roles import (
    MONEY,
    RIGHTS,
    Act,
    Least,
    Member,
    Role,
    in_place,
    read_rights,
    tenant_of,
)
from core.platform import Platform
from core.settings import Settings
from core.tenant_names import own_name_of


class Members(Protocol):
    """What admins decided, for all replicas."""

    async def look(self, tenant: str, names: Sequence[str]) -> Sequence[Member | None]:
        """What was decided about each of *names* (people, places). Raises `StoreError`."""
        ...


OWN_DATA = frozenset(("export", "forget"))
"""The commands by which people see and erase what is kept of them."""


def _is_own_data(incoming: Incoming) -> bool:
    return incoming.private and incoming.command in OWN_DATA


def at_home(platform: Platform, person: str) -> bool:
    """Whether *platform* itself let *person* in. Who came by a link is who they are elsewhere."""
    return platform.local and tenant_of(person) == platform.name


class Rights:
    """What each person may do.

    Args:
        access: the operator's lists. They win over what was decided later.
        place_admins: whether an admin of a group or workspace is one for us, in that place.
        table: the least role for each act.
    """

    def __init__(
        self,
        access: Access,
        members: Members,
        *,
        place_admins: bool = True,
        table: Mapping[Act, Least] = RIGHTS,
    ) -> None:
        self._access = access
        self._members = members
        self.place_admins = place_admins
        self.table = table

    async def role(self, platform: Platform, incoming: Incoming) -> Role:
        """The role of the sender of *incoming* everywhere. Raises `StoreError`.

        What is kept of somebody is theirs: for that even who is blocked counts as a member.
        """
        role = await self.role_at(platform, incoming.sender.id, incoming.conversation)
        return max(role, Role.MEMBER) if _is_own_data(incoming) else role

    async def role_at(self, platform: Platform, person: str, conversation: ConversationId) -> Role:
        """The role of *person*, who speaks in *conversation* of *platform*. Raises `StoreError`."""
        if at_home(platform, person):
            ours = await platform.administers(conversation, person)
            return Role.OWNER if ours else Role.MEMBER
        return await self.role_of(person, conversation)

    async def standing(self, incoming: Incoming) -> Standing:
        """What the sender of *incoming* is, for an adapter that must know before the ingress."""
        if _is_own_data(incoming):
            return "member"
        try:
            role = await self.role_of(incoming.sender.id, incoming.conversation)
        except StoreError:
            return "member"  # The ingress waits for the store, and decides then.
        if role is Role.BLOCKED:
            return "blocked"
        return "member" if role >= Role.MEMBER else "stranger"

    async def role_of(self, person: str, conversation: ConversationId) -> Role:
        """The role of *person*, who speaks in *conversation*. Raises `StoreError`."""
        listed = self._access.role_of(person, conversation)
        if listed >= Role.ADMIN:
            return listed
        place = place_id(conversation)
        names = (person, place, in_place(person, place))
        found = await self._members.look(tenant_of(person), names)
        of_person, of_place, here = (Role.STRANGER if one is None else one.role for one in found)
        if of_person in (Role.BLOCKED, Role.ADMIN, Role.OWNER):
            return of_person
        if Role.BLOCKED in (of_place, here):
            return Role.BLOCKED
        # An admin of a place is one there alone: see `may`.
        return max(listed, of_person, min(max(of_place, here), Role.MEMBER))

    def operates(self, person: str, role: Role) -> bool:
        """Whether *person*, who has *role*, runs the whole program.

        The owner of one more bot or workspace runs that alone, unless the settings name them.
        """
        listed = self._access.role_of(person) is Role.OWNER
        return listed or (role is Role.OWNER and not own_name_of(tenant_of(person)))

    def payer(self, person: str, role: Role) -> Role:
        """What *person*, who has *role*, is where it is about the operator's money or tools."""
        if role < Role.ADMIN or not own_name_of(tenant_of(person)):
            return role
        return max(self._access.role_of(person), Role.MEMBER)

    def who_may(self, act: Act, person: str = "", role: Role = Role.STRANGER) -> str:
        """The name of the sentence that says who may do *act* in a group.

        *person*, who has *role*, is told it. An owner of one more bot hears of no owner.
        """
        least = self.table[act]
        if role >= least.group and own_name_of(tenant_of(person)) and act in (*MONEY, "operate"):
            return "only_operator"
        if least.group is Role.OWNER:
            return "only_owner"
        if act == "others":
            return "only_asker_here" if self.place_admins else "only_asker"
        return "only_admins" if least.everywhere or not self.place_admins else "only_admins_here"

    async def may(self, platform: Platform, incoming: Incoming, act: Act, role: Role) -> bool:
        """Whether the sender of *incoming*, whose *role* everywhere is known, may do *act*.

        Being an admin of the place counts, unless the act needs a role of the whole bot.
        """
        least = self.table[act]
        needed = least.private if incoming.private else least.group
        role = self.payer(incoming.sender.id, role) if act in MONEY else role
        if role >= needed:
            return True
        if incoming.private or least.everywhere or needed > Role.ADMIN or role < Role.MEMBER:
            return False
        person, conversation = incoming.sender.id, incoming.conversation
        if self.place_admins and await platform.administers(conversation, person):
            return True
        name = in_place(person, place_id(conversation))
        try:
            (here,) = await self._members.look(tenant_of(person), [name])
        except StoreError:
            return False
        return here is not None and here.role is Role.ADMIN


def rights_of(settings: Settings, access: Access, members: Members) -> Rights:
    """The rights as *settings* have them. Raises `ConfigError`."""
    table = read_rights(settings.rights)
    return Rights(access, members, place_admins=settings.place_admins, table=table)
