"""Reminders: what is due, and when; a delayed queue that all processes share.

A reminder that is due becomes mail of the person who asked for it (`due.lua`), with an event id
that names the reminder and its time. From there it goes the way of all mail, so it is told once,
whatever is killed meanwhile. The same script writes when it comes again, or ends it. Every process
may try; whoever finds the reminder changed does nothing.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC
from functools import partial
from typing import Literal, NamedTuple, cast

import msgspec
from msgspec.structs import replace
from redis.asyncio import Redis

from core.messages import (
    ConversationId,
    conversation_id,
    place_of,
    split_conversation,
)
from core.store import keys
from core.store.connection import script, store_errors
from core.store.inbox import DEDUPE_S
from core.store.lanes import lane_of, streams
from core.store.looks import Looks
from core.store.reminder import Reminder, mail_of, ms, reminder_in
from core.store.sharded import at_home, shards_of
from core.store.values import words
from core.tenant_names import home_tenant
from core.times.rules import following, is_rule, zone_named

AGAIN_S = 20.0
"""When a reminder is tried again whose lane has no room."""
UNREAD_S = 3600.0
"""When one is looked at again that cannot be read: a newer version may have written it."""
SOON_S = 1.0
"""When it is looked again, if others were faster with all that was due."""
CHANGES = 5
"""How often a change is tried while others change the same reminder."""


class Kept(NamedTuple):
    """A reminder and how it stands in the store."""

    raw: bytes
    reminder: Reminder


_encode = msgspec.json.encode


class Reminders:
    """The reminders of all people. Every method raises `StoreError`."""

    def __init__(self, redis: Redis, most_waiting: int) -> None:
        self._redis = redis
        self._most_waiting = most_waiting
        self._create = script(redis, "remind")
        self._rewrite = script(redis, "rewrite")
        self._due = script(redis, "due")
        self._looks: Looks[Redis, tuple[list[Kept], float, float]] = Looks()

    async def create(self, reminder: Reminder, most_person: int, most_place: int) -> int:
        """Keep *reminder*. Returns its number; 0: the person has too many, -1: the place has."""
        with store_errors():
            number = await self._create(
                keys=_names(reminder),
                args=[
                    reminder.id,
                    _encode(reminder),
                    ms(reminder.due),
                    most_person,
                    most_place,
                    keys.DUE,
                ],
            )
        return cast(int, number)

    async def of_person(self, person: str) -> dict[int, Kept]:
        """The reminders of *person* by their numbers, the next one first."""
        with store_errors():
            mine = await cast(
                Awaitable[dict[bytes, bytes]],
                self._redis.hgetall(keys.reminders_of(person)),
            )
        numbers = {words(id_): int(number) for number, id_ in mine.items() if number.isdigit()}
        found = await _get(at_home(self._redis, person), list(numbers))
        ordered = sorted(found, key=lambda one: one.reminder.due)
        return {numbers[one.reminder.id]: one for one in ordered if one.reminder.id in numbers}

    async def of_place(self, place: ConversationId) -> list[Kept]:
        with store_errors():
            ids = await cast(Awaitable[set[bytes]], self._redis.smembers(keys.reminders_in(place)))
        return await _get(at_home(self._redis, place), sorted(map(words, ids)))

    async def get(self, id_: str) -> Kept | None:
        found = [one for shard in shards_of(self._redis) for one in await _get(shard, [id_])]
        return found[0] if found else None

    async def change(self, kept: Kept, to: Reminder | None) -> bool:
        """Let *kept* be *to* from now on; None: it ends. False: it was changed meanwhile."""
        was = kept.reminder
        with store_errors():
            changed = await self._rewrite(
                keys=[*_names(was), _names(to or was)[3]],
                args=[
                    was.id,
                    kept.raw,
                    _encode(to) if to else "",
                    ms(to.due) if to else 0,
                    keys.DUE,
                ],
            )
        return bool(changed)

    async def move(self, place: ConversationId, to: ConversationId) -> None:
        """The group *place* became *to*."""
        platform, space, _ = split_conversation(to)
        for kept in await self.of_place(place_of(place)):
            thread = split_conversation(kept.reminder.conversation)[2]
            there = conversation_id(platform, space, thread)
            await self._insist(kept, partial(replace, conversation=there, reply_to=""))

    async def end_all(self, found: Sequence[Kept]) -> int:
        """End all of *found*. Returns how many there were."""
        return sum([await self._insist(one, lambda _: None) for one in found])

    async def _insist(self, kept: Kept, to: Callable[[Reminder], Reminder | None]) -> bool:
        """Change *kept*, also if others change it meanwhile. False: it has ended."""
        now: Kept | None = kept
        for _ in range(CHANGES):
            if now is None or await self.change(now, to(now.reminder)):
                break
            now = await self.get(kept.reminder.id)
        return now is not None

    async def forget(self, person: str) -> int:
        """End all reminders of *person*, and forget their zone. Returns how many there were."""
        ended = await self.end_all(list((await self.of_person(person)).values()))
        with store_errors():
            await self._redis.delete(keys.zone(person), keys.reminders_of(person))
        return ended

    async def zone(self, person: str) -> str:
        """The zone that *person* chose; empty: none."""
        with store_errors():
            return words(cast(bytes | None, await self._redis.get(keys.zone(person))))

    async def choose_zone(self, person: str, zone: str) -> None:
        with store_errors():
            await self._redis.set(keys.zone(person), zone)

    # --- the queue ----------------------------------------------------------------------------

    async def look(self, most: int) -> tuple[list[Kept], float, float]:
        """What is due, the time by the store's clock, and in how many seconds the next one is.

        To be asked by one task. A shard that is away keeps back nothing of the others.
        """
        shards = shards_of(self._redis)
        found = await self._looks.at({one: partial(self._look, one, most) for one in shards})
        due = [one for some, _, _ in found.values() for one in some]
        now = max((now for _, now, _ in found.values()), default=0.0)
        next_s = min((next_s for _, _, next_s in found.values()), default=SOON_S)
        # A shard that is away now is looked into again soon.
        return due, now, next_s if len(found) == len(shards) else min(next_s, SOON_S)

    async def close(self) -> None:
        """Look no more."""
        await self._looks.close()

    async def _look(self, shard: Redis, most: int) -> tuple[list[Kept], float, float]:
        with store_errors():
            seconds, micros = await shard.time()
            now = seconds + micros / 1e6
            entries = cast(
                list[tuple[bytes, float]],
                await shard.zrange(keys.DUE, 0, most, withscores=True),
            )
        ids = [words(id_) for id_, score in entries if score <= now * 1000]
        later = (score / 1000 - now for _, score in entries if score > now * 1000)
        found = await _get(shard, ids)
        due = [one for one in found if ms(one.reminder.due) <= now * 1000]
        if other := set(ids) - {one.reminder.id for one in due}:
            await self._put_off(shard, other, found, now)
        return due, now, SOON_S if ids and not due else next(later, math.inf)

    @staticmethod
    async def _put_off(
        shard: Redis, ids: AbstractSet[str], found: Sequence[Kept], now: float
    ) -> None:
        """Of those of *ids* that seemed due: some ended, some cannot be read, some come later."""
        times = {one.reminder.id: ms(one.reminder.due) for one in found}
        with store_errors():
            for id_ in ids:
                if await shard.hexists(keys.REMINDERS, id_):
                    at = times.get(id_, ms(now + UNREAD_S))
                    await shard.zadd(keys.DUE, {id_: at}, xx=True)
                else:
                    await shard.zrem(keys.DUE, id_)

    async def tell(self, kept: Kept, now: float) -> Literal["told", "changed", "full"]:
        """Put *kept*, which is due, into its mailbox."""
        was, again, missed = kept.reminder, None, 0
        if was.rule is not None and is_rule(was.rule):
            zone = zone_named(was.zone) or UTC
            at, missed = following(was.rule, zone, was.due, now)
            again = replace(was, due=at) if at is not None else None
        incoming = mail_of(was, missed)
        lane = lane_of(incoming)
        with store_errors():
            verdict = await self._due(
                keys=[
                    *_names(was),
                    keys.seen(incoming.event_id),
                    keys.mail(lane.name),
                    *streams(home_tenant(was.conversation)),
                ],
                args=[
                    was.id,
                    kept.raw,
                    _encode(again) if again else "",
                    ms(again.due) if again else 0,
                    _encode(incoming),
                    lane.name,
                    was.person.id,
                    DEDUPE_S,
                    self._most_waiting,
                    ms(now + AGAIN_S),
                ],
            )
        return "told" if verdict == 1 else "changed" if verdict == 0 else "full"


async def _get(shard: Redis, ids: Sequence[str]) -> list[Kept]:
    if not ids:
        return []
    with store_errors():
        found = await cast(Awaitable[list[bytes | None]], shard.hmget(keys.REMINDERS, list(ids)))
    return [Kept(raw, one) for raw in found if raw and (one := reminder_in(raw)) is not None]


def _names(reminder: Reminder) -> list[str]:
    """The keys of the places in which *reminder* stands."""
    return [
        keys.DUE,
        keys.REMINDERS,
        keys.reminders_of(reminder.person.id),
        keys.reminders_in(place_of(reminder.conversation)),
    ]
