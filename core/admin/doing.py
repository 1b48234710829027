"""What the operator's page changes. It takes the same way as the commands of a chat."""

import asyncio
import datetime
import secrets
import time
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from core.admin.adding import Adding
from core.admin.broadcasting import MOST_PLACES, TEXT_CHARS
from core.admin.entry import Handler, Operator
from core.admin.house import House
from core.admin.placing import Placing
from core.admin.reading import ENTRY, ID, Wrong, reading, why
from core.admin.seeing import mark_of
from core.errors import ConfigError
from core.messages import conversation_id
from core.people.budgets import KINDS, Limit, read_limit
from core.people.roles import Member, Role, tenant_of
from core.store.audit import Change
from core.tools.tool import ToolContext, ToolError
from core.turn.changes import (
    Whom,
    accept_tools,
    add_budget,
    decide,
    grant,
    lift_budgets,
    set_budgets,
)
from core.turn.commands.command import shown_name

ROLES: Mapping[str, Role] = {
    "member": Role.MEMBER,
    "admin": Role.ADMIN,
    "owner": Role.OWNER,
    "blocked": Role.BLOCKED,
    "stranger": Role.STRANGER,
}
REFUSALS = {
    "listed": "admin_wrong_listed",
    "not theirs": "admin_wrong_not_theirs",
    "decided": "admin_wrong_decided",
    "no person": "admin_wrong_no_person",
    "last owner": "admin_wrong_last_owner",
}
RESULT_CHARS = 8_000
_limits = msgspec.json.Decoder(tuple[Limit, ...])


class RoleChange(msgspec.Struct, frozen=True):
    id: str
    role: Literal["member", "admin", "owner", "blocked", "stranger"]


class BudgetChange(msgspec.Struct, frozen=True):
    """*limit*: such as `2 usd/day`; empty: lift what holds. *grant*: so much more, for once."""

    tenant: str
    of: Literal["person", "place", "tenant"]
    who: str = ""
    limit: str = ""
    grant: str = ""


class MaintenanceChange(msgspec.Struct, frozen=True):
    on: bool


class Letters(msgspec.Struct, frozen=True):
    do: Literal["requeue", "drop"]
    marks: tuple[str, ...]


class Broadcast(msgspec.Struct, frozen=True):
    text: str
    places: tuple[str, ...]


class Name(msgspec.Struct, frozen=True):
    name: str = ""


class Trial(msgspec.Struct, frozen=True):
    tool: str
    arguments: dict[str, Any] = {}


