"""The settings of a place, as `/settings` there changes them.

What its people are concerned by (`context`, `when`) is told there first. In private, what only
means something in groups is left out, and so are people's own words (`system`).
"""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from core.admin.entry import Handler, Operator
from core.admin.house import House
from core.admin.reading import ID, Changed, Wrong, reading
from core.languages.catalogue import CATALOGUE, Language, say
from core.messages import ConversationId, conversation_id, place_id, split_conversation
from core.net.own_requests import json_response
from core.people.roles import Role, tenant_of
from core.store.audit import Change, is_cut
from core.store.layers import Layers
from core.turn.commands.setting import SETTINGS, Setting, written
from core.turn.commands.settings import RESET
from core.turn.commands.values import CONTEXT, WHEN, Value
from core.turn.hearing import overhears
from core.turn.services import Services

IN_GROUPS = ("name", "context", "follow", "when", "system")
CONCERNS = {"context": CONTEXT[0], "when": WHEN[0]}
"""What the people of a place are told of, and the value that asks least of them."""
LONG = ("system", "about")
TELL_S = 10.0


class Chosen(msgspec.Struct, frozen=True):
    """*value*: as people write it behind `/settings NAME`; `reset`: inherited again.

    *was*: the value that the operator saw. If another one holds now, nothing is changed.
    """

    place: str
    name: str
    value: str
    was: str | None = None


class _Operator(NamedTuple):
    """The operator as who chooses a setting."""

    services: Services
    language: Language

    @property
    def choosable(self) -> list[str]:
        offered = self.services.model.names
        return self.services.access.choosable(Role.OWNER, offered, local=False)

    def may_choose(self, model: str) -> bool:
        offered = self.services.model.names
        return self.services.access.may_choose(model, Role.OWNER, offered, local=False)


class Placing:
    """The requests for that."""

    def __init__(self, house: House) -> None:
        self._house = house

    def table(self) -> Mapping[str, Handler]:
        return {"place": reading(Chosen, self.choose)}

    async def shown(self, request: web.Request, by: Operator) -> web.Response:
        """What was chosen for the place that the request names, and what can be."""
        place = self._place(request.query.get("id", ""))
        layers = await self._house.inbox.places.chosen(place)
        operator = _Operator(self._house.services, by.language)
        offered = self._offered(place)
        chosen = {
            name: written(layers.place[one.field])
            for name, one in offered.items()
            if one.field in layers.place
        }
        settings = {
            name: {
                "about": one.about(by.language),
                "choices": one.choices(operator),
                "long": name in LONG,
            }
            for name, one in offered.items()
        }
        return json_response({"chosen": chosen, "settings": settings})

    def _place(self, name: str) -> ConversationId:
        tenant, _, space = name.partition(":")
        if not ID.fullmatch(name) or self._house.local(name):
            raise web.HTTPBadRequest(text="no such place")
        return conversation_id(tenant, space)

    def _offered(self, place: ConversationId) -> Mapping[str, Setting]:
        """The settings that the operator may see and change in *place*."""
        limits = self._house.platforms[tenant_of(place)].limits
        group = split_conversation(place)[1].startswith(limits.groups)
        return {name: one for name, one in SETTINGS.items() if group or name not in IN_GROUPS}

    async def choose(self, asked: Chosen, by: Operator, undoes: str = "") -> Any:
        place = self._place(asked.place)
        offered = self._offered(place)
        setting = offered.get(asked.name)
        if setting is None and asked.name in IN_GROUPS:
            raise Wrong("admin_wrong_private")
        if setting is None:
            raise Wrong("admin_wrong_setting", names=", ".join(f"`{one}`" for one in offered))
        value: Value | None = None
        if asked.value.strip().lower() != RESET:
            operator = _Operator(self._house.services, by.language)
            value = setting.read(operator, asked.value.strip())
        if asked.was is not None and asked.was != await self._held(place, setting):
            raise Changed
        concerns = asked.name in CONCERNS
        deaf = await self._tell(place, asked.name, value, by) if concerns else ""
        before: Any = await self._house.inbox.places.choose(place, setting.field, value)
        if asked.name == "context":
            await self._erase_if_off(place)
        had, has = (RESET if one is None else written(one) for one in (before, value))
        change = Change("place", f"{asked.place} {asked.name}", by.id, 0.0, had, has, undoes)
        await self._house.services.audit.note(change)
        return {"told": deaf} if deaf else {}

    async def _tell(
        self, place: ConversationId, name: str, value: Value | None, by: Operator
    ) -> str:
        """Tell the people of *place* what is to hold there.

        Returns what the operator must be told: that the platform does not show us what people
        write there, if the value needs that.
        """
        platform = self._house.platforms[tenant_of(place)]
        layers = await self._house.inbox.places.chosen(place)
        by_operator = self._house.services.settings.context if platform.limits.reads else ""
        ways = {
            "place": value,
            "tenant": layers.tenant.get(name),
            "operator": by_operator if name == "context" else "",
            "default": CONCERNS[name],
        }
        source, holds = next((source, str(held)) for source, held in ways.items() if held)
        chosen = layers.preferences.language
        language = CATALOGUE.best(chosen) if chosen else by.language
        row = f"`{holds}` ({say(f'from_{source}', language)})"
        told = say("setting_now", language, name=name, row=row)
        if not await self._told(told, place) and holds != CONCERNS[name]:
            raise Wrong("admin_wrong_untold")
        if holds in (CONCERNS[name], "thread") or await platform.hears(place):
            return ""
        return say("hears_no_events" if platform.limits.reads else "hears_nothing", by.language)

    async def _told(self, text: str, place: ConversationId) -> bool:
        try:
            async with asyncio.timeout(TELL_S):
                return await self._house.broadcasting.tell(text, place_id(place))
        except TimeoutError:
            return False

    async def _erase_if_off(self, place: ConversationId) -> None:
        """Erase what was overheard in *place*, if it is overheard no more."""
        layers: Layers = await self._house.inbox.places.chosen(place)
        if not overhears(layers.own("context")):
            await self._house.services.overheard.end(place)

    async def undo(self, change: Change, by: Operator, undoes: str) -> Any:
        name, _, what = change.target.rpartition(" ")
        setting = SETTINGS.get(what)
        if is_cut(change):
            raise Wrong("admin_wrong_long_undo")
        if setting is None:
            raise Wrong("admin_wrong_no_undo")
        wanted = Chosen(name, what, str(change.before), str(change.after))
        return await self.choose(wanted, by, undoes)

    async def _held(self, place: ConversationId, setting: Setting) -> str:
        layers: Layers = await self._house.inbox.places.chosen(place)
        now: Any = layers.place.get(setting.field)
        return RESET if now is None else written(now)
