"""One message of the operator to many places, one after the other. It can be cancelled.

What it tells of itself stands in the store, so every replica can show and cancel it. If its process
ends, it stops, and the operator may let another process go on. Nobody gets it twice: where it was
being posted just then, it may have arrived or not, so that place is named, and passed over.
"""

import asyncio
import secrets
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
from core.store.connection import script, store_errors
from core.store.values import number, read
from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

MOST_PLACES = 5_000
TEXT_CHARS = 3_000
PAUSE_S = 1.0
"""Between two places. Answers go first: they need the same tokens."""
BEAT_S, LOST_S = 5.0, 30.0
"""The process that sends it says so often that it lives; after so long it does not."""
LAST_WORD_S = 2.0
TRIES = 3
KEPT_S = 30 * 24 * 3600
STATE, RUN, BEAT, PLACES, CANCEL = "state", "run", "beat", "places", "cancel"


class Sending(msgspec.Struct, frozen=True):
    """How far it came.

    *failed*: in which places it did not arrive. *under_way*: where it is being posted. *doubtful*:
    where it was, when its process ended.
    """

    text: str
    places: int
    by: str
    began: float
    at: float
    done: int = 0
    failed: tuple[str, ...] = ()
    state: str = "running"
    under_way: str = ""
    doubtful: tuple[str, ...] = ()


_sending = msgspec.json.Decoder(Sending)
_places = msgspec.json.Decoder(tuple[str, ...])


class Broadcasting:
    """Every method raises `StoreError`."""

    def __init__(self, redis: Redis, platforms: Mapping[str, Platform], budget: Budget) -> None:
        self._redis = redis
        self._platforms = platforms
        self._budget = budget
        self._tasks: list[asyncio.Task[None]] = []
        self._script = script(redis, "broadcast")

    async def now(self) -> Sending | None:
        """The last one."""
        with store_errors():
            raw, beat = await cast(Any, self._redis.hmget(keys.BROADCAST, [STATE, BEAT]))
        found = read(_sending, raw, "store.broadcast") if raw else None
        if found is None or found.state != "running":
            return found
        lived = max(found.at, number(beat) if beat else 0.0)
        lost = time.time() - lived > LOST_S
        return msgspec.structs.replace(found, state="lost") if lost else found

    async def begin(self, text: str, places: Sequence[str], by: str) -> bool:
        """Send *text* to *places* (`platform:id`). False: another one is running."""
        sending = Sending(text, len(places), by, time.time(), time.time())
        return await self._start(None, sending, tuple(places))

    async def go_on(self) -> bool:
        """Go on with the one that stopped because its process ended. False: there is none."""
        now = await self.now()
        with store_errors():
            raw = await cast(Any, self._redis.hget(keys.BROADCAST, PLACES))
        places = read(_places, raw, "store.broadcast") if raw else None
        if now is None or now.state != "lost" or not places:
            return False
        doubtful = (now.under_way,) if now.under_way else ()
        sending = msgspec.structs.replace(
            now,
            state="running",
            at=time.time(),
            done=now.done + len(doubtful),
            under_way="",
            doubtful=(*now.doubtful, *doubtful),
        )
        return await self._start(now, sending, places)

    async def _start(
        self, before: Sending | None, sending: Sending, places: tuple[str, ...]
    ) -> bool:
        """Keep *sending* and begin, unless another one runs. *before*: the one that it goes on."""
        if not all(task.done() for task in self._tasks):
            return False
        run = secrets.token_hex(8)
        fields: dict[Any, Any] = {
            STATE: msgspec.json.encode(sending),
            RUN: run,
            BEAT: time.time(),
            PLACES: msgspec.json.encode(places),
        }
        with store_errors():
            # Of several at once, one is kept.
            async with self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(keys.BROADCAST)
                now = await self.now()
                if now is not None and now.state == "running":
                    return False
                if before is not None and now != before:
                    return False
                cast(Any, pipe).multi()
                pipe.delete(keys.BROADCAST)
                pipe.hset(keys.BROADCAST, mapping=fields)
                pipe.expire(keys.BROADCAST, KEPT_S)
                try:
                    await pipe.execute()
                except WatchError:
                    return False
        self._tasks = [asyncio.create_task(self._run(run, sending, places), name="broadcast")]
        return True

    async def cancel(self) -> bool:
        """Cancel the one that runs. False: none does."""
        now = await self.now()
        if now is None or now.state != "running":
            return False
        with store_errors():
            await cast(Any, self._redis.hset(keys.BROADCAST, CANCEL, 1))
        return True

    async def tell(self, text: str, place: str) -> bool:
        """Post *text* in *place*. False: it could not be delivered."""
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

    async def close(self) -> None:
        await end(self._tasks)

    async def _run(self, run: str, sending: Sending, places: Sequence[str]) -> None:
        beat = asyncio.create_task(self._beat(run), name="broadcast lives")
        try:
            await self._send(run, sending, places)
        except StoreError:
            log.warning("broadcast stopped: the store is away")
        finally:
            await end([beat])

    async def _beat(self, run: str) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            with suppress(StoreError):
                await self._write(run, BEAT, time.time())

    async def _send(self, run: str, sending: Sending, places: Sequence[str]) -> None:
        try:
            for place in places[sending.done :]:
                before = sending
                sending = msgspec.structs.replace(before, under_way=place)
                match await self._keep(run, sending):
                    case 0:
                        return  # Another process took this one for lost.
                    case 2:
                        await self._keep(run, before, state="cancelled")
                        return
                failed = () if await self.tell(sending.text, place) else (place,)
                sending = msgspec.structs.replace(
                    before, done=before.done + 1, failed=(*before.failed, *failed)
                )
                await self._keep(run, sending)
                await asyncio.sleep(PAUSE_S)
            await self._keep(run, sending, state="done")
        except asyncio.CancelledError:
            # This process ends. Another one may go on at once.
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(LAST_WORD_S):
                    await self._keep(run, sending, state="lost")
            raise

    async def _keep(self, run: str, sending: Sending, state: str = "running") -> int:
        kept = msgspec.structs.replace(sending, state=state, at=time.time())
        return await self._write(run, STATE, msgspec.json.encode(kept))

    async def _write(self, run: str, field: str, value: bytes | float) -> int:
        """See `broadcast.lua`."""
        with store_errors():
            args = [run, field, value, KEPT_S]
            return cast(int, await self._script(keys=[keys.BROADCAST], args=args))
