"""What is kept of people and conversations, to be shown (`/export`) and erased (`/forget`).

An index says in which conversations a person asked. Versions before it kept none, so who erases
everything also looks at all histories.
"""

from collections.abc import AsyncIterator, Awaitable
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from core.messages import ConversationId, Exchange, Summary, place_of
from core.store import keys
from core.store.connection import store_errors
from core.store.layers import read_layer
from core.store.turns import exchange_in, read_past
from core.store.values import is_conversation, number, words

STEP = 200
"""How many exchanges are read at once."""
MOST_SCANNED = 200_000
"""How many keys of the store are looked at for conversations that no index names."""
MOVES = 3
"""How often a place may have moved since."""
PRIVATE, SHARED = "p", "g"
"""In the index: a conversation of the person alone, and one with others."""


class Asked(NamedTuple):
    """A conversation in which a person asked. *private*: nobody else did."""

    conversation: ConversationId
    private: bool


class Kept(NamedTuple):
    """What a conversation has besides its exchanges."""

    summary: Summary
    chosen: dict[str, Any]


def indexed(conversation: ConversationId, *, private: bool) -> str:
    """The member of a person's index that stands for *conversation*."""
    return f"{PRIVATE if private else SHARED} {conversation}"


class Archive:
    """Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def asked_by(self, person: str) -> list[Asked]:
        """The conversations in which *person* asked, the newest first. Moves are followed."""
        with store_errors():
            found = await cast(
                Awaitable[list[bytes]], self._redis.zrevrange(keys.asked(person), 0, -1)
            )
        asked: dict[Asked, None] = {}
        for member in map(words, found):
            kind, _, name = member.partition(" ")
            if is_conversation(name):
                now = await self._moved(ConversationId(name))
                asked.update(dict.fromkeys(Asked(one, kind == PRIVATE) for one in now))
        return list(asked)

    async def _moved(self, conversation: ConversationId) -> list[ConversationId]:
        """*conversation* and what it became."""
        names = [conversation]
        for _ in range(MOVES):
            with store_errors():
                to = words(
                    await cast(
                        Awaitable[bytes | None],
                        self._redis.hget(keys.state(names[-1]), "moved"),
                    )
                )
            if not is_conversation(to) or to in names:
                break
            names.append(ConversationId(to))
        return names

    async def exchanges(
        self, conversation: ConversationId, person: str = ""
    ) -> AsyncIterator[Exchange]:
        """The exchanges of *conversation*, oldest first; those of *person* if one is named.

        They are those of all its branches.
        """
        since, at = await self._since(conversation), 0
        while True:
            with store_errors():
                some = await cast(
                    Awaitable[list[bytes]],
                    self._redis.lrange(keys.history(conversation), at, at + STEP - 1),
                )
            for one in map(exchange_in, some):
                if one is not None and one.at >= since and person in ("", one.person):
                    yield one
            if len(some) < STEP:
                return
            at += STEP

    async def _since(self, conversation: ConversationId) -> float:
        place = place_of(conversation)
        if conversation == place:
            return 0.0
        with store_errors():
            fresh = await cast(
                Awaitable[bytes | None], self._redis.hget(keys.state(place), "fresh")
            )
        return number(fresh)

    async def besides(self, conversation: ConversationId) -> Kept:
        with store_errors():
            found = await cast(
                Awaitable[list[bytes | None]],
                self._redis.hmget(keys.state(conversation), ["summary", "preferences"]),
            )
        summed, chosen = found
        _, summary = read_past((), summed, await self._since(conversation))
        return Kept(summary, read_layer(chosen))

    async def threads_of(self, place: ConversationId) -> list[ConversationId]:
        """The conversations of *place* that have a history, and the place itself."""
        found = [one async for one in self.conversations(place)]
        return list(dict.fromkeys([place, *found]))

    async def conversations(self, start: str) -> AsyncIterator[ConversationId]:
        """The conversations with a history whose names begin with *start*."""
        async for name in self.names(f"{keys.history(ConversationId(start))}", "*"):
            conversation = name.removeprefix(keys.history(ConversationId("")))
            if is_conversation(conversation):
                yield ConversationId(conversation)

    async def names(self, start: str, pattern: str) -> AsyncIterator[str]:
        """The keys that begin with *start*, and go on as *pattern* says."""
        match, cursor, seen = f"{literal(start)}{pattern}", 0, 0
        while True:
            with store_errors():
                cursor, some = await self._redis.scan(cursor, match=match, count=1_000)
            for name in some:
                yield words(cast(bytes, name))
            seen += 1_000
            if cursor == 0 or seen >= MOST_SCANNED:
                return

    async def ratings(self, conversation: ConversationId) -> dict[str, str]:
        """People's verdicts on answers in *conversation*, by the question's event id."""
        with store_errors():
            found = await cast(
                Awaitable[dict[bytes, bytes]],
                self._redis.hgetall(keys.ratings(conversation)),
            )
        return {words(event): words(verdict) for event, verdict in found.items()}


def literal(text: str) -> str:
    """*text* for a pattern of Redis, in which some characters have a meaning."""
    return "".join(f"\\{one}" if one in "*?[]\\" else one for one in text)
