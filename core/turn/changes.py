"""What admins change of the bot, in a chat or on the operator's page: one way for both.

Each change is noted in the audit log.
"""

import datetime
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from core.errors import ChatLost, ContentRefused
from core.messages import ConversationId, conversation_id, place_of
from core.people.budgets import (
    NO_LIMIT,
    Account,
    Limit,
    Of,
    accounts_at,
    applying,
    field_of,
    fields_of,
    read_amount,
)
from core.people.roles import Member, Role, person_in
from core.platform import Platform
from core.store.audit import Change
from core.store.members import Verdict
from core.turn.services import Services

MOST_LIMITS = 20
"""So many budgets one person or place may have."""
Decided = Verdict | Literal["listed", "no person"]


# --- people and places ----------------------------------------------------------------------------


async def decide(
    services: Services,
    platform: Platform,
    name: str,
    member: Member,
    *,
    by_owner: bool,
    since: float | None = None,
    was: Role | None = None,
    undoes: str = "",
) -> Decided:
    """Decide what the person or place *name* may do. A stranger: nothing is decided any more.

    Whoever waited for it is told that they may ask now. The arguments are as for
    `SharedMembers.decide`.

    Raises:
        StoreError: the store is away.
    """
    tenant, members, role = platform.name, services.requests.members, member.role
    person = person_in(name)
    if services.access.role_of(person) >= Role.ADMIN:
        return "listed"
    if role >= Role.ADMIN and not by_owner:
        return "not theirs"
    if role >= Role.ADMIN and not await is_person(platform, person):
        return "no person"
    (had,) = await members.look(tenant, [name])
    owned = bool(services.access.people(tenant, Role.OWNER))
    verdict = await members.decide(
        tenant, name, member, by_owner=by_owner, owned=owned, since=since, was=was
    )
    if verdict != "done":
        return verdict
    if role < Role.MEMBER:
        await services.visits.end(name)
    await _tell_granted(services, platform, name, role)
    before = was if was is not None else Role.STRANGER if had is None else had.role
    if before is not role:
        roles = before.name.lower(), role.name.lower()
        await services.audit.note(Change("role", name, member.by, 0.0, *roles, undoes))
    return "done"


async def _tell_granted(services: Services, platform: Platform, name: str, role: Role) -> None:
    """Nobody of *name* waits any more. Whoever was let in is told so: a group once."""
    requests = services.requests
    taken = await requests.kept.take(platform.name, name)
    if role <= Role.STRANGER:
        return
    people = [one for one in taken if one.place != name]
    group = [one for one in taken if one.place == name]
    for one in (*people, *group[:1]):
        tell = partial(requests.granted, platform, one, everybody=one.place == name)
        services.background.begin(f"granted {one.person}", tell)


async def is_person(platform: Platform, name: str) -> bool:
    """Whether *name* is somebody to whom the bot can speak: an owner who is a group is none."""
    try:
        return bool(await platform.private_with(name))
    except (ChatLost, ContentRefused):
        return False


async def accept_tools(services: Services, server: str, by: str) -> Sequence[str]:
    """Let the changed tools of *server* be used as they are now. Returns their names."""
    accepted = await services.servers.accept(server)
    if accepted:
        await services.audit.note(Change("accept tools", server, by, after=list(accepted)))
    return accepted


# --- money ----------------------------------------------------------------------------------------


class Whom(NamedTuple):
    """For whom a budget is. An empty *who* means each."""

    of: Of
    who: str

    @property
    def field(self) -> str:
        return field_of(self.of, self.who)


async def add_budget(
    services: Services, tenant: str, limit: Limit, by: str
) -> Sequence[Limit] | None:
    """Set *limit*, in the place of another of its kind.

    Returns the budgets that hold then; None: there are too many. Raises `StoreError`.
    """
    # The model that answers instead stays the operator's choice.
    theirs = [one.over for one in services.budgets.limits if one.of == limit.of]
    limit = replace(limit, over=next(filter(None, theirs), ""))

    def with_it(had: Sequence[Limit]) -> Sequence[Limit]:
        old = [one for one in had if _kind(one) != _kind(limit) and one.most != NO_LIMIT]
        return [*old, limit][-MOST_LIMITS:]

    return await set_budgets(services, tenant, field_of(limit.of, limit.who), with_it, by)


async def lift_budgets(
    services: Services, tenant: str, whom: Whom, by: str
) -> Sequence[Limit] | None:
    """Lift the budgets that admins set for *whom*; if it is for each, the operator's too."""
    operators = services.budgets.limits if not whom.who else ()
    lifted = [replace(one, most=NO_LIMIT) for one in operators if one.of == whom.of and not one.who]
    return await set_budgets(services, tenant, whom.field, lambda _: lifted, by)


async def set_budgets(
    services: Services,
    tenant: str,
    field: str,
    to: Callable[[Sequence[Limit]], Sequence[Limit]],
    by: str,
    undoes: str = "",
) -> Sequence[Limit] | None:
    """Let the budgets that admins of *tenant* set for *field* be what *to* makes of them."""
    changed = await services.budgets.change(tenant, field, to)
    if changed is None:
        return None
    before, after = (msgspec.to_builtins(list(one)) for one in changed)
    if before != after:
        change = Change("budget", f"{tenant} {field}", by, 0.0, before, after, undoes)
        await services.audit.note(change)
    return changed[1]


async def grant(
    services: Services,
    tenant: str,
    whom: Whom,
    amount: str,
    by: str,
    *,
    now: datetime.datetime,
    here: ConversationId | None = None,
) -> tuple[Sequence[Account], int]:
    """Let *whom* spend *amount* more until the periods that run *now* end.

    *here*: where that is said, if anywhere in particular.

    Returns:
        The accounts, none if no budget holds, and how much in their unit.

    Raises:
        ValueError: *amount* is none, or it is not said to whom.
        StoreError: the store is away.
    """
    much, unit = read_amount(amount)
    if not whom.who and whom.of != "tenant":
        raise ValueError("to whom?")
    place = place_of(here or conversation_id(tenant, ""))
    if whom.of == "place":
        place = conversation_id(*whom.who.split(":", 1))
    person = whom.who if whom.of == "person" else ""
    by_admins = await services.budgets.set_by_admins(tenant, fields_of(place, person))
    holding = applying([*services.budgets.limits, *by_admins], place, person)
    own = [one for one in holding if one.of == whom.of and one.unit == unit]
    accounts = accounts_at(own, place, person, now)
    for one in accounts:
        await services.budgets.grant(one, much)
    if accounts:
        change = Change("grant", f"{tenant} {whom.field}", by, after=amount[:100])
        await services.audit.note(change)
    return accounts, much


def _kind(limit: Limit) -> tuple[str, ...]:
    return limit.unit, limit.per, limit.model
