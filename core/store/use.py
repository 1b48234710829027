"""What was counted, by hour for two days and by day for three months; and who is running now.

Each process adds what it counted since the last time, in one trip every few seconds. So no turn
waits for a count, and a process that dies loses a few seconds of them.
"""

import datetime
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from redis.asyncio import Redis

from core.messages import Spent
from core.store import keys
from core.store.accounts import read_row
from core.store.connection import script, store_errors
from core.store.values import number, read, words

HOUR_S = 3600
HOURS_S, DAYS_S = 50 * HOUR_S, 95 * 24 * HOUR_S
GONE_S = 60.0
"""A process that told nothing for so long is not running any more."""
HOURLY, DAILY, MONTHLY = "%Y-%m-%dT%H", "%Y-%m-%d", "%Y-%m"
DAY = datetime.timedelta(days=1)
KEPT_S = {HOURLY: HOURS_S, DAILY: DAYS_S}


class ModelTold(msgspec.Struct, frozen=True):
    """A model as one process knows it, since its start. *rests_s*: how long it is not asked."""

    name: str
    calls: int
    failed: int
    first_word_s: float
    rests_s: float = 0.0


class Told(msgspec.Struct, frozen=True):
    """What one process tells of itself.

    *wrong*: what is wrong, by part. *refusals*: the last one of each platform: when, and why.
    *lag_s*: how late the loop was lately, in the middle and in the worst hundredth. *file_at*:
    since when its `palaver.toml` holds; *file_fault*: why a newer one does not.
    """

    name: str
    at: float
    since: float
    version: str
    running: int
    most: int
    lag_s: tuple[float, float]
    platforms: tuple[str, ...] = ()
    wrong: Mapping[str, str] = {}
    warnings: tuple[str, ...] = ()
    refusals: Mapping[str, tuple[float, str]] = {}
    models: tuple[ModelTold, ...] = ()
    file_at: float = 0.0
    file_fault: str = ""


_told = msgspec.json.Decoder(Told)


class Row(NamedTuple):
    """What one person, place or model spent in a day; *name*: what people are called."""

    spent: Spent = Spent()
    name: str = ""


class Use:
    """Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._count = script(redis, "count")

    async def add(self, counted: Mapping[str, float], told: Told) -> None:
        now = datetime.datetime.now(datetime.UTC)
        periods = {keys.use(now.strftime(form)): last_s for form, last_s in KEPT_S.items()}
        args: list[str | bytes | float] = [told.name, msgspec.json.encode(told), HOURS_S]
        args.append(len(counted))
        for pair in counted.items():
            args.extend(pair)
        args.extend(periods.values())
        with store_errors():
            await self._count(keys=[keys.REPLICAS, *periods], args=args)

    async def leave(self, name: str) -> None:
        """The process *name* ends."""
        with store_errors():
            await cast(Any, self._redis.hdel(keys.REPLICAS, name))

    async def replicas(self) -> Sequence[Told]:
        """The processes that run now. Others are forgotten."""
        with store_errors():
            found = await cast(Any, self._redis.hgetall(keys.REPLICAS))
        told = {name: read(_told, raw, "store.replicas") for name, raw in found.items()}
        lately = time.time() - GONE_S
        for name, one in told.items():
            if one is None or one.at < lately:
                await self.leave(words(name))
        there = [one for one in told.values() if one is not None and one.at >= lately]
        return sorted(there, key=lambda one: one.since)

    async def counted(self, periods: Sequence[str]) -> Sequence[Mapping[str, float]]:
        """What was counted in each of *periods*, by field."""
        found = await self._hashes(map(keys.use, periods))
        return [{words(name): number(raw) for name, raw in one.items()} for one in found]

    async def spenders(
        self, tenants: Sequence[str], day: str, only: bytes = b""
    ) -> Mapping[str, Row]:
        """Who spent how much on *day*: by `person`, `place` or `model` and the name of it.

        *only*: what the rows to read begin with.
        """
        rows: dict[str, Row] = {}
        for tally in await self._hashes(keys.tally(tenant, day) for tenant in tenants):
            for who, raw in tally.items():
                if who.startswith(only) and (row := read_row(raw)) is not None:
                    spent, name = row
                    before = rows.get(words(who), Row())
                    rows[words(who)] = Row(before.spent + spent, name or before.name)
        return rows

    async def names(self, ids: Iterable[str]) -> Mapping[str, str]:
        """What the people and places *ids* (`tenant:id`) were called lately, as far as is known."""
        now = datetime.datetime.now(datetime.UTC)
        months = [at.strftime(MONTHLY) for at in (now.replace(day=1) - DAY, now)]
        by_tenant: dict[str, list[str]] = {}
        for one in dict.fromkeys(ids):
            by_tenant.setdefault(one.partition(":")[0], []).append(one)
        asked = [
            (keys.tally(tenant, month), kind, some)
            for tenant, some in by_tenant.items()
            for month in months
            for kind in ("person", "place")
        ]
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for name, kind, some in asked:
                    pipe.hmget(name, [f"{kind} {one}" for one in some])
                found = await pipe.execute()
        names = {}
        for (_, _, some), raws in zip(asked, found, strict=True):
            for one, raw in zip(some, raws, strict=True):
                if raw is not None and (row := read_row(raw)) is not None and row[1]:
                    names[one] = row[1]
        return names

    async def _hashes(self, names: Iterable[str]) -> Sequence[Mapping[bytes, bytes]]:
        """All of them, in one trip."""
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hgetall(name)
                return await pipe.execute()


def hours(count: int) -> list[str]:
    """The names of the last *count* hours, the oldest first."""
    return _last(count, datetime.timedelta(hours=1), HOURLY)


def days(count: int) -> list[str]:
    """The names of the last *count* days, the oldest first."""
    return _last(count, datetime.timedelta(days=1), DAILY)


def _last(count: int, step: datetime.timedelta, form: str) -> list[str]:
    now = datetime.datetime.now(datetime.UTC)
    return [(now - back * step).strftime(form) for back in reversed(range(count))]
