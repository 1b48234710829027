"""Post logs: the posts of a platform that keeps no posts itself (see `core.lent.PostLog`).

A growing post changes many times a second. So who watches it in this process is told at once, and
the store gets the newest text once a second, for all growing posts in one trip. If somebody
watches elsewhere, each change is published too. Whether somebody does, the answer to each
publication tells, so one who comes later waits a second at most.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, cast

from redis.asyncio import Redis

from core.border import set_aside
from core.errors import StoreError
from core.store import keys
from core.store.connection import store_errors
from core.store.pubsub import PubSub
from core.store.sharded import shards_of
from core.tasks import end

KEEP_S = 1.0
"""A growing post is kept so often."""
STALE_S = 3.0
"""A text that could not be kept for so long is not kept: after `core.store.claim.LEASE_S`, another
process may be writing there."""
AGAIN_S, MOST_KEPT_ON = 60.0, 10_000
"""For how long a log is kept is said again after so long. So many logs are remembered for that."""
_COUNTER = b"n"


@dataclass(slots=True)
class _Growing:
    """What grows in one log: the values that the store does not have, and since when."""

    values: dict[int, bytes] = field(default_factory=dict)
    grown_at: float = 0.0
    heard_elsewhere: bool = True


class RedisPostLog:
    """Each log is a hash. A channel of the same name tells each change.

    An async context manager: what grows is kept inside it, and once more at its end.
    """

    def __init__(self, redis: Redis, pubsub: PubSub, ttl_s: int) -> None:
        self._redis = redis
        self._pubsub = pubsub
        self._ttl_s = ttl_s
        self._growing: dict[str, _Growing] = {}
        self._kept_on: dict[str, float] = {}
        """When we said last, by our clock, for how long a log is kept."""
        self._grown = asyncio.Event()
        # If the connection breaks, what was sent is sent again: a final text must come behind it.
        self._keeping = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep(), name="growing posts")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            await end([self._task])
        with suppress(StoreError):
            await self._keep_all()

    async def grow(self, log_name: str, value: bytes, key: int) -> None:
        name = keys.board(log_name)
        growing = self._growing.setdefault(name, _Growing())
        growing.values[key], growing.grown_at = value, time.monotonic()
        self._grown.set()
        self._pubsub.tell(name, _told(key, value))
        if growing.heard_elsewhere:
            with store_errors():
                self._pubsub.expect(name, _told(key, value))
                self._note(name, await self._redis.publish(name, _told(key, value)))

    async def _keep(self) -> None:
        while True:
            await self._grown.wait()
            await asyncio.sleep(KEEP_S)
            self._grown.clear()
            with suppress(StoreError):
                await self._keep_all()

    async def _keep_all(self) -> None:
        """Keep what grew. Raises `StoreError`."""
        async with self._keeping:
            fresh = time.monotonic() - STALE_S
            self._growing = {
                name: one
                for name, one in self._growing.items()
                if one.values and one.grown_at >= fresh
            }
            sent = [
                (name, *one) for name, log in self._growing.items() for one in log.values.items()
            ]
            for name, heard in await self._sent(sent):
                self._note(name, heard)
            for name, key, value in sent:
                values = self._growing[name].values
                if values.get(key) is value:
                    del values[key]

    async def _sent(self, posts: Sequence[tuple[str, int, bytes]]) -> Sequence[tuple[str, int]]:
        """Keep and publish *posts*. Returns how many processes heard of each."""
        for growing in self._growing.values():
            growing.heard_elsewhere = True  # Until we know.
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for name, key, value in posts:
                    self._pubsub.expect(name, _told(key, value))
                    pipe.hset(name, str(key), value)
                    pipe.publish(name, _told(key, value))
                answers = await pipe.execute()
        return [(name, heard) for (name, _, _), heard in zip(posts, answers[1::2], strict=True)]

    def _note(self, name: str, heard: int) -> None:
        """So many processes *heard* what was just published on *name*."""
        if name in self._growing:
            # Of several servers, each knows only who listens to itself.
            several = len(shards_of(self._redis)) > 1
            self._growing[name].heard_elsewhere = several or heard > self._pubsub.listens(name)

    async def _outgrown(self, name: str, key: int | None) -> None:
        """The value of *key* does not grow any more."""
        if key is not None and name in self._growing:
            async with self._keeping:
                if name in self._growing:
                    self._growing[name].values.pop(key, None)

    def _newer(self, name: str) -> Mapping[int, bytes]:
        """The values of the log that the store does not have yet."""
        return self._growing[name].values if name in self._growing else {}

    async def put(self, log_name: str, value: bytes, key: int | None = None) -> int:
        name = keys.board(log_name)
        await self._outgrown(name, key)
        with store_errors():
            new = key is None
            if key is None:
                key = int(await self._redis.hincrby(name, _COUNTER.decode(), 1))
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hset(name, str(key), value)
                pipe.publish(name, _told(key, value))
                if new and self._may_end(name, key):
                    pipe.expire(name, self._ttl_s)
                await pipe.execute()
        return key

    def _may_end(self, name: str, key: int) -> bool:
        """Whether to say again how long the log is kept, which now has the post *key*.

        A post that grows changes often, and soon after it was made; so does a log.
        """
        now = time.monotonic()
        # Its first post: the log may have been removed since.
        if key > 1 and now - self._kept_on.get(name, -math.inf) < AGAIN_S:
            return False
        if len(self._kept_on) >= MOST_KEPT_ON:
            self._kept_on.clear()
        self._kept_on[name] = now
        return True

    async def get(self, log_name: str, key: int) -> bytes | None:
        name = keys.board(log_name)
        with store_errors():
            kept = cast(bytes | None, await self._redis.hget(name, str(key)))
        return self._newer(name).get(key, kept)

    async def remove(self, log_name: str, key: int) -> None:
        name = keys.board(log_name)
        await self._outgrown(name, key)
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hdel(name, str(key))
                pipe.publish(name, b"%d" % key)
                await pipe.execute()

    async def read(self, log_name: str) -> list[tuple[int, bytes]]:
        name = keys.board(log_name)
        with store_errors():
            values = cast(dict[bytes, bytes], await self._redis.hgetall(name))
        kept = {
            at: value
            for key, value in values.items()
            if key != _COUNTER and (at := place_in(key)) is not None
        }
        return sorted({**kept, **self._newer(name)}.items())

    async def keys(self, log_name: str) -> list[int]:
        with store_errors():
            names = cast(list[bytes], await self._redis.hkeys(keys.board(log_name)))
        return sorted(
            at for name in names if name != _COUNTER and (at := place_in(name)) is not None
        )

    @asynccontextmanager
    async def watch(self, log_name: str) -> AsyncIterator[AsyncIterator[tuple[int, bytes | None]]]:
        async with self._pubsub.listen(keys.board(log_name)) as messages:
            yield _changes(messages)


async def _changes(messages: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes | None]]:
    async for message in messages:
        key, space, value = message.partition(b" ")
        if (at := place_in(key)) is not None:
            yield at, value if space else None


def _told(key: int, value: bytes) -> bytes:
    """The message that tells of *value*."""
    return b"%d " % key + value


def place_in(key: bytes) -> int | None:
    if key.isdigit() and len(key) < 20:
        return int(key)
    set_aside("store.board", "not a place of a post")
    return None
