"""The settings of a place, as `/settings` there changes them.

Left out is what its people must be told (`context`, `when`), and their own words (`system`).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from core.admin.entry import Handler, Operator
from core.admin.house import House
from core.admin.reading import ID, Wrong, reading
from core.languages.catalogue import Language
from core.messages import ConversationId, conversation_id
from core.net.own_requests import json_response
from core.people.roles import Role
from core.store.audit import Change
from core.turn.commands.setting import SETTINGS, Setting, written
from core.turn.commands.settings import RESET
from core.turn.services import Services

LEFT_OUT = ("context", "when", "system")
OFFERED: Mapping[str, Setting] = {
    name: one for name, one in SETTINGS.items() if name not in LEFT_OUT
}


class Chosen(msgspec.Struct, frozen=True):
    """*value*: as people write it behind `/settings NAME`; `reset`: inherited again."""

    place: str
    name: str
    value: str


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

    async def shown(self, request: web.Request, operator: Operator) -> web.Response:
        """What was chosen for the place that the request names, and what can be."""
        layers = await self._house.inbox.places.chosen(self._place(request.query.get("id", "")))
        chosen = {
            name: written(layers.place[one.field])
            for name, one in OFFERED.items()
            if one.field in layers.place
        }
        settings = {name: one.about(operator.language) for name, one in OFFERED.items()}
        return json_response({"chosen": chosen, "settings": settings})

    def _place(self, name: str) -> ConversationId:
        tenant, _, space = name.partition(":")
        if not ID.fullmatch(name) or self._house.local(name):
            raise web.HTTPBadRequest(text="no such place")
        return conversation_id(tenant, space)

    async def choose(self, asked: Chosen, by: Operator, undoes: str = "") -> Any:
        setting, place = OFFERED.get(asked.name), self._place(asked.place)
        if setting is None:
            names = ", ".join(f"`{one}`" for one in OFFERED)
            raise Wrong("admin_wrong_setting", names=names)
        value: str | bool | None = None
        if asked.value.strip().lower() != RESET:
            operator = _Operator(self._house.services, by.language)
            value = setting.read(operator, asked.value.strip())
        before: Any = await self._house.inbox.places.choose(place, setting.field, value)
        had, has = (RESET if one is None else written(one) for one in (before, value))
        change = Change("place", f"{asked.place} {asked.name}", by.id, 0.0, had, has, undoes)
        await self._house.services.audit.note(change)
        return {}

    async def undo(self, change: Change, by: Operator, undoes: str) -> Any:
        place, _, name = change.target.rpartition(" ")
        setting = OFFERED.get(name)
        layers = await self._house.inbox.places.chosen(self._place(place))
        now = layers.place.get(setting.field) if setting is not None else None
        if (RESET if now is None else written(now)) != change.after:
            raise Wrong("admin_wrong_changed")
        return await self.choose(Chosen(place, name, str(change.before)), by, undoes)
