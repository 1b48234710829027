"""Dead letters: mail that could not be answered. It is kept with the reason, not dropped."""

from collections.abc import Callable, Sequence
from typing import cast

import msgspec
from redis.asyncio import Redis

from core.store import keys
from core.store.connection import store_errors
from core.store.inbox import Inbox
from core.store.living import living
from core.store.values import DeadLetter, read_dead_letter


class DeadLetters:
    """The dead letters of all workers, in the shards that answer (see `core.store.living`).

    Every method raises `StoreError`.
    """

    def __init__(self, redis: Redis, inbox: Inbox) -> None:
        self._redis = redis
        self._inbox = inbox

    async def all(self) -> list[DeadLetter]:
        """All letters, oldest first in each shard."""
        return [read_dead_letter(letter) for _, letter in await self._found()]

    async def count(self) -> int:
        """How many there are."""
        with store_errors():
            return sum([await one.llen(keys.DEAD) for one in await self._shards()])

    async def requeue(self, wanted: Callable[[str], bool] = lambda _: True) -> int:
        """Put the letters back into the inbox, oldest first, until a mailbox is full.

        Only those whose mail is *wanted*. Letters that cannot be read stay. Returns how many were
        put back.
        """
        return sum([await self._requeue(shard, wanted) for shard in await self._shards()])

    async def _requeue(self, shard: Redis, wanted: Callable[[str], bool]) -> int:
        count = left = 0
        while True:
            with store_errors():
                letter = cast(bytes | None, await shard.lindex(keys.DEAD, left))
            if letter is None:
                return count
            read = read_dead_letter(letter)
            incoming = read.incoming
            if incoming is None or not wanted(read.mail):
                left += 1
                continue
            with store_errors():
                await shard.delete(keys.seen(incoming.event_id))
            kept = await self._inbox.put(msgspec.structs.replace(incoming, address="direct"))
            if kept.verdict == "full":
                return count
            # Removed last: after a crash it is put back twice, but its event id keeps it once.
            with store_errors():
                await shard.lrem(keys.DEAD, 1, cast(str, letter))
            count += 1

    async def drop(self, wanted: Callable[[str], bool]) -> int:
        """Forget the letters whose mail is *wanted*. Returns how many there were."""
        dropped = 0
        for shard, letter in await self._found():
            if wanted(read_dead_letter(letter).mail):
                with store_errors():
                    dropped += await shard.lrem(keys.DEAD, 1, cast(str, letter))
        return dropped

    async def _found(self) -> list[tuple[Redis, bytes]]:
        """The letters, each with the shard that it is in."""
        with store_errors():
            found = [(one, await one.lrange(keys.DEAD, 0, -1)) for one in await self._shards()]
        return [(shard, cast(bytes, letter)) for shard, letters in found for letter in letters]

    async def _shards(self) -> Sequence[Redis]:
        return (await living(self._redis)).shards
