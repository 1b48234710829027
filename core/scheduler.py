"""The scheduler: it puts reminders that are due into the inbox, and questions that lapsed.

Every process has one, and they need no lease (`core.store.reminders`). It sleeps until the next
reminder is due; a note on a channel wakes it when an earlier one is made.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress

from core.border import set_aside
from core.errors import StoreError
from core.lapses import Lapses
from core.store import keys
from core.store.pubsub import PubSub
from core.store.reminders import Reminders
from core.tasks import end
from core.telemetry import Metrics, logger

log = logger(__name__)

LOOK_S = 30.0
"""The longest sleep: a note may get lost, and the store's clock may step."""
BATCH = 50
AWAY_S = 1.0


class Scheduler:
    """Tells what is due, for ever."""

    def __init__(
        self,
        reminders: Reminders,
        pubsub: PubSub,
        metrics: Metrics,
        lapses: Lapses | None = None,
    ) -> None:
        self._reminders = reminders
        self._pubsub = pubsub
        self._lapses = lapses
        self._told = metrics.reminders
        self._woken = asyncio.Event()

    async def watch(self) -> None:
        while True:
            try:
                async with self._pubsub.listen(keys.DUE) as notes:
                    hearing = asyncio.create_task(self._hear(notes), name="reminder notes")
                    try:
                        while not hearing.done():
                            self._woken.clear()
                            if self._lapses is not None:
                                await self._lapses.tell()
                            await self._sleep(await self.tell_due())
                    finally:
                        await end([hearing])
                        await self._reminders.close()
            except StoreError as error:
                log.warning("reminders not looked at", reason=str(error))
            except Exception:
                log.exception("begun again", job="reminders")
            await asyncio.sleep(AWAY_S)

    async def tell_due(self) -> float:
        """Tell all that is due. Returns after how many seconds something is due again."""
        while True:
            due, now, next_s = await self._reminders.look(BATCH)
            # So that processes that look at the same time do not all try the same first.
            random.shuffle(due)
            for kept in due:
                try:
                    verdict = await self._reminders.tell(kept, now)
                except (ValueError, ArithmeticError) as error:
                    set_aside("store.reminders", error)
                    await self._reminders.change(kept, None)
                    continue
                if verdict != "changed":
                    self._told.labels(verdict).inc()
            if not due:
                return next_s

    async def _hear(self, notes: AsyncIterator[bytes]) -> None:
        with suppress(StoreError):
            async for _ in notes:
                self._woken.set()
        self._woken.set()

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, LOOK_S)):
                await self._woken.wait()
