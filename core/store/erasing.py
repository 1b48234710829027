"""Erasing: one conversation, one person's part of it, or a person everywhere.

What is erased never comes back: each erased conversation is marked with the time, so an answer
that is still being written there is shown, but kept by nobody; and a summary that is being made is
not taken. What others said stays. Not erased are what admins decided about a person, the sums of a
budget's running period (else who forgets could spend anew), and the event ids that keep an event
from being answered twice; `docs/data.md` says for how long.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import NamedTuple, cast

import msgspec
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from core.messages import ConversationId, place_id, place_of
from core.people.roles import tenant_of
from core.store import keys
from core.store.archive import STEP, Archive, Asked, literal
from core.store.connection import store_errors
from core.store.lanes import Lane
from core.store.memories import Memories
from core.store.overheard import Overheard
from core.store.sharded import at_home
from core.store.values import read_dead_letter, words

DAYS = 140
"""Tallies are kept for so many days at most (`core.store.accounts`), since they began."""
FILES = ":files"
"""A platform that keeps no posts has its files in a log of this ending."""


class Erased(NamedTuple):
    """How much was erased. *places*: conversations in which there were exchanges."""

    exchanges: int = 0
    places: int = 0
    facts: int = 0
    others: int = 0

    def plus(self, *, exchanges: int = 0, facts: int = 0, others: int = 0) -> "Erased":
        return Erased(
            self.exchanges + exchanges,
            self.places + bool(exchanges),
            self.facts + facts,
            self.others + others,
        )


class Eraser:
    """Every method raises `StoreError`. Each may be done again after an error."""

    def __init__(
        self,
        redis: Redis,
        archive: Archive,
        memories: Memories,
        erase: AsyncScript,
        erase_person: AsyncScript,
    ) -> None:
        self._redis = redis
        self._archive = archive
        self._memories = memories
        self._overheard = Overheard(redis)
        self._erase = erase
        self._erase_person = erase_person

    async def conversation(self, conversation: ConversationId, *, choices: bool = False) -> Erased:
        """All that is kept of *conversation*; also its *choices* (model, system text, ...)."""
        with store_errors():
            exchanges, others = await self._erase(
                keys=[
                    keys.history(conversation),
                    keys.state(conversation),
                    keys.ratings(conversation),
                    keys.speakers(conversation),
                ],
                args=[int(choices)],
            )
        others += await self._overheard.forget(conversation)
        for log in (conversation, f"{conversation}{FILES}"):
            others += await self._log(log)
        return Erased().plus(exchanges=exchanges, others=others)

    async def part_of(self, conversation: ConversationId, person: str) -> Erased:
        """What is kept of *person* in *conversation*."""
        exchanges, others, at = 0, 0, -1
        field = f'"person":{msgspec.json.encode(person).decode()},'
        while at:
            with store_errors():
                some, more, at = await self._erase_person(
                    keys=[
                        keys.history(conversation),
                        keys.state(conversation),
                        keys.state(Lane(conversation, person).name),
                        keys.ratings(conversation),
                        keys.speakers(conversation),
                    ],
                    args=[field, person, at, STEP],
                )
            exchanges, others = exchanges + some, others + more
        others += await self._overheard.forget_part(conversation, person)
        with store_errors():
            spoke = f"{conversation} {person}"
            others += await self._redis.zrem(keys.recent(place_of(conversation)), spoke)
        return Erased().plus(exchanges=exchanges, others=others)

    async def everything(self, person: str) -> Erased:
        """All that is kept of *person*, everywhere."""
        erased, lists = Erased(), {person}
        alone: dict[ConversationId, ConversationId] = {}
        async for asked in self._conversations(person):
            if asked.private:
                one = await self.conversation(asked.conversation, choices=True)
                alone[asked.conversation] = place_of(asked.conversation)
                lists.add(place_id(asked.conversation))
            else:
                one = await self.part_of(asked.conversation, person)
            erased = Erased(*map(sum, zip(erased, one, strict=True)))
        others = await self._overheard.forget_person(person)
        for name in lists:
            others += await self._log(name)
        others += await self._letters(person)
        others += await self._entries(person, alone)
        facts = await self._memories.clear(person, wholly=True)
        return erased.plus(facts=facts, others=others)

    async def _conversations(self, person: str) -> AsyncIterator[Asked]:
        """Those of the index, and then all others in which an earlier version may have kept it."""
        known = await self._archive.asked_by(person)
        for asked in known:
            yield asked
            if asked.private and (place := place_of(asked.conversation)) != asked.conversation:
                yield Asked(place, private=True)
        names = {one.conversation for one in known}
        async for conversation in self._archive.conversations(f"{tenant_of(person)}:"):
            if conversation not in names:
                yield Asked(conversation, private=False)

    async def _log(self, name: str) -> int:
        """The posts of a log. Who watches it is told. Its count goes on, so no key comes again."""
        board = keys.board(name)
        with store_errors():
            fields = await cast(Awaitable[list[bytes]], self._redis.hkeys(board))
            posts = [field for field in fields if field.isdigit()]
            async with self._redis.pipeline(transaction=False) as pipe:
                for field in posts:
                    pipe.hdel(board, words(field))
                    pipe.publish(board, field)
                await pipe.execute()
        return len(posts)

    async def _letters(self, person: str) -> int:
        """The questions of *person* that were set aside for the operator."""
        shard = at_home(self._redis, person)
        with store_errors():
            letters = await cast(Awaitable[list[bytes]], shard.lrange(keys.DEAD, 0, -1))
            erased = 0
            for letter in letters:
                incoming = read_dead_letter(letter).incoming
                if incoming is not None and incoming.sender.id == person:
                    erased += await shard.lrem(keys.DEAD, 0, words(letter))
        return erased

    async def _entries(self, person: str, alone: Mapping[ConversationId, ConversationId]) -> int:
        """Costs, notices, what was said lately, and the index.

        *alone*: the conversations that the person has alone with us, and their places.
        """
        tenant = tenant_of(person)
        moments = [time.gmtime(time.time() - back * 24 * 3600) for back in range(DAYS)]
        periods = {time.strftime(form, one) for one in moments for form in ("%Y-%m", "%Y-%m-%d")}
        of_person = f"*:{literal(person)}"
        gone = [name async for name in self._archive.names(keys.told(""), of_person)]
        gone += [name async for name in self._archive.names(keys.gesture(""), of_person)]
        for place in dict.fromkeys(alone.values()):
            within = f"*:{literal(place)}*"
            gone += [name async for name in self._archive.names(keys.told(""), within)]
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.delete(keys.spent(person), *map(keys.spent, alone))
                pipe.delete(keys.signed_in(person))
                pipe.delete(keys.sign_in_code(person))
                for period in periods:
                    rows = (f"place {place_id(place)}" for place in alone.values())
                    pipe.hdel(keys.tally(tenant, period), f"person {person}", *rows)
                for name in gone:
                    pipe.delete(name)
                counts = await pipe.execute()
                # An answer that may be given again names nobody, so all of them go.
                cached = [name async for name in self._archive.names(keys.answer(""), "*")]
                await self._redis.delete(keys.asked(person), *cached)
        return sum(map(int, counts))
