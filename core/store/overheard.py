"""What people said to each other in a place that wants us to know it, kept for a day at most.

Only for platforms that cannot tell it later (`core.platform.Limits.reads`). Each conversation has
its own, and nothing of it is copied anywhere else: neither into history nor into a summary.
"""

import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from core.messages import ConversationId
from core.said import Said, Span, Transcript, newest
from core.store import keys
from core.store.archive import literal
from core.store.connection import script, store_errors
from core.store.values import read

MOST = 200
MOST_BYTES = 128 * 1024
KEPT_S = 24 * 3600
"""Older messages are not told, and are erased when the next one is kept. If none comes, all are
erased after this time."""
TOLD_S = 365 * 24 * 3600

_said = msgspec.json.Decoder(Said)


class Overheard:
    """Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._overhear = script(redis, "overhear")

    async def keep(self, conversation: ConversationId, said: Said, *, edited: bool = False) -> None:
        """Keep *said*. *edited*: it is the new wording of a message, if that is still kept."""
        now = time.time()
        names = [keys.overheard(conversation), keys.overheard_order(conversation)]
        what: list[Any] = [said.message, f"{said.at:.6f}", msgspec.json.encode(said)]
        bounds = [str(MOST), str(MOST_BYTES), str(KEPT_S), f"{now - KEPT_S:.6f}"]
        with store_errors():
            await self._overhear(names, [*what, *bounds, int(edited)])

    async def read(self, conversation: ConversationId, span: Span) -> Transcript:
        """What is kept of *conversation*. `Span.before` is not known here: all is before it."""
        with store_errors():
            found = await cast(
                Awaitable[list[bytes]], self._redis.hvals(keys.overheard(conversation))
            )
        kept = (read(_said, one, "store.overheard") for one in found)
        since = time.time() - KEPT_S
        said = sorted(
            (one for one in kept if one is not None and one.at >= since),
            key=lambda one: (one.at, len(one.message), one.message),
        )
        transcript = newest(said, span, head=False)
        return Transcript(transcript.said, transcript.missing or "older")

    async def drop(self, conversation: ConversationId, message: str) -> None:
        """Erase *message*: it turned out to be for us."""
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hdel(keys.overheard(conversation), message)
                pipe.zrem(keys.overheard_order(conversation), message)
                await pipe.execute()

    async def forget(self, conversation: ConversationId) -> int:
        """Erase all of *conversation*. Returns how many messages that were."""
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hlen(keys.overheard(conversation))
                pipe.delete(keys.overheard(conversation), keys.overheard_order(conversation))
                count, _ = await pipe.execute()
        return int(count)

    async def forget_place(self, place: ConversationId) -> int:
        """Erase all of *place*, with its topics."""
        return sum([await self.forget(one) async for one in self._conversations(place)])

    async def announce(self, place: ConversationId) -> bool:
        """Whether *place* must be told that it is overheard. Notes that it was."""
        with store_errors():
            name = keys.told(f"overhears:{place}")
            return bool(await self._redis.set(name, 1, nx=True, ex=TOLD_S))

    async def end(self, place: ConversationId) -> None:
        """*place* does not want to be overheard any more: erase all."""
        await self.forget_place(place)
        with store_errors():
            await self._redis.delete(keys.told(f"overhears:{place}"))

    async def forget_person(self, person: str, place: str = "") -> int:
        """Erase what *person* (an id) said in *place* with its topics; empty: in all places."""
        found = self._conversations(place)
        return sum([await self.forget_part(one, person) async for one in found])

    async def forget_part(self, conversation: ConversationId, person: str) -> int:
        """Erase what *person* (an id) said in *conversation*."""
        transcript = await self.read(conversation, Span(most=MOST, most_chars=MOST_BYTES))
        theirs = [one.message for one in transcript.said if one.person == person]
        for message in theirs:
            await self.drop(conversation, message)
        return len(theirs)

    async def _conversations(self, place: str = "") -> AsyncIterator[ConversationId]:
        start = keys.overheard(ConversationId(place))
        with store_errors():
            async for name in self._redis.scan_iter(match=f"{literal(start)}*", count=1_000):
                whole = name.decode(errors="replace")
                yield ConversationId(whole.removeprefix(keys.overheard(ConversationId(""))))
