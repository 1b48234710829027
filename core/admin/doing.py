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
from core.admin.deciding import Deciding
from core.admin.entry import Handler, Operator
from core.admin.house import House
from core.admin.placing import Placing
from core.admin.reading import ENTRY, Changed, Wrong, mark_of, reading, why
from core.errors import ConfigError
from core.languages.catalogue import say
from core.messages import conversation_id
from core.store.audit import Change
from core.tools.tool import ToolContext, ToolError
from core.turn.changes import accept_tools

RESULT_CHARS = 8_000


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
        self._adding, self._placing, self._deciding = Adding(house), Placing(house), Deciding(house)

    def table(self) -> Mapping[str, Handler]:
        """The handlers by the names of what they do."""
        return {
            "maintenance": reading(MaintenanceChange, self._maintenance),
            "letters": reading(Letters, self._letters),
            "broadcast": reading(Broadcast, self._broadcast),
            "cancel": reading(Name, self._cancel),
            "go-on": reading(Name, self._go_on),
            "undo": reading(Name, self._undo),
            **self._deciding.table(),
            **self._adding.table(),
            **self._placing.table(),
            "reload": reading(Name, self._reload),
            "sign-out": reading(Name, self._sign_out),
            "accept": reading(Name, self._accept),
            "try": reading(Trial, self._try),
        }

    async def _note(self, act: str, target: str, by: Operator, **more: Any) -> None:
        await self._house.services.audit.note(Change(act, target, by.id, **more))

    async def _maintenance(self, asked: MaintenanceChange, by: Operator, undoes: str = "") -> Any:
        if not await self._house.services.maintenance.set(by.id if asked.on else ""):
            raise Changed
        more = {"before": not asked.on, "after": asked.on, "undoes": undoes}
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
        if not count:
            raise Changed("admin_wrong_letters")
        await self._note(asked.do, "questions set aside", by, after=count)
        if count == len(marks):
            return {"count": count}
        told = say("admin_letters_some", by.language, count=count, many=len(marks))
        return {"count": count, "told": told}

    async def _broadcast(self, asked: Broadcast, by: Operator) -> Any:
        text, places = asked.text.strip(), list(dict.fromkeys(asked.places))
        if not text or not places or len(text) > TEXT_CHARS or len(places) > MOST_PLACES:
            raise Wrong("admin_wrong_message", chars=TEXT_CHARS)
        await self._house.check_ids(places)
        if not await self._house.broadcasting.begin(text, places, by.id):
            raise Wrong("admin_wrong_sending")
        await self._note("broadcast", f"{len(places)} places", by, after=text)
        return {}

    async def _cancel(self, _: Name, by: Operator) -> Any:
        if not await self._house.broadcasting.cancel():
            raise Changed("admin_wrong_not_running")
        await self._note("cancel", "broadcast", by)
        return {}

    async def _go_on(self, _: Name, by: Operator) -> Any:
        if not await self._house.broadcasting.go_on():
            raise Changed("admin_wrong_not_stopped")
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
        accepted = await accept_tools(self._house.services, asked.name, by.id)
        if not accepted:
            raise Changed
        return {"accepted": accepted}

    async def _sign_out(self, asked: Name, by: Operator) -> Any:
        """End all sessions of a person on our pages."""
        await self._house.check_ids([asked.name])
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
                return await self._deciding.undo_role(change, by, asked.name)
            case "budget":
                return await self._deciding.undo_budget(change, by, asked.name)
            case "additions":
                return await self._adding.undo(change, by, asked.name)
            case "place":
                return await self._placing.undo(change, by, asked.name)
            case "maintenance":
                wanted = MaintenanceChange(bool(change.before))
                return await self._maintenance(wanted, by, asked.name)
        raise Wrong("admin_wrong_no_undo")
