"""Deciding on the operator's page what people and places may do, and what they may spend."""

import datetime
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from core.admin.entry import Handler, Operator
from core.admin.house import House
from core.admin.reading import Changed, Wrong, reading
from core.people.budgets import KINDS, Limit, read_limit
from core.people.roles import Member, Role, tenant_of
from core.store.audit import Change
from core.turn.changes import Whom, add_budget, decide, grant, lift_budgets, set_budgets
from core.turn.commands.command import shown_name

REFUSALS = {
    "listed": "admin_wrong_listed",
    "not theirs": "admin_wrong_not_theirs",
    "decided": "admin_wrong_decided",
    "no person": "admin_wrong_no_person",
    "last owner": "admin_wrong_last_owner",
}
_limits = msgspec.json.Decoder(tuple[Limit, ...])
Named = Literal["member", "admin", "owner", "blocked", "stranger"]


class RoleChange(msgspec.Struct, frozen=True):
    """*was*: what the operator saw. If it is something else now, nothing is changed."""

    id: str
    role: Named
    was: Named | None = None


class BudgetChange(msgspec.Struct, frozen=True):
    """*limit*: such as `2 usd/day`; empty: lift what holds. *grant*: so much more, for once."""

    tenant: str
    of: Literal["person", "place", "tenant"]
    who: str = ""
    limit: str = ""
    grant: str = ""


class Deciding:
    """The requests for that."""

    def __init__(self, house: House) -> None:
        self._house = house

    def table(self) -> Mapping[str, Handler]:
        return {
            "role": reading(RoleChange, self._role),
            "budget": reading(BudgetChange, self._budget),
        }

    async def _role(self, asked: RoleChange, by: Operator, undoes: str = "") -> Any:
        await self._house.check_ids([asked.id])
        platform, services = self._house.platforms[tenant_of(asked.id)], self._house.services
        waiting = await services.requests.kept.waiting(platform.name)
        request = next((one for one in waiting if one.person == asked.id), None)
        (known,) = await services.requests.members.look(platform.name, [asked.id])
        name = request.name if request else known.name if known else ""
        language = request.language if request else known.language if known else ""
        member = Member(Role[asked.role.upper()], name, by.id, time.time(), language)
        was = Role[asked.was.upper()] if asked.was else None
        verdict = await decide(
            services, platform, asked.id, member, by_owner=True, was=was, undoes=undoes
        )
        if verdict == "changed":
            raise Changed
        if verdict != "done":
            raise Wrong(REFUSALS[verdict])
        return {}

    async def _budget(self, asked: BudgetChange, by: Operator) -> Any:
        services = self._house.services
        if asked.tenant not in self._house.platforms:
            raise Wrong("admin_wrong_bot")
        if asked.who and tenant_of(asked.who) != asked.tenant:
            raise Wrong("admin_wrong_bot_of_id")
        if asked.who:
            await self._house.check_ids([asked.who], local=True)
        whom = Whom(KINDS[asked.of], asked.who)
        try:
            if asked.grant:
                now = datetime.datetime.now(datetime.UTC)
                accounts, _ = await grant(services, asked.tenant, whom, asked.grant, by.id, now=now)
                if not accounts:
                    raise Wrong("admin_wrong_no_budget")
                return {}
            if asked.limit:
                limit = read_limit(whom.of, asked.limit, who=whom.who)
                kept = await add_budget(services, asked.tenant, limit, by.id)
            else:
                kept = await lift_budgets(services, asked.tenant, whom, by.id)
        except ValueError as error:
            told = "admin_wrong_amount" if asked.grant else "admin_wrong_budget"
            raise Wrong(told, value=shown_name(asked.grant or asked.limit)) from error
        if kept is None:
            raise Wrong("admin_wrong_budgets_full")
        return {}

    async def undo_role(self, change: Change, by: Operator, undoes: str) -> Any:
        told = {"id": change.target, "role": change.before, "was": change.after}
        return await self._role(msgspec.convert(told, RoleChange), by, undoes)

    async def undo_budget(self, change: Change, by: Operator, undoes: str) -> Any:
        services = self._house.services
        tenant, _, field = change.target.partition(" ")
        try:
            before, after = (
                _limits.decode(msgspec.json.encode(one or []))
                for one in (change.before, change.after)
            )
        except msgspec.MsgspecError as error:
            raise Wrong("admin_wrong_long_undo") from error

        def back(now: Sequence[Limit]) -> Sequence[Limit]:
            if tuple(now) != after:
                raise Changed
            return before

        if await set_budgets(services, tenant, field, back, by.id, undoes) is None:
            raise Wrong("admin_wrong_budgets_full")
        return {}
