"""One message of the operator to many places, one after the other. It can be cancelled.

What it tells of itself stands in the store, so every replica can show and cancel it. If its process
ends, so does it: nobody gets it twice.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import WatchError

from core.budget import Budget
from core.errors import PlatformError, StoreError
from core.live.delivery import post
from core.messages import ConversationId, conversation_id
from core.platform import Platform
from core.store import keys
from core.store.connection import store_errors
from core.store.values import read
from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

MOST_PLACES = 5_000
TEXT_CHARS = 3_000
PAUSE_S = 1.0
"""Between two places. Answers go first: they need the same tokens."""
LOST_S = 120.0
TRIES = 3
KEPT_S = 30 * 24 * 3600
STATE, CANCEL = "state", "cancel"


class Sending(msgspec.Struct, frozen=True):
    """How far it came. *failed*: in which places it did not arrive."""

    text: str
    places: int
    by: str
    began: float
    at: float
    done: int = 0
    failed: tuple[str, ...] = ()
    state: str = "running"


_sending = msgspec.json.Decoder(Sending)


class Broadcasting:
    """Every method raises `StoreError`."""

    def __init__(self, redis: Redis, platforms: Mapping[str, Platform], budget: Budget) -> None:
        self._redis = redis
        self._platforms = platforms
        self._budget = budget
        self._tasks: list[asyncio.Task[None]] = []

    async def now(self) -> Sending | None:
        """The last one."""
        with store_errors():
            raw = await cast(Any, self._redis.hget(keys.BROADCAST, STATE))
        found = read(_sending, raw, "store.broadcast") if raw else None
        if found is not None and found.state == "running" and time.time() - found.at > LOST_S:
            return msgspec.structs.replace(found, state="lost")
        return found

    async def begin(self, text: str, places: Sequence[str], by: str) -> bool:
        """Send *text* to *places* (`platform:id`). False: another one is running."""
        if not all(task.done() for task in self._tasks):
            return False
        sending = Sending(text, len(places), by, time.time(), time.time())
        if not await self._alone(sending):
            return False
        self._tasks = [asyncio.create_task(self._send(sending, places), name="broadcast")]
        return True

    async def _alone(self, sending: Sending) -> bool:
        """Keep *sending*, unless another one is running. Of several at once, one is kept."""
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(keys.BROADCAST)
                now = await self.now()
                if now is not None and now.state == "running":
                    return False
                cast(Any, pipe).multi()
                pipe.delete(keys.BROADCAST)
                pipe.hset(keys.BROADCAST, STATE, msgspec.json.encode(sending))
                pipe.expire(keys.BROADCAST, KEPT_S)
                try:
                    await pipe.execute()
                except WatchError:
                    return False
        return True

    async def cancel(self) -> None:
        with store_errors():
            await cast(Any, self._redis.hset(keys.BROADCAST, CANCEL, 1))

    async def close(self) -> None:
        await end(self._tasks)

    async def _send(self, sending: Sending, places: Sequence[str]) -> None:
        for place in places:
            try:
                if await self._cancelled():
                    await self._keep(sending, state="cancelled")
                    return
                failed = () if await self._sent(sending.text, place) else (place,)
                sending = msgspec.structs.replace(
                    sending, done=sending.done + 1, failed=(*sending.failed, *failed)
                )
                await self._keep(sending)
            except StoreError:
                log.warning("broadcast ended: the store is away", done=sending.done)
                return
            await asyncio.sleep(PAUSE_S)
        with suppress(StoreError):
            await self._keep(sending, state="done")

    async def _sent(self, text: str, place: str) -> bool:
        tenant, _, space = place.partition(":")
        platform = self._platforms.get(tenant)
        if platform is None:
            return False  # It was taken away meanwhile.
        where: ConversationId = conversation_id(tenant, space)
        try:
            surface = platform.open_surface(where, "")
            await post(surface, text, where, self._budget, tries=TRIES)
        except (PlatformError, ValueError) as error:
            log.warning("broadcast not delivered", place=place, reason=str(error))
            return False
        return True

    async def _cancelled(self) -> bool:
        with store_errors():
            return bool(await cast(Any, self._redis.hexists(keys.BROADCAST, CANCEL)))

    async def _keep(self, sending: Sending, state: str = "running") -> None:
        kept = msgspec.structs.replace(sending, state=state, at=time.time())
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(keys.BROADCAST, STATE, msgspec.json.encode(kept))
                pipe.expire(keys.BROADCAST, KEPT_S)
                await pipe.execute()
