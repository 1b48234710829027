"""Adding models, keys, personas, places, filters and budgets to `palaver.toml` on a page.

A key can be written and forgotten, never read.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from core.admin.entry import Handler, Operator
from core.admin.house import House
from core.admin.reading import Changed, Wrong, mark_of, reading, why
from core.errors import ConfigError
from core.fields import address
from core.models.additions import TEXT_CHARS, Additions, StoredKey
from core.net.own_requests import json_response
from core.secret import keep_secret, unsendable
from core.store.audit import Change, is_cut

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SECRET_CHARS = 2_000


class Text(msgspec.Struct, frozen=True):
    """*was*: what held when the operator began to write, by its `mark_of`; empty: they do not say.

    So of two who write at once, the later one does not take back what the earlier one wrote.
    """

    text: str
    was: str = ""


class Key(msgspec.Struct, frozen=True):
    """*url*: of the API that it is for. An empty *secret*: the key is forgotten."""

    name: str
    url: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return f"Key({self.name!r})"


class Adding:
    """The requests for that."""

    def __init__(self, house: House) -> None:
        self._house = house

    def table(self) -> Mapping[str, Handler]:
        return {"additions": reading(Text, self.write), "key": reading(Key, self._key)}

    async def shown(self, _: web.Request, __: Operator) -> web.Response:
        held, kept = await self._house.additions.read(), self._house.additions
        found = [{"name": name, "url": key.url} for name, key in sorted(held.keys.items())]
        told = {
            "text": held.text,
            "mark": mark_of(held.text),
            "keys": found,
            "keeps_keys": kept.keeps_keys,
        }
        fault = self._house.renewal.fault
        return json_response({**told, "fault": fault})

    async def write(self, asked: Text, by: Operator, undoes: str = "") -> Any:
        """Let the text hold, if it can. Every replica takes it within seconds."""
        house = self._house
        if len(asked.text) > TEXT_CHARS:
            raise Wrong("admin_wrong_too_long")
        held = await house.additions.read()
        if asked.was and asked.was != mark_of(held.text):
            raise Changed
        try:
            await house.renewal.check(Additions(asked.text, held.keys))
        except ConfigError as error:
            raise Wrong("admin_wrong_file", why=why(error)) from error
        if not await house.additions.write(asked.text, was=held.text):
            raise Changed
        await house.renewal.take(house.services.budgets)
        change = Change("additions", "palaver.toml", by.id, 0.0, held.text, asked.text, undoes)
        await house.services.audit.note(change)
        return {}

    async def undo(self, change: Change, by: Operator, undoes: str) -> Any:
        held = await self._house.additions.read()
        if is_cut(change):
            raise Wrong("admin_wrong_long_undo")
        if held.text != change.after:
            raise Changed
        return await self.write(Text(str(change.before), mark_of(held.text)), by, undoes)

    async def _key(self, asked: Key, by: Operator) -> Any:
        kept, secret = self._house.additions, asked.secret.strip()
        if not _NAME.fullmatch(asked.name):
            raise Wrong("admin_wrong_name")
        if secret and not kept.keeps_keys:
            raise Wrong("admin_wrong_no_accounts_key")
        key = None
        if secret:
            keep_secret(secret)
            try:
                url = address(asked.url)
            except ValueError as error:
                raise Wrong("admin_wrong_address") from error
            if not url or len(secret) > _SECRET_CHARS or unsendable(secret):
                raise Wrong("admin_wrong_key")
            key = StoredKey(secret, url)
        held = await kept.read()
        others = {name: one for name, one in held.keys.items() if name != asked.name}
        keys = others if key is None else {**others, asked.name: key}
        try:
            # What was added may need the key as it is.
            await self._house.renewal.check(Additions(held.text, keys))
        except ConfigError as error:
            raise Wrong("admin_wrong_file", why=why(error)) from error
        if not await kept.keep_key(asked.name, key):
            raise Wrong("admin_wrong_keys_full")
        await self._house.renewal.take(self._house.services.budgets)
        had = held.keys.get(asked.name)
        before, after = (f"set for {one.url}" if one else "forgotten" for one in (had, key))
        change = Change("key", asked.name, by.id, 0.0, before if had else None, after)
        await self._house.services.audit.note(change)
        return {}
