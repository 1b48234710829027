"""The pulse of the store: a real write now and then, and the reason in words if it fails.

The pulse also notices if the store's clock stepped back. All older times would then be in the
future: leases would never run out, and tokens would never come back.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, cast

from prometheus_client import Gauge
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from core.border import set_aside
from core.errors import StoreError
from core.store import keys
from core.store.connection import script, store_errors
from core.store.lanes import streams
from core.store.sharded import shards_of
from core.telemetry import logger

log = logger(__name__)

EVERY_S = 2.0
FRESH_S = 0.5
"""If somebody asks more often, the last result is returned."""
TIMEOUT_S = 1.5
LOOK_AGAIN_S = 60.0
SAY_AGAIN_S = 60.0
COUNT_S = 10.0
TTL_S = 24 * 3600
STEP_MS = 2000
"""Clocks that a network sets never jump by more."""

NEVER_EVICT = "noeviction"
_WORDS = {
    # Error classes of redis-py, or the words of Redis if there is no class.
    "ReadOnlyError": "it is a read-only replica: REDIS_URL must name the primary",
    "BusyLoadingError": "it is still reading its data",
    "MISCONF": "it cannot save to its disk, and refuses to write",
    "OutOfMemoryError": "its memory is full",
    "NOREPLICAS": "it has fewer replicas than it wants for a write",
    "MovedError": "it does not hold our keys (any more): another node of the cluster does",
    "AskError": "our keys are on their way to another node of the cluster",
    "ClusterDownError": "its cluster is down",
    "MasterDownError": "its primary is down",
    "AuthenticationError": "it does not accept the password of REDIS_URL, or wants one",
    "max number of clients": "it has as many connections as it allows (maxclients)",
    "BUSY ": "it is busy with a script of somebody: SCRIPT KILL ends it",
    "NoPermissionError": "its user may not do what we need",
}


def in_words(reason: str) -> str:
    """What *reason*, an error of the store, means to the operator."""
    return next((words for code, words in _WORDS.items() if code in reason), reason)


class Pulse:
    """Whether the store can write, in each shard. *platforms*: those whose leases are in the store.

    *waiting* is set, by platform, to how many lanes wait for a worker.
    """

    def __init__(
        self, redis: Redis, platforms: Collection[str] = (), waiting: Gauge | None = None
    ) -> None:
        self._redis = redis
        self._waiting = waiting
        self._platforms = platforms
        self._writes = [script(one, "pulse") for one in shards_of(redis)]
        self._lock = asyncio.Lock()
        self._beat_at = -FRESH_S
        self._said_at = -SAY_AGAIN_S
        self.wrong = ""
        """Why the store cannot write; empty if it can."""
        self.warnings: Sequence[str] = ()

    async def watch(self) -> None:
        """Write again and again, and log when that stops and when it works again."""
        looked = counted = -LOOK_AGAIN_S
        while True:
            was = self.wrong
            now = time.monotonic()
            await self.feel()
            if self.wrong and (not was or now - self._said_at > SAY_AGAIN_S):
                self._said_at = now
                log.error("nothing can be kept", store=self.wrong)
            elif was and not self.wrong:
                log.info("the store keeps again")
            if not self.wrong and now - looked > LOOK_AGAIN_S:
                looked = now
                await self._look()
            if self._waiting is not None and not self.wrong and now - counted > COUNT_S:
                counted = now
                await self._count(self._waiting)
            await asyncio.sleep(EVERY_S)

    async def feel(self) -> str:
        """Write now, unless that was done a moment ago. Returns `wrong`."""
        async with self._lock:
            if time.monotonic() - self._beat_at >= FRESH_S:
                try:
                    with store_errors():
                        async with asyncio.timeout(TIMEOUT_S):
                            stepped_ms = max(await asyncio.gather(*map(_written, self._writes)))
                            if stepped_ms > STEP_MS:
                                await self._stepped_back(stepped_ms)
                    self.wrong = ""
                except StoreError as error:
                    timed_out = isinstance(error.__cause__, TimeoutError)
                    self.wrong = "it does not answer" if timed_out else in_words(str(error))
                self._beat_at = time.monotonic()
        return self.wrong

    async def _stepped_back(self, by_ms: int) -> None:
        """Let every lease begin anew. Live workers renew theirs; the others run out in time."""
        set_aside("store.clock", "stepped back")
        log.warning("the store's clock stepped back", seconds=by_ms // 1000)
        for stream in [one for platform in tuple(self._platforms) for one in streams(platform)]:
            pending: Any = await self._redis.xpending_range(stream, keys.GROUP, "-", "+", 10_000)
            for one in pending:
                await self._redis.xclaim(
                    stream, keys.GROUP, one["consumer"], 0, [one["message_id"]], idle=0, justid=True
                )

    async def _count(self, waiting: Gauge) -> None:
        with suppress(StoreError), store_errors():
            for platform in tuple(self._platforms):
                waiting.labels(platform).set(await self._unclaimed(platform))

    async def _unclaimed(self, platform: str) -> int:
        """The entries of the ready streams that no worker has."""
        count = 0
        for stream in streams(platform):
            pending: Any = await self._redis.xpending(stream, keys.GROUP)
            count += await self._redis.xlen(stream) - pending["pending"]
        return max(0, count)

    async def _look(self) -> None:
        warnings = await policies(self._redis)
        for warning in warnings:
            if warning not in self.warnings:
                log.warning("store", warning=warning)
        self.warnings = warnings


async def _written(write: AsyncScript) -> int:
    """By how many milliseconds the clock of a shard stepped back since the last write there."""
    return cast(int, await write(keys=[keys.PULSE], args=[TTL_S]))


async def policies(redis: Redis) -> Sequence[str]:
    """What the store's own settings put at risk, in words; empty if nothing."""
    found = [await _policies_of(one) for one in shards_of(redis)]
    return list(dict.fromkeys(chain.from_iterable(found)))


async def _policies_of(redis: Redis) -> Sequence[str]:
    try:
        with store_errors():
            memory: Any = await redis.info("memory")
            persistence: Any = await redis.info("persistence")
    except StoreError:
        return ()
    warnings = []
    policy = memory.get("maxmemory_policy", NEVER_EVICT)
    if policy != NEVER_EVICT:
        warnings.append(
            f"maxmemory-policy is {policy}: when memory is full, questions and answers VANISH; "
            f"set it to {NEVER_EVICT}"
        )
    if not persistence.get("aof_enabled") and not await _saves(redis):
        warnings.append(
            "nothing is written to disk (appendonly no, save empty): a restart forgets everything"
        )
    return warnings


async def _saves(redis: Redis) -> bool:
    try:
        saves: Any = await redis.config_get("save")
    except RedisError:
        return True  # A hosted store does not tell, and has its own ways to persist.
    return bool(saves.get("save"))
