"""What people want remembered about themselves: each person's own list, and where it may be used.

A list belongs to one person (`platform:user`). It is read in that person's own turns only: in
private, and in the places where the person said so. A fact keeps its number, so a button that
removes it means the same fact for ever. What a model proposes is kept apart until the person
agrees.
"""

import time
from collections.abc import Awaitable
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from core.messages import ConversationId, Incoming, place_of
from core.people.facts import MOST
from core.store import keys
from core.store.connection import script, store_errors
from core.store.values import read, words

PROPOSED_S = 24 * 3600
"""How long a proposal may be agreed to."""
_FACT, _HERE = "fact:", "here:"


class Fact(msgspec.Struct, frozen=True):
    """One line about a person. *at*: when it was kept or proposed, in seconds since the epoch."""

    number: int
    text: str
    at: float = 0.0


_fact = msgspec.json.Decoder(Fact)


class Memory(msgspec.Struct, frozen=True):
    """The list of one person, in the order of its numbers.

    Args:
        proposed: what a model proposes, until the person agrees.
        off: nothing is used, and nothing is proposed.
        places: the groups where the list is used too.
        cleared: how often the list was cleared or switched.
    """

    facts: tuple[Fact, ...] = ()
    proposed: Fact | None = None
    off: bool = False
    places: tuple[str, ...] = ()
    cleared: str = "0"

    def used_for(self, incoming: Incoming) -> tuple[str, ...]:
        """What a model may be told when the person of this list asks *incoming*."""
        here = incoming.private or place_of(incoming.conversation) in self.places
        usable = here and not self.off and not incoming.sender.shared
        return tuple(one.text for one in self.facts) if usable else ()


class Memories:
    """The lists of all people. Every method raises `StoreError`."""

    def __init__(
        self, redis: Redis, propose: AsyncScript, consider: AsyncScript, ttl_s: int
    ) -> None:
        self._redis = redis
        self._propose = propose
        self._consider = consider
        self._ttl_s = ttl_s

    async def of(self, person: str) -> Memory:
        with store_errors():
            found = await cast(
                Awaitable[dict[bytes, bytes]], self._redis.hgetall(keys.memory(person))
            )
        return read_memory(found)

    async def add(self, person: str, text: str) -> Fact | None:
        """Keep *text*, once. None: there are too many."""
        facts = (await self.of(person)).facts
        if known := next((one for one in facts if one.text.casefold() == text.casefold()), None):
            return known
        if len(facts) >= MOST:
            return None
        name = keys.memory(person)
        with store_errors():
            number = int(await self._redis.hincrby(name, "next", 1))
            fact = Fact(number, text, time.time())
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(name, f"{_FACT}{number}", msgspec.json.encode(fact))
                pipe.hdel(name, "maybe")
                pipe.expire(name, self._ttl_s)
                await pipe.execute()
        return fact

    async def remove(self, person: str, number: int) -> bool:
        """Whether a fact with *number* was there."""
        name = keys.memory(person)
        with store_errors():
            gone = await self._redis.hdel(name, f"{_FACT}{number}")
        return bool(gone)

    async def clear(self, person: str, *, wholly: bool = False) -> int:
        """Remove all facts. *wholly*: the choices too. Returns how many facts there were.

        The counts stay for a time: a proposal on its way must not come back, nor a number.
        """
        name = keys.memory(person)
        with store_errors():
            fields = await cast(Awaitable[list[bytes]], self._redis.hkeys(name))
            kept = ("next", "cleared") if wholly else ("next", "cleared", "off")
            gone = [
                field
                for field in map(words, fields)
                if field not in kept and (wholly or not field.startswith(_HERE))
            ]
            if not fields:
                return 0
            async with self._redis.pipeline(transaction=True) as pipe:
                if gone:
                    pipe.hdel(name, *gone)
                pipe.hincrby(name, "cleared", 1)
                pipe.expire(name, self._ttl_s)
                await pipe.execute()
        return sum(field.startswith(_FACT) for field in gone)

    async def switch(self, person: str, *, on: bool) -> None:
        """Use the list of *person*, or not."""
        name = keys.memory(person)
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                if on:
                    pipe.hdel(name, "off")
                else:
                    pipe.hset(name, "off", "1")
                    pipe.hdel(name, "maybe")
                pipe.hincrby(name, "cleared", 1)
                pipe.expire(name, self._ttl_s)
                await pipe.execute()

    async def use_in(self, person: str, conversation: ConversationId, *, here: bool) -> None:
        """Use the list also in the place of *conversation*, or no longer."""
        name, field = keys.memory(person), f"{_HERE}{place_of(conversation)}"
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                if here:
                    pipe.hset(name, field, "1")
                else:
                    pipe.hdel(name, field)
                pipe.expire(name, self._ttl_s)
                await pipe.execute()

    async def propose(self, person: str, text: str, seen: Memory) -> Fact | None:
        """Keep *text* apart until *person* agrees. It takes the place of an older proposal.

        None: the list was cleared or switched since it was *seen*.
        """
        at = time.time()
        with store_errors():
            number = await self._propose(
                keys=[keys.memory(person)],
                args=[seen.cleared, msgspec.json.encode(text), str(at), self._ttl_s],
            )
        return Fact(int(number), text, at) if number else None

    async def agree(self, person: str, number: int) -> Fact | None:
        """Keep the proposal with *number*. None: it is not there any more, or there are too many.

        If it was agreed to before, this changes nothing.
        """
        memory = await self.of(person)
        if known := next((one for one in memory.facts if one.number == number), None):
            return known
        fact = memory.proposed
        if fact is None or fact.number != number or len(memory.facts) >= MOST:
            return None
        return fact if await self._take(person, number, keep=True) else None

    async def decline(self, person: str, number: int) -> None:
        """Drop the proposal with *number*."""
        await self._take(person, number, keep=False)

    async def _take(self, person: str, number: int, *, keep: bool) -> bool:
        """Keep or drop the proposal. False: it was cleared meanwhile, or another one is there."""
        with store_errors():
            taken = await self._consider(
                keys=[keys.memory(person)], args=[number, int(keep), self._ttl_s]
            )
        return bool(taken)


def open_memories(redis: Redis, ttl_s: int) -> Memories:
    return Memories(redis, script(redis, "propose"), script(redis, "consider"), ttl_s)


def read_memory(fields: dict[bytes, bytes]) -> Memory:
    """The memory in the *fields* of its hash. What cannot be read is set aside."""
    named = {words(name): value for name, value in fields.items()}
    facts = [
        fact
        for name, raw in named.items()
        if name.startswith(_FACT) and (fact := read(_fact, raw, "store.memory")) is not None
    ]
    maybe = named.get("maybe")
    proposed = read(_fact, maybe, "store.memory") if maybe else None
    if proposed is not None and proposed.at < time.time() - PROPOSED_S:
        proposed = None
    return Memory(
        facts=tuple(sorted(facts, key=lambda fact: fact.number)),
        proposed=proposed,
        off="off" in named,
        places=tuple(name.removeprefix(_HERE) for name in named if name.startswith(_HERE)),
        cleared=words(named.get("cleared")) or "0",
    )
