"""The worker: reads platforms, runs turns, stops them, and hands them over when it ends.

Any number of workers share one Redis, and all of them do the same work. All tasks of a worker run
in one task group. A failed turn must not end the others, so every error of a turn ends in `_serve`.
There it is logged, and the lane goes back: at once, or when its lease has run out
(`core.store.claim` says why there is a lease). A worker that must end first reads no more, then
waits for its running turns for `grace_s`, and then gives their lanes back to the other workers.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing, suppress
from functools import partial
from typing import Any

from core.border import set_aside
from core.crowd import CrowdTeller
from core.errors import LeaseLost, PalaverError, PlatformError, Revoked, Silenced, StoreError
from core.ingress import Ingress
from core.lent import Leases
from core.messages import split_conversation
from core.owner_codes import OwnerCodes
from core.platform import Platform
from core.queue_notices import QueueNotices
from core.retry import BACKOFF_S, retry_until_available
from core.store import keys
from core.store.claim import Claim
from core.store.inbox import Inbox
from core.store.lanes import MARK
from core.store.limits import Notices
from core.store.pubsub import PubSub
from core.tasks import after, end
from core.telemetry import logger
from core.tracing import Value, hidden
from core.turn.run import TurnRun
from core.turn.services import Services

log = logger(__name__)

CLAIM_WAIT_S = 1.0
MOST_CLAIMS = 16
TAKE_OVER_EVERY_S = 1.0
HANDOVER_S = 4.0
FORGIVEN_S = 120.0
WELL_S = 10.0
"""After this long without a failure, a platform counts as read."""


class Worker:
    """Serves *platforms* from one inbox, until `run`'s stop event is set."""

    def __init__(
        self,
        pubsub: PubSub,
        inbox: Inbox,
        notices: Notices,
        platforms: Mapping[str, Platform],
        services: Services,
        leases: Leases,
        enter: Callable[[Platform], Awaitable[None]],
        crowd: CrowdTeller,
        owner_codes: OwnerCodes,
    ) -> None:
        self._pubsub, self._owners = pubsub, owner_codes
        self._inbox, self._notices = inbox, notices
        self._platforms = platforms
        self._services = services
        self._running: dict[str, TurnRun] = {}
        """The running turns, by the names of their lanes."""
        self._turns: set[asyncio.Task[None]] = set()
        self._ended_one = asyncio.Event()
        self._enter = enter
        self.wrong: dict[str, str] = {}
        """Why a platform's updates are not read, by the platform's name."""
        self._serving: dict[str, Platform] = {}
        self._queue_notices = QueueNotices(
            inbox, self._serving, services.pacer.budget, leases, crowd
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; then let running turns finish within the grace time."""
        async with asyncio.TaskGroup() as group:
            ingress = Ingress(self._inbox, self._notices, self._services, self._owners, group)
            jobs = [
                group.create_task(self._read(platform, ingress), name=f"read {name}")
                for name, platform in self._platforms.items()
            ]
            jobs += [
                group.create_task(_lasting(name, job), name=name)
                for name, job in (
                    ("claim", lambda: self._claim(group)),
                    ("line", self._queue_notices.watch),
                    ("owner codes", self._owners.watch),
                    ("stop signals", self._listen),
                )
            ]
            await stop.wait()
            *jobs, listener = jobs
            await end(jobs, again_s=HANDOVER_S)
            await ingress.close()
            await self._drain()
            await self._services.background.close()
            await end([listener])

    async def _drain(self) -> None:
        if not self._turns:
            return
        grace_s = self._services.settings.grace_s
        log.info("waiting for running answers", turns=len(self._turns), grace_s=grace_s)
        _, late = await asyncio.wait(self._turns, timeout=grace_s)
        if late:
            await end(late, again_s=HANDOVER_S)
            log.info("answers handed over", turns=len(late))

    # --- in ---------------------------------------------------------------------------------

    async def _read(self, platform: Platform, ingress: Ingress) -> None:
        """Put the platform's updates into the inbox. Asking for more acknowledges the last."""
        await self._enter(platform)
        self._serving[platform.name] = platform
        failures, failed_at = 0, 0.0
        while True:
            try:
                async with (
                    after(WELL_S, lambda: self.wrong.pop(platform.name, None)),
                    aclosing(platform.updates()) as batches,
                ):
                    async for batch in batches:
                        failures = 0
                        self.wrong.pop(platform.name, None)
                        for incoming in batch:
                            await ingress.accept(platform, incoming)
                return
            except Revoked as error:
                self._lose(platform, error)
                return
            except Exception as error:
                # Even a bug of ours on one platform must not end the others.
                if time.monotonic() - failed_at > FORGIVEN_S:
                    failures = 0
                failed_at = time.monotonic()
                if failures:
                    words = str(error) if isinstance(error, PalaverError) else type(error).__name__
                    self.wrong[platform.name] = f"updates are not read: {words}"
                if failures in (0, 10) or failures % 100 == 0:
                    log.warning(
                        "updates not read",
                        platform=platform.name,
                        reason=str(error),
                        exc_info=not isinstance(error, PlatformError),
                    )
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1

    def _lose(self, platform: Platform, error: Revoked) -> None:
        """Use *platform* no more. Its mail stays for a start with better credentials."""
        self.wrong[platform.name] = f"lost: {error}"
        if self._serving.pop(platform.name, None) is not None:
            log.error("platform lost", platform=platform.name, reason=str(error))

    # --- turns ------------------------------------------------------------------------------

    async def _claim(self, group: asyncio.TaskGroup) -> None:
        """Start turns of lanes that are ready, and of lanes that another worker left behind."""
        looked = 0.0
        await self._services.servers.started()  # A process that knows its tools takes turns over.
        await retry_until_available(lambda: self._inbox.prepare(tuple(self._platforms)), "prepare")
        while True:
            free = await self._free_slots()
            platforms = tuple(self._serving)
            claims: list[Claim] = []
            if time.monotonic() - looked >= TAKE_OVER_EVERY_S:
                looked = time.monotonic()
                left = partial(self._inbox.take_over, platforms, free)
                claims = await retry_until_available(left, "take over")
                for claim in claims:
                    log.info("turn taken over", conversation=claim.conversation)
            if not claims:
                ready = partial(self._inbox.claim, platforms, free, CLAIM_WAIT_S)
                claims = await retry_until_available(ready, "claim")
            for claim in claims:
                task = group.create_task(self._serve(claim), name=f"turn {claim.conversation}")
                self._turns.add(task)
                task.add_done_callback(self._ended)

    async def _free_slots(self) -> int:
        """How many more turns may run here. Waits until there is room for one."""
        while (free := self._services.settings.max_turns - len(self._turns)) <= 0:
            self._ended_one.clear()
            await self._ended_one.wait()
        return min(free, MOST_CLAIMS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._turns.discard(task)
        self._ended_one.set()

    async def _serve(self, claim: Claim) -> None:
        conversation, lane = claim.conversation, claim.lane.name
        # An earlier turn of this lane may still be ending here. Its commit made the lane ready
        # again, or our lease ran out and the earlier turn has not noticed it yet.
        while (before := self._running.get(lane)) is not None:
            await before.ended.wait()
        platform = self._platforms[split_conversation(conversation)[0]]
        metrics = self._services.metrics
        run = self._running[lane] = TurnRun(claim, platform, self._services)
        metrics.running.inc()
        outcome = "crashed"
        try:
            with self._services.tracer.span("invoke_agent palaver", _trace_of(claim)) as span:
                report = await run.run()
                outcome = report.outcome
                span.note({"palaver.outcome": outcome})
            if outcome == "parked" and not claim.lane.person:
                most = self._services.settings.max_per_person
                await self._queue_notices.notify(conversation, "parked", most=most)
            if report.shown is not None:
                if report.shown.first_text_s is not None:
                    metrics.first_text.labels(platform.name).observe(report.shown.first_text_s)
                metrics.edits.labels(platform.name, "shown").inc(report.shown.updates)
                metrics.edits.labels(platform.name, "refused").inc(report.shown.refusals)
        except LeaseLost:
            outcome = "lost"
            log.warning("turn lost to another worker", conversation=conversation)
        except Revoked as error:
            outcome = "postponed"
            self._lose(platform, error)
            await _report_failed(claim)
        except Silenced:
            # The lease runs out, and the turn is tried again, until something may be said there.
            outcome = "postponed"
            await _give_back(claim, at_once=False)
        except (StoreError, PlatformError) as error:
            outcome = "postponed"
            log.warning("turn postponed", conversation=conversation, reason=str(error))
            await _report_failed(claim)
        except asyncio.CancelledError:
            outcome = "handed over"
            await _give_back(claim, at_once=True)
            raise
        except Exception:
            # The lease runs out, and the turn is tried again, a few times at most.
            log.exception("turn crashed", conversation=conversation)
            await _report_failed(claim)
        finally:
            del self._running[lane]
            run.ended.set()
            metrics.running.dec()
            metrics.turns.labels(platform.name, outcome).inc()

    async def _listen(self) -> None:
        """When somebody says stop, renew the lease of the turn at once: that brings the stop."""
        while True:
            try:
                async with self._pubsub.listen(keys.CONTROL) as messages:
                    async for message in messages:
                        try:
                            self._poke(message.decode())
                        except UnicodeDecodeError as error:
                            set_aside("store.control", error)
            except StoreError:
                await asyncio.sleep(1)

    def _poke(self, name: str) -> None:
        """Renew the leases in the lane *name*, or in all lanes of the conversation *name*."""
        for lane, run in self._running.items():
            if run.lease is not None and (lane == name or lane.startswith(f"{name}{MARK}")):
                run.lease.poke()


def _trace_of(claim: Claim) -> dict[str, Value]:
    """What a trace says of a turn. Nothing in it names a person."""
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.conversation.id": hidden(claim.conversation),
        "user.id": hidden(claim.person),
        "palaver.platform": split_conversation(claim.conversation)[0],
    }


async def _give_back(claim: Claim, *, at_once: bool) -> None:
    with suppress(StoreError, TimeoutError):
        async with asyncio.timeout(HANDOVER_S):
            await claim.release(at_once=at_once)


async def _report_failed(claim: Claim) -> None:
    with suppress(StoreError, TimeoutError):
        async with asyncio.timeout(HANDOVER_S):
            await claim.failed()


async def _lasting(name: str, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do *job* again when it fails, so that a bug in one job does not end the others."""
    while True:
        try:
            await job()
        except Exception:
            log.exception("begun again", job=name)
        await asyncio.sleep(1)
