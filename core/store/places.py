"""Places: who spoke in which thread of a place, and the id that a place had before it moved."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import msgspec
from redis.asyncio import Redis

from core.messages import ConversationId, Incoming, place_id, place_of
from core.people.roles import in_place, tenant_of
from core.store import keys
from core.store.archive import indexed
from core.store.connection import script, store_errors
from core.store.lanes import ASKERS_S, Lane
from core.store.layers import Layers, read_layer, tenant_conversation
from core.store.values import is_conversation, read_incoming, words

MOST_RECENT = 1_000
"""How many threads of a place are remembered."""
MOST_ASKED = 5_000
"""How many conversations of a person are remembered."""
TRIM_EACH = 16
"""Some more may be there: each process lets the oldest go with one of so many notes."""


class Heard(NamedTuple):
    """Who else spoke in a thread, what the place chose to *follow*, and *when* it is answered."""

    others: Sequence[str]
    follow: str
    when: str


class Places:
    """Every method raises `StoreError`."""

    def __init__(self, redis: Redis, ttl_s: int) -> None:
        self._redis = redis
        self._ttl_s = ttl_s
        self._notes = 0
        self._choose = script(redis, "choose")

    async def note(self, incoming: Incoming) -> None:
        """Remember that the sender spoke with us here; in a thread, also for its place."""
        conversation, person = incoming.conversation, incoming.sender.id
        here = indexed(conversation, private=incoming.private)
        spoke = {keys.asked(person): (here, MOST_ASKED)}
        if conversation != (place := place_of(conversation)):
            spoke[keys.recent(place)] = (f"{conversation} {person}", MOST_RECENT)
        self._notes += 1
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for name, (member, most) in spoke.items():
                    pipe.zadd(name, {member: time.time()})
                    if self._notes % TRIM_EACH == 0:
                        pipe.zremrangebyrank(name, 0, -most - 1)
                    pipe.expire(name, self._ttl_s)
                await pipe.execute()

    async def hear(self, incoming: Incoming) -> Heard | None:
        """Note that the sender spoke in a thread that we answer in. None: we do not."""
        thread, place = incoming.conversation, place_of(incoming.conversation)
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.exists(keys.state(thread))
                pipe.hgetall(keys.speakers(thread))
                pipe.hget(keys.state(thread), "preferences")
                pipe.hget(keys.state(place), "preferences")
                pipe.hget(keys.state(tenant_conversation(place)), "preferences")
                known, speakers, *chosen = await pipe.execute()
            if not known and incoming.address == "thread":
                return None
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hset(keys.speakers(thread), incoming.sender.id, incoming.sender.name)
                pipe.expire(keys.speakers(thread), self._ttl_s)
                await pipe.execute()
        others = tuple(
            words(name) for who, name in speakers.items() if words(who) != incoming.sender.id
        )
        here = Layers(*map(read_layer, chosen)).preferences
        return Heard(others, here.follow, here.when)

    async def unfollow(self, conversation: ConversationId) -> None:
        """Nobody spoke with us in *conversation* after all, unless it has a history."""
        with store_errors():
            if not await self._redis.exists(keys.history(conversation)):
                await self._redis.hdel(keys.state(conversation), "asked")

    async def chosen(self, conversation: ConversationId) -> Layers:
        """What was chosen for *conversation*, its place and its tenant."""
        place = place_of(conversation)
        names = (place, tenant_conversation(place))
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for one in (conversation, *names) if conversation != place else names:
                    pipe.hget(keys.state(one), "preferences")
                found = [read_layer(one) for one in await pipe.execute()]
        return Layers(*found) if conversation != place else Layers({}, *found)

    async def choose(self, place: ConversationId, field: str, value: object) -> object:
        """Let *value* be chosen for *place* as *field* of its preferences; None: nothing.

        Returns what was chosen before, or None.
        """
        args = [field, "" if value is None else msgspec.json.encode(value), self._ttl_s]
        with store_errors():
            before = cast(bytes, await self._choose(keys=[keys.state(place)], args=args))
        return read_layer(b'{"%b":%b}' % (field.encode(), before)).get(field) if before else None

    async def speaks(self, conversation: ConversationId) -> bool:
        """Whether messages to nobody in particular may be answered in *conversation*."""
        return (await self.chosen(conversation)).preferences.when not in ("", "mention")

    async def recent(self, place: ConversationId, person: str = "") -> list[ConversationId]:
        """The threads of *place* in which *person* (empty: anybody) spoke with us, newest first."""
        return list(dict.fromkeys([one.conversation for one in await self._lanes(place, person)]))

    async def answering(self, place: ConversationId, person: str = "") -> list[ConversationId]:
        """The threads of `recent` in which a question of *person* waits or is being answered."""
        lanes = await self._lanes(place, person)
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for lane in lanes:
                    pipe.exists(keys.mail(lane.name))
                    pipe.lindex(keys.mail(lane.conversation), 0)
                found = await pipe.execute()
        waits = (
            lane
            for lane, own, first in zip(lanes, found[::2], found[1::2], strict=True)
            if own or _is_from(first, lane.person)
        )
        return list(dict.fromkeys([lane.conversation for lane in waits]))

    async def waiting(self, lane: Lane) -> list[Incoming]:
        """The newest mail of *lane* that is not answered yet, if there is any."""
        with store_errors():
            mail = cast(list[bytes], await self._redis.lrange(keys.mail(lane.name), -1, -1))
        return [one for raw in mail if (one := read_incoming(raw, "")) is not None]

    async def asker(self, conversation: ConversationId, post: str) -> str:
        """The id of the person for whom *post* of a group was made; empty if it is not known."""
        now = int(time.time() // (ASKERS_S // 2))
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for period in (now - 1, now):
                    pipe.hget(keys.askers(conversation, period), post)
                before, since = await pipe.execute()
        return words(before or since)

    async def note_asker(self, lane: Lane, post: str) -> None:
        """*post* was made for the person of *lane*. It has buttons before the commit notes that."""
        person, known_s = lane.asker
        if not person:
            return
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hsetnx(lane.askers, post, person)
                pipe.expire(lane.askers, known_s)
                await pipe.execute()

    async def note_move(self, place: ConversationId, to: ConversationId) -> None:
        """Remember for ever that *place* is now *to*. What admins decided about it holds there."""
        before, after = place_id(place), place_id(to)
        members = keys.members(tenant_of(place))
        with store_errors():
            await self._redis.set(keys.moved(to), place)
            decided = cast(Mapping[bytes, bytes], await self._redis.hgetall(members))
            async with self._redis.pipeline(transaction=True) as pipe:
                for name, member in decided.items():
                    person, _, of = words(name).rpartition("@")
                    if of == before:
                        pipe.hsetnx(members, in_place(person, after) if person else after, member)
                        pipe.hdel(members, name)
                await pipe.execute()
            if await self._redis.exists(keys.always(place)):
                await self._redis.renamenx(keys.always(place), keys.always(to))

    async def moved_from(self, place: ConversationId) -> ConversationId:
        """The id that *place* had before it moved; empty if it did not move."""
        with store_errors():
            before = cast(bytes | None, await self._redis.get(keys.moved(place)))
        return ConversationId(words(before))

    async def _lanes(self, place: ConversationId, person: str) -> list[Lane]:
        with store_errors():
            found = cast(list[bytes], await self._redis.zrevrange(keys.recent(place), 0, -1))
        spoke = (words(one).rpartition(" ") for one in found)
        return [
            Lane(ConversationId(thread), who)
            for thread, _, who in spoke
            if person in ("", who) and is_conversation(thread)
        ]


def _is_from(mail: bytes | None, person: str) -> bool:
    incoming = None if mail is None else read_incoming(mail, "")
    return incoming is not None and incoming.sender.id == person
