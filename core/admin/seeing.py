"""What the operator's page shows: now, over time, people, questions set aside, and the changes."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from core.admin.entry import Operator
from core.admin.house import House
from core.admin.over_time import costs_of, csv_of, plotted, row_of, top
from core.admin.reading import ENTRY, ID, mark_of
from core.admin.said import in_language, told_in
from core.admin.words import csv_heads
from core.errors import StoreError
from core.languages.catalogue import Language, say
from core.mcp.server import NOT_STARTED
from core.messages import ConversationId, place_id
from core.net.own_requests import json_response
from core.people.budgets import NO_LIMIT, Limit
from core.people.roles import Role
from core.store.audit import Change, is_cut
from core.store.connection import store_errors
from core.store.use import days, hours
from core.turn.afford import described

RANGES = {"24h": ("hours", 24), "48h": ("hours", 48), "7d": ("days", 7), "30d": ("days", 30)}
RANGES |= {"90d": ("days", 90)}
MOST_WAITING = 50
AWAY_S = 1.0


class Waiting(NamedTuple):
    many: int
    first: Sequence[ConversationId]


class Seeing:
    """The page's GET requests."""

    def __init__(self, house: House) -> None:
        self._house = house

    # --- now ------------------------------------------------------------------------------------

    async def now(self, _: web.Request, operator: Operator) -> web.Response:
        house, services = self._house, self._house.services
        tenants = house.tenants
        waiting = await asyncio.gather(*map(self._waiting, tenants))
        told = [told_in(one, operator.language) for one in await house.use.replicas()]
        return json_response(
            {
                "at": time.time(),
                "me": operator.name or operator.id,
                "tenants": tenants,
                "replicas": told,
                "waiting": dict(zip(tenants, waiting, strict=True)),
                "set_aside": await house.letters.count(),
                "store": await self._store(),
                "maintenance": await services.maintenance.read(),
                "tools": services.servers.states(),
                "away": (await house.living()).away,
            }
        )

    async def _waiting(self, platform: str) -> Waiting:
        """How many conversations nobody answers yet, and the first of them.

        Of a tenant in a shard that is away, it is what was last counted.
        """
        inbox, metrics = self._house.inbox, self._house.services.metrics
        first: list[ConversationId] = []
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(AWAY_S):
                for alone in (True, False):
                    found = await inbox.unclaimed(platform, 0.0, alone=alone, most=MOST_WAITING)
                    first += [lane.conversation for _, lane in found]
        told = metrics.registry.get_sample_value("palaver_waiting", {"platform": platform})
        return Waiting(max(int(told or 0), len(first)), first)

    async def _store(self) -> dict[str, Any]:
        began = time.monotonic()
        with store_errors():
            await self._house.redis.ping()
            took_s = time.monotonic() - began
            info: Any = await self._house.redis.info()
        shown = ("redis_version", "used_memory", "maxmemory", "connected_clients")
        more = ("instantaneous_ops_per_sec", "uptime_in_seconds", "role")
        told = {name: info.get(name) for name in (*shown, *more)}
        return {**told, "trip_s": took_s}

    # --- over time ------------------------------------------------------------------------------

    async def over_time(self, request: web.Request, operator: Operator) -> web.Response:
        found = RANGES.get(request.query.get("range", "24h"))
        if found is None:
            raise web.HTTPBadRequest
        unit, count = found
        use, (_, tenants, away) = self._house.use, await self._house.living()
        periods = hours(count) if unit == "hours" else days(count)
        counted = await use.counted(periods)
        rows = [{"at": period, **row_of(one)} for period, one in zip(periods, counted, strict=True)]
        dates = periods if unit == "days" else days(count // 24)
        spent = [await use.spenders(tenants, date) for date in dates]
        if unit == "days":
            for row, day in zip(rows, spent, strict=True):
                row["people"] = sum(name.startswith("person ") for name in day)
        # Of three months and many people, so much that it must not hold up the loop.
        heads = csv_heads(operator.language)
        match request.query.get("as"):
            case "csv":
                return _csv(csv_of([*rows, *_missing("at", away)], heads))
            case "costs":
                costs = await asyncio.to_thread(costs_of, dates, spent)
                costs += _missing("day", away)
                return _csv(await asyncio.to_thread(csv_of, costs, heads))
        rest = say("admin_rest", operator.language)
        tops, plots = await asyncio.to_thread(lambda: (top(spent), plotted(spent, rest)))
        shown = {"rows": rows, "unit": unit, "top": tops, "dates": dates, "spent": plots}
        return json_response({**shown, "away": away})

    # --- people, money, questions, changes ------------------------------------------------------

    async def people(self, _: web.Request, __: Operator) -> web.Response:
        services, found, ids = self._house.services, [], list[str]()
        there = await self._house.living()
        for tenant in there.tenants:
            listed = [
                {"id": one, "role": services.access.role_of(one).name.lower(), "listed": True}
                for one in services.access.people(tenant, Role.MEMBER)
            ]
            listed += [
                {"id": one, "role": "member", "listed": True}
                for one in services.access.places(tenant)
            ]
            members = await services.requests.members.all(tenant)
            decided = [
                {
                    "id": name,
                    "role": one.role.name.lower(),
                    "name": one.name,
                    "by": one.by,
                    "at": one.at,
                }
                for name, one in sorted(members.items(), key=lambda pair: -pair[1].at)
            ]
            ids += (str(one["id"]) for one in [*listed, *decided] if not one.get("name"))
            ids += (one.by for one in members.values())
            asked = await services.requests.kept.waiting(tenant)
            local = self._house.platforms[tenant].local
            found.append(
                {"tenant": tenant, "local": local, "people": [*listed, *decided], "asked": asked}
            )
        names = await self._house.names(ids, there.tenants)
        shown = {"tenants": found, "open": services.access.open, "names": names}
        return json_response({**shown, "away": there.away})

    async def budgets(self, _: web.Request, operator: Operator) -> web.Response:
        budgets, language = self._house.services.budgets, operator.language
        found = [_limit(one, language) for one in budgets.limits]
        there = await self._house.living()
        for tenant in there.tenants:
            by_admins = await budgets.all_by_admins(tenant)
            holding = (one for one in by_admins if one.most != NO_LIMIT)
            found += [_limit(one, language, tenant) for one in holding]
        names = await self._house.names((one["who"] for one in found), there.tenants)
        shown = {"budgets": found, "tenants": self._house.tenants, "names": names}
        return json_response({**shown, "away": there.away})

    async def letters(self, _: web.Request, operator: Operator) -> web.Response:
        """Who asked what is set aside, and why; never the text: it belongs to who asked."""
        found = []
        for at, letter in enumerate(await self._house.letters.all()):
            one = letter.incoming
            reason = in_language(letter.reason, operator.language)
            told: dict[str, object] = {"n": at, "reason": reason, "mark": mark_of(letter.mail)}
            if one is not None:
                told |= {
                    "conversation": one.conversation,
                    "place": place_id(one.conversation),
                    "person": one.sender.id,
                    "at": one.sent_at,
                    "event": one.event_id,
                }
            found.append(told)
        ids = [str(one.get(kind) or "") for one in found for kind in ("place", "person")]
        there = await self._house.living()
        names = await self._house.names(ids, there.tenants)
        return json_response({"letters": found, "names": names, "away": there.away})

    async def tools(self, _: web.Request, __: Operator) -> web.Response:
        services = self._house.services
        found = [
            {"name": one.name, "about": one.description, "effect": one.effect, "schema": one.schema}
            for one in services.tools
        ]
        servers = [
            {**msgspec.to_builtins(one), "idle": one.fault == NOT_STARTED}
            for one in services.servers.states()
        ]
        return json_response({"tools": found, "servers": servers})

    async def places(self, _: web.Request, __: Operator) -> web.Response:
        """Where people asked in the last month, the busiest first; and the last broadcast."""
        house, turns, names = self._house, dict[str, int](), dict[str, str]()
        there = await house.living()
        for day in days(31):
            for who, row in (await house.use.spenders(there.tenants, day, b"place ")).items():
                name = who.removeprefix("place ")
                if name != "*" and not house.local(name):
                    turns[name] = turns.get(name, 0) + row.spent.turns
                    names |= {name: row.name} if row.name else {}
        places = [
            {"id": name, "turns": turns[name]}
            for name in sorted(turns, key=lambda one: -turns[one])
        ]
        private = await house.names((one for one in turns if one not in names), there.tenants)
        sending, names = await house.broadcasting.now(), {**names, **private}
        shown = {"places": places, "names": names, "sending": sending}
        return json_response({**shown, "away": there.away})

    async def changes(self, request: web.Request, operator: Operator) -> web.Response:
        before = request.query.get("before", "+")
        if before != "+" and not ENTRY.fullmatch(before):
            raise web.HTTPBadRequest
        found = await self._house.services.audit.newest(before=before)
        told = [{"id": name, **_told(one, operator.language)} for name, one in found]
        # A target is an id, or has one among words: `telegram person telegram:78`.
        ids = [word for _, one in found for word in (one.by, *one.target.split())]
        there = await self._house.living()
        names = await self._house.names(filter(ID.fullmatch, ids), there.tenants)
        return json_response({"changes": told} | ({"names": names} if names else {}))


def _limit(limit: Limit, language: Language, tenant: str = "") -> dict[str, str]:
    """*tenant*: the bot whose admins set it; empty: the settings do."""
    told = described(limit, language)
    return {"of": limit.of, "who": limit.who, "limit": told, "tenant": tenant}


def _told(change: Change, language: Language) -> dict[str, Any]:
    """*change*, with budgets in words."""
    told: dict[str, Any] = msgspec.to_builtins(change)
    told |= {"cut": True} if is_cut(change) else {}
    if change.act == "budget":
        for when in ("before", "after"):
            with suppress(msgspec.ValidationError):
                limits = msgspec.convert(told.get(when) or [], tuple[Limit, ...])
                held = [one for one in limits if one.most != NO_LIMIT]
                told[when] = ", ".join(described(one, language) for one in held)
    return told


def _missing(column: str, away: Sequence[str]) -> list[dict[str, str]]:
    """The last row of a table without those who are *away*: it says so, in its first *column*."""
    return [{column: f"missing: {' '.join(away)}"}] if away else []


def _csv(data: bytes) -> web.Response:
    headers = {"Content-Disposition": "attachment; filename=palaver.csv"}
    return web.Response(body=data, content_type="text/csv", headers=headers)