class Doing:
    """The page's POST requests."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._adding, self._placing = Adding(house), Placing(house)

    def table(self) -> Mapping[str, Handler]:
        """The handlers by the names of what they do."""
        return {
            "role": reading(RoleChange, self._role),
            "budget": reading(BudgetChange, self._budget),
            "maintenance": reading(MaintenanceChange, self._maintenance),
            "letters": reading(Letters, self._letters),
            "broadcast": reading(Broadcast, self._broadcast),
            "cancel": reading(Name, self._cancel),
            "go-on": reading(Name, self._go_on),
            "undo": reading(Name, self._undo),
            **self._adding.table(),
            **self._placing.table(),
            "reload": reading(Name, self._reload),
            "sign-out": reading(Name, self._sign_out),
            "accept": reading(Name, self._accept),
            "try": reading(Trial, self._try),
        }

    async def _note(self, act: str, target: str, by: Operator, **more: Any) -> None:
        await self._house.services.audit.note(Change(act, target, by.id, **more))

    async def _role(self, asked: RoleChange, by: Operator, undoes: str = "") -> Any:
        platform = self._house.platforms.get(tenant_of(asked.id))
        if platform is None or platform.local or not ID.fullmatch(asked.id):
            raise Wrong("admin_wrong_place", place=shown_name(asked.id))
        services = self._house.services
        waiting = await services.requests.kept.waiting(platform.name)
        request = next((one for one in waiting if one.person == asked.id), None)
        (known,) = await services.requests.members.look(platform.name, [asked.id])
        name = request.name if request else known.name if known else ""
        language = request.language if request else known.language if known else ""
        member = Member(ROLES[asked.role], name, by.id, time.time(), language)
        verdict = await decide(services, platform, asked.id, member, by_owner=True, undoes=undoes)
        if verdict != "done":
            raise Wrong(REFUSALS[verdict])
        return {}

    async def _budget(self, asked: BudgetChange, by: Operator) -> Any:
        services = self._house.services
        if asked.tenant not in self._house.platforms:
            raise Wrong("admin_wrong_bot")
        if asked.who and not (ID.fullmatch(asked.who) and tenant_of(asked.who) == asked.tenant):
            raise Wrong("admin_wrong_bot_of_id")
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

    async def _maintenance(self, asked: MaintenanceChange, by: Operator, undoes: str = "") -> Any:
        maintenance = self._house.services.maintenance
        before = bool(await maintenance.read())
        await maintenance.set(by.id if asked.on else "")
        if before != asked.on:
            more = {"before": before, "after": asked.on, "undoes": undoes}
            await self._note("maintenance", "", by, **more)
        return {}

    async def _letters(self, asked: Letters, by: Operator) -> Any:
        """Ask those again, or drop them, that *asked* names."""
        marks = set(asked.marks)

        def named(mail: str) -> bool:
            return mark_of(mail) in marks

        letters = self._house.letters
        change = letters.requeue if asked.do == "requeue" else letters.drop
        count = await change(named)
        await self._note(asked.do, "questions set aside", by, after=count)
        return {"count": count}

    async def _broadcast(self, asked: Broadcast, by: Operator) -> Any:
        text, places = asked.text.strip(), list(dict.fromkeys(asked.places))
        if not text or not places or len(text) > TEXT_CHARS or len(places) > MOST_PLACES:
            raise Wrong("admin_wrong_message", chars=TEXT_CHARS)
        remote = {name for name, one in self._house.platforms.items() if not one.local}
        if odd := [one for one in places if tenant_of(one) not in remote or not ID.fullmatch(one)]:
            raise Wrong("admin_wrong_place", place=shown_name(odd[0]))
        if not await self._house.broadcasting.begin(text, places, by.id):
            raise Wrong("admin_wrong_sending")
        await self._note("broadcast", f"{len(places)} places", by, after=text)
        return {}

    async def _cancel(self, _: Name, by: Operator) -> Any:
        await self._house.broadcasting.cancel()
        await self._note("cancel", "broadcast", by)
        return {}

    async def _go_on(self, _: Name, by: Operator) -> Any:
        if not await self._house.broadcasting.go_on():
            raise Wrong("admin_wrong_not_stopped")
        await self._note("go on", "broadcast", by)
        return {}

    async def _reload(self, _: Name, by: Operator) -> Any:
        """Take `palaver.toml` as it stands now; other replicas see theirs by themselves."""
        try:
            await self._house.renewal.take(self._house.services.budgets)
        except ConfigError as error:
            raise Wrong("admin_wrong_file", why=why(error)) from error
        await self._note("reload", "palaver.toml", by)
        return {}

    async def _accept(self, asked: Name, by: Operator) -> Any:
        return {"accepted": await accept_tools(self._house.services, asked.name, by.id)}

    async def _sign_out(self, asked: Name, by: Operator) -> Any:
        """End all sessions of a person on our pages."""
        await self._house.services.visits.end(asked.name)
        await self._note("sign out", asked.name, by)
        return {}

    async def _try(self, asked: Trial, by: Operator) -> Any:
        """Call a tool as nobody in particular. One with effects outside is not called."""
        now, nowhere = datetime.datetime.now(datetime.UTC), conversation_id("admin", "trial")
        context = ToolContext(
            nowhere, by.id, "owner", private=True, now=now, key=secrets.token_hex(8)
        )
        known = self._house.services.tools.for_turn(context).find(asked.tool)
        if known is None:
            raise Wrong("admin_wrong_tool")
        if known.spec.effect != "read_only" or known.spec.own:
            raise Wrong("admin_wrong_effect")
        try:
            arguments = known.check().read(msgspec.json.encode(asked.arguments).decode())
        except ValueError as error:
            raise Wrong("admin_wrong_arguments", why=why(error)) from error
        began = time.monotonic()
        try:
            async with asyncio.timeout(known.spec.timeout_s):
                result = await known.tool.call(arguments, context)
        except TimeoutError:
            raise Wrong("admin_wrong_no_answer", seconds=f"{known.spec.timeout_s:.0f}") from None
        except ToolError as error:
            raise Wrong("admin_wrong_tool_failed", why=why(error)) from error
        took_s = round(time.monotonic() - began, 3)
        await self._note("try", asked.tool, by)
        return {"text": result.text[:RESULT_CHARS], "failed": result.is_error, "took_s": took_s}

    async def _undo(self, asked: Name, by: Operator) -> Any:
        """Take back a change, if what it made still holds."""
        known = ENTRY.fullmatch(asked.name)
        change = await self._house.services.audit.find(asked.name) if known else None
        if change is None or change.before is None:
            raise Wrong("admin_wrong_no_undo")
        match change.act:
            case "role":
                return await self._undo_role(change, by, asked.name)
            case "budget":
                return await self._undo_budget(change, by, asked.name)
            case "additions":
                return await self._adding.undo(change, by, asked.name)
            case "place":
                return await self._placing.undo(change, by, asked.name)
            case "maintenance":
                wanted = MaintenanceChange(bool(change.before))
                return await self._maintenance(wanted, by, asked.name)
        raise Wrong("admin_wrong_no_undo")

    async def _undo_role(self, change: Change, by: Operator, undoes: str) -> Any:
        members = self._house.services.requests.members
        (now,) = await members.look(tenant_of(change.target), [change.target])
        holds = "stranger" if now is None else now.role.name.lower()
        if holds != change.after:
            raise Wrong("admin_wrong_changed")
        wanted = msgspec.convert({"id": change.target, "role": change.before}, RoleChange)
        return await self._role(wanted, by, undoes)

    async def _undo_budget(self, change: Change, by: Operator, undoes: str) -> Any:
        services = self._house.services
        tenant, _, field = change.target.partition(" ")
        now = msgspec.to_builtins(await services.budgets.set_by_admins(tenant, [field]))
        if list(now) != list(change.after or []):
            raise Wrong("admin_wrong_changed")
        try:
            limits = _limits.decode(msgspec.json.encode(change.before))
        except msgspec.MsgspecError as error:
            raise Wrong("admin_wrong_long_undo") from error
        if await set_budgets(services, tenant, field, limits, by.id, undoes) is None:
            raise Wrong("admin_wrong_budgets_full")
        return {}
