"""The worker: runs turns, stops them, and hands them over when it ends.

Any number of workers share one Redis, and all of them do the same work. All tasks of a worker run
in one task group. A failed turn must not end the others, so every error of a turn ends in `_serve`.
There it is logged, and the lane goes back: at once, or when its lease has run out
(`core.store.claim` says why there is a lease). A worker that must end first reads no more, then
waits for its running turns for `grace_s`, and then gives their lanes back to the other workers.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from core.border import set_aside
from core.crowd import CrowdTeller
from core.errors import LeaseLost, PlatformError, Revoked, Silenced, StoreError
from core.ingress import Ingress
from core.lent import Leases
from core.messages import split_conversation
from core.owner_codes import OwnerCodes
from core.queue_notices import QueueNotices
from core.reading import Reading
from core.retry import retry_until_available
from core.store import keys
from core.store.claim import Claim
from core.store.inbox import Inbox
from core.store.lanes import MARK
from core.store.limits import Notices
from core.store.pubsub import PubSub
from core.tasks import end, lasting
from core.telemetry import Metrics, logger
from core.tracing import Value, hidden
from core.turn.context import Report
from core.turn.run import TurnRun
from core.turn.services import Services

log = logger(__name__)

CLAIM_WAIT_S = 1.0
MOST_CLAIMS = 16
TAKE_OVER_EVERY_S = 1.0
HANDOVER_S = 4.0


class Worker:
    """Serves the platforms that *reading* reads, from one inbox, until `run`'s stop."""

    def __init__(
        self,
        pubsub: PubSub,
        inbox: Inbox,
        notices: Notices,
        services: Services,
        leases: Leases,
        reading: Reading,
        crowd: CrowdTeller,
        owner_codes: OwnerCodes,
    ) -> None:
        self._pubsub, self._owners = pubsub, owner_codes
        self._inbox, self._notices = inbox, notices
        self._services = services
        self._running: dict[str, TurnRun] = {}
        """The running turns, by the names of their lanes."""
        self._turns: dict[asyncio.Task[None], str] = {}
        """The tasks of turns, and the platform of each."""
        self._ended_one = asyncio.Event()
        self._reading = reading
        self._queue_notices = QueueNotices(
            inbox, reading.serving, services.pacer.budget, leases, crowd
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; then let running turns finish within the grace time."""
        async with asyncio.TaskGroup() as group:
            ingress = Ingress(self._inbox, self._notices, self._services, self._owners, group)
            self._reading.begin(group, ingress)
            jobs = [
                group.create_task(lasting(name, job), name=name)
                for name, job in (
                    ("claim", lambda: self._claim(group)),
                    ("line", self._queue_notices.watch),
                    ("owner codes", self._owners.watch),
                    ("stop signals", self._listen),
                )
            ]
            await stop.wait()
            *jobs, listener = jobs
            await end([*self._reading.tasks.values(), *jobs], again_s=HANDOVER_S)
            await self._inbox.entries.close()
            await ingress.close()
            await self._drain(list(self._turns))
            await self._services.background.close()
            await end([listener])

    async def leave(self, name: str) -> None:
        """Serve the platform *name* no more. What waits there, waits for its return."""
        await self._reading.stop(name)
        await self._drain([turn for turn, whose in self._turns.items() if whose == name])

    async def _drain(self, turns: Sequence[asyncio.Task[None]]) -> None:
        """Wait for *turns* for the grace time; hand over those that are late."""
        if not turns:
            return
        grace_s = self._services.settings.grace_s
        log.info("waiting for running answers", turns=len(turns), grace_s=grace_s)
        _, late = await asyncio.wait(turns, timeout=grace_s)
        if late:
            await end(late, again_s=HANDOVER_S)
            log.info("answers handed over", turns=len(late))

    # --- turns ------------------------------------------------------------------------------

    async def _claim(self, group: asyncio.TaskGroup) -> None:
        """Start turns of lanes that are ready, and of lanes that another worker left behind."""
        looked = 0.0
        await self._services.servers.started()  # A process that knows its tools takes turns over.
        while True:
            free = await self._free_slots()
            platforms = tuple(self._reading.serving)
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
                self._turns[task] = split_conversation(claim.conversation)[0]
                task.add_done_callback(self._ended)

    async def _free_slots(self) -> int:
        """How many more turns may run here. Waits until there is room for one."""
        while (free := self._services.settings.max_turns - len(self._turns)) <= 0:
            self._ended_one.clear()
            await self._ended_one.wait()
        return min(free, MOST_CLAIMS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._turns[task]
        self._ended_one.set()

    async def _serve(self, claim: Claim) -> None:
        conversation, lane = claim.conversation, claim.lane.name
        # An earlier turn of this lane may still be ending here. Its commit made the lane ready
        # again, or our lease ran out and the earlier turn has not noticed it yet.
        while (before := self._running.get(lane)) is not None:
            await before.ended.wait()
        if (platform := self._reading.serving.get(split_conversation(conversation)[0])) is None:
            # Claimed just before its platform left. `leave` waits for no turn that begins now.
            await _give_back(claim, at_once=True)
            return
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
            _measure(metrics, platform.name, report)
        except LeaseLost:
            outcome = "lost"
            log.warning("turn lost to another worker", conversation=conversation)
        except Revoked as error:
            outcome = "postponed"
            self._reading.lose(platform, error)
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


def _measure(metrics: Metrics, platform: str, report: Report) -> None:
    if (shown := report.shown) is None:
        return
    if shown.first_text_s is not None:
        metrics.first_text.labels(platform).observe(shown.first_text_s)
    if shown.whole_s is not None and report.outcome == "answered":
        # Who stopped an answer, or lost its model, had long read its last word.
        metrics.whole_text.labels(platform).observe(shown.whole_s)
    metrics.edits.labels(platform, "shown").inc(shown.updates)
    metrics.edits.labels(platform, "refused").inc(shown.refusals)


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
