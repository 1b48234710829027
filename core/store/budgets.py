"""Budgets, as operators, admins and everybody look at them: what is set, spent, left and granted.

What a turn reserves and pays, goes through its claim (`core.store.accounts`).
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from core.messages import Spent
from core.people.budgets import Account, Limit, field_of
from core.people.roles import tenant_of
from core.store import keys
from core.store.accounts import KEPT_S, key_of, read_hold, read_limits, read_row
from core.store.connection import script, store_errors
from core.store.values import number, words

MOST_FIELDS = 2_000
"""For so many people and places admins of one tenant may set budgets of their own."""
SCAN = 500
SWEEP_EVERY_S = 5.0


class Level(NamedTuple):
    """What is *spent* and *held* of an account. *most* contains what admins granted."""

    spent: int
    held: int
    most: int


class Row(msgspec.Struct, frozen=True):
    """A row of a tally: what a person, a place or a model (*kind*) spent in a month."""

    kind: str
    who: str
    name: str
    spent: Spent


class Budgets:
    """All budgets. *limits*: those that the operator set. Each coroutine raises `StoreError`."""

    def __init__(self, redis: Redis, limits: Sequence[Limit]) -> None:
        self.limits = limits
        self._redis = redis
        self._unhold: AsyncScript = script(redis, "unhold")
        self._change = script(redis, "change")
        self._swept_at: dict[str, float] = {}

    async def change(
        self, tenant: str, field: str, to: Callable[[Sequence[Limit]], Sequence[Limit]]
    ) -> tuple[Sequence[Limit], Sequence[Limit]] | None:
        """Let admins' budgets of *field* be what *to* makes of them.

        Others may change them at the same time: then *to* is asked again, with what they made.

        Returns them as they were and as they are. None: there are too many others.
        """
        name = keys.limits(tenant)
        while True:
            with store_errors():
                raw = cast(bytes | None, await cast(Any, self._redis.hget(name, field)))
                had = read_limits([raw])
                limits = to(had)
                new = msgspec.json.encode(limits) if limits else b""
                done = await self._change(keys=[name], args=[field, raw or b"", new, MOST_FIELDS])
            if done:
                return (had, limits) if done > 0 else None

    async def set_by_admins(self, tenant: str, fields: Sequence[str]) -> Sequence[Limit]:
        """The limits that admins set for *fields*, in their order."""
        with store_errors():
            found = await cast(Any, self._redis.hmget(keys.limits(tenant), fields))
        return read_limits(found)

    async def all_by_admins(self, tenant: str) -> Sequence[Limit]:
        """All limits that admins of *tenant* set."""
        return read_limits([raw async for _, raw in self._scanned(keys.limits(tenant))])

    async def levels(self, accounts: Sequence[Account]) -> Sequence[Level]:
        """How much of each of *accounts* is spent and held."""
        if not accounts:
            return ()
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for one in accounts:
                    names = (f"{what}:{one.limit.unit}" for what in ("spent", "held", "extra"))
                    pipe.hmget(key_of(one), *names)
                found = await pipe.execute()
        return [
            Level(int(number(spent)), int(number(held)), one.limit.most + int(number(extra)))
            for one, (spent, held, extra) in zip(accounts, found, strict=True)
        ]

    async def grant(self, account: Account, much: int) -> None:
        """Let *much* more of *account* be spent until its period ends."""
        key, unit = key_of(account), account.limit.unit
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hincrby(key, f"extra:{unit}", much)
                # The person is told anew.
                pipe.hdel(key, f"near:{unit}", f"over:{unit}")
                pipe.expireat(key, int(account.until.timestamp()) + KEPT_S)
                await pipe.execute()

    async def move(self, accounts: Sequence[Account], place: str, to: str) -> None:
        """The *place* (an id) is *to* now: what was set and spent of its *accounts* goes along."""
        limits, field = keys.limits(tenant_of(place)), field_of("place", place)
        named = [
            replace(one, who=to) for one in await self.set_by_admins(tenant_of(place), [field])
        ]
        with store_errors():
            if named:
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.hsetnx(limits, field_of("place", to), msgspec.json.encode(named))
                    pipe.hdel(limits, field)
                    await pipe.execute()
            for old in {key_of(one) for one in accounts if one.who == place}:
                new = next(key_of(one._replace(who=to)) for one in accounts if key_of(one) == old)
                if await self._redis.exists(old):
                    await self._redis.renamenx(old, new)

    async def tally(self, tenant: str) -> Sequence[Row]:
        """Who spent how much in this month (of UTC), the dearest first."""
        name = keys.tally(tenant, time.strftime("%Y-%m", time.gmtime()))
        rows = [row async for row in self._rows(name)]
        return sorted(rows, key=lambda row: (-row.spent.cost_usd, -row.spent.turns, row.who))

    async def name_of(self, tenant: str, person: str) -> str:
        """The name of *person*, if they asked something in this month; else empty."""
        month = time.strftime("%Y-%m", time.gmtime())
        with store_errors():
            raw = await cast(Any, self._redis.hget(keys.tally(tenant, month), f"person {person}"))
        row = read_row(raw)
        return row[1] if row is not None else ""

    async def _rows(self, key: str) -> AsyncIterator[Row]:
        async for field, raw in self._scanned(key):
            kind, _, who = words(field).partition(" ")
            row = read_row(raw)
            if row is not None and who:
                spent, name = row
                yield Row(kind, who, name, spent)

    async def sweep(self, tenant: str) -> None:
        """Give back what lanes without mail have reserved; see `unhold.lua`. Now and then."""
        now = time.monotonic()
        if now - self._swept_at.get(tenant, -SWEEP_EVERY_S) < SWEEP_EVERY_S:
            return
        self._swept_at[tenant] = now
        name = keys.holds(tenant)
        async for lane, raw in self._scanned(name):
            mail = keys.mail(words(lane))
            with store_errors():
                if not await cast(Any, self._redis.llen(mail)):
                    await self._unhold(keys=[name, mail, *read_hold(raw)], args=[lane])

    async def _scanned(self, key: str) -> AsyncIterator[tuple[bytes, bytes]]:
        cursor, seen = 0, set[bytes]()
        while True:
            with store_errors():
                cursor, some = await cast(Any, self._redis.hscan(key, cursor, count=SCAN))
            for field, raw in cast(Mapping[bytes, bytes], some).items():
                if field not in seen:
                    seen.add(field)
                    yield field, raw
            if not cursor:
                return
