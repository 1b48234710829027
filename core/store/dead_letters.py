"""Dead letters: mail that could not be answered. It is kept with the reason, not dropped."""

from collections.abc import Callable
from typing import cast

import msgspec
from redis.asyncio import Redis

from core.store import keys
from core.store.connection import store_errors
from core.store.inbox import Inbox
from core.store.values import DeadLetter, read_dead_letter


class DeadLetters:
    """The dead letters of all workers. Every method raises `StoreError`."""

    def __init__(self, redis: Redis, inbox: Inbox) -> None:
        self._redis = redis
        self._inbox = inbox

    async def all(self) -> list[DeadLetter]:
        """All letters, oldest first."""
        with store_errors():
            letters = cast(list[bytes], await self._redis.lrange(keys.DEAD, 0, -1))
        return [read_dead_letter(letter) for letter in letters]

    async def count(self) -> int:
        """How many there are."""
        with store_errors():
            return await self._redis.llen(keys.DEAD)

    async def requeue(self, wanted: Callable[[str], bool] = lambda _: True) -> int:
        """Put the letters back into the inbox, oldest first, until a mailbox is full.

        Only those whose mail is *wanted*. Letters that cannot be read stay. Returns how many were
        put back.
        """
        count = left = 0
        while True:
            with store_errors():
                letter = cast(bytes | None, await self._redis.lindex(keys.DEAD, left))
            if letter is None:
                return count
            read = read_dead_letter(letter)
            incoming = read.incoming
            if incoming is None or not wanted(read.mail):
                left += 1
                continue
            with store_errors():
                await self._redis.delete(keys.seen(incoming.event_id))
            kept = await self._inbox.put(msgspec.structs.replace(incoming, address="direct"))
            if kept.verdict == "full":
                return count
            # Removed last: after a crash it is put back twice, but its event id keeps it once.
            with store_errors():
                await self._redis.lrem(keys.DEAD, 1, cast(str, letter))
            count += 1

    async def drop(self, wanted: Callable[[str], bool]) -> int:
        """Forget the letters whose mail is *wanted*. Returns how many there were."""
        with store_errors():
            letters = cast(list[bytes], await self._redis.lrange(keys.DEAD, 0, -1))
            dropped = 0
            for letter in letters:
                if wanted(read_dead_letter(letter).mail):
                    dropped += await self._redis.lrem(keys.DEAD, 1, cast(str, letter))
        return dropped
