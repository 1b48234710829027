"""Dead letters: mail that could not be answered. It is kept with the reason, not dropped."""

from collections.abc import Callable, Sequence
from typing import cast

import msgspec
from redis.asyncio import Redis

from core.messages import ConversationId
from core.store import keys
from core.store.alone import alone
from core.store.connection import store_errors
from core.store.inbox import Inbox
from core.store.living import living
from core.store.values import DeadLetter, read_dead_letter

CHANGING, ALONE_S = "dead", 30
"""So long one process changes the letters alone. It is extended with each of them."""


class DeadLetters:
    """The dead letters of all workers, in the shards that answer (see `core.store.living`).

    Every method raises `StoreError`.
    """

    def __init__(self, redis: Redis, inbox: Inbox) -> None:
        self._redis = redis
        self._inbox = inbox

    async def all(self) -> list[DeadLetter]:
        """All letters, oldest first in each shard."""
        with store_errors():
            found = [await one.lrange(keys.DEAD, 0, -1) for one in await self._shards()]
        return [read_dead_letter(cast(bytes, letter)) for letters in found for letter in letters]

    async def count(self) -> int:
        """How many there are."""
        with store_errors():
            return sum([await one.llen(keys.DEAD) for one in await self._shards()])

    async def requeue(self, wanted: Callable[[str], bool] = lambda _: True) -> int:
        """Put the letters back into the inbox, oldest first.

        Only those whose mail is *wanted*. Letters that cannot be read stay, and so do those for
        which a mailbox has no room. Returns how many were put back.
        """
        count = 0
        for shard in await self._shards():
            # Of two who put back the same letter, the later one would make us forget that it is
            # there already, and it would be asked twice.
            async with alone(shard, CHANGING, ALONE_S):
                count += await self._requeue(shard, wanted)
        return count

    async def _requeue(self, shard: Redis, wanted: Callable[[str], bool]) -> int:
        count = left = 0
        full: set[ConversationId] = set()
        while True:
            with store_errors():
                await shard.expire(keys.lease(CHANGING), ALONE_S)
                letter = cast(bytes | None, await shard.lindex(keys.DEAD, left))
            if letter is None:
                return count
            read = read_dead_letter(letter)
            incoming = read.incoming
            # What waits behind a letter for which there was no room stays behind it.
            if incoming is None or not wanted(read.mail) or incoming.conversation in full:
                left += 1
                continue
            with store_errors():
                await shard.delete(keys.seen(incoming.event_id))
            kept = await self._inbox.put(msgspec.structs.replace(incoming, address="direct"))
            if kept.verdict == "full":
                full.add(incoming.conversation)
                left += 1
                continue
            # Removed last: if we die before that, it may be asked once more, but it is not lost.
            with store_errors():
                await shard.lrem(keys.DEAD, 1, cast(str, letter))
            count += 1

    async def drop(self, wanted: Callable[[str], bool]) -> int:
        """Forget the letters whose mail is *wanted*. Returns how many there were."""
        dropped = 0
        for shard in await self._shards():
            async with alone(shard, CHANGING, ALONE_S):
                with store_errors():
                    letters = cast(list[bytes], await shard.lrange(keys.DEAD, 0, -1))
                for letter in letters:
                    if wanted(read_dead_letter(letter).mail):
                        with store_errors():
                            dropped += await shard.lrem(keys.DEAD, 1, cast(str, letter))
        return dropped

    async def _shards(self) -> Sequence[Redis]:
        return (await living(self._redis)).shards
