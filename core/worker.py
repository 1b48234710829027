"""The worker: takes in what people do, runs turns, stops them, hands them over.

Any number of workers share one Redis; none has a role. Everything that runs
here runs in one task group, and every failure ends at `_serve`, the outermost
line of a turn, which logs it and lives on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from functools import partial
from typing import TypeVar

import msgspec

from core.errors import LeaseLost, PlatformError, Revoked, StoreError
from core.line import Line
from core.live.delivery import deliver
from core.messages import ConversationId, Incoming, split_conversation
from core.people.texts import language_of, say
from core.platform import Leases, Platform
from core.store import keys
from core.store.claim import Claim
from core.store.feed import Feed
from core.store.inbox import Inbox
from core.store.limits import Notices
from core.tasks import end
from core.telemetry import logger
from core.turn.context import Context
from core.turn.run import TurnRun

log = logger(__name__)
_T = TypeVar("_T")

CLAIM_WAIT_S = 1.0
MOST_CLAIMS = 16
TAKE_OVER_EVERY_S = 1.0
BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
NOT_ALLOWED_AGAIN_S = 30 * 24 * 3600
FULL_AGAIN_S = 60
HANDOVER_S = 4.0


class Worker:
    """Serves *platforms* from one inbox, until `run`'s stop event is set."""

    def __init__(
        self,
        feed: Feed,
        inbox: Inbox,
        notices: Notices,
        platforms: Mapping[str, Platform],
        context: Context,
        leases: Leases,
    ) -> None:
        self._feed = feed
        self._inbox = inbox
        self._notices = notices
        self._platforms = platforms
        self._context = context
        self._slots = asyncio.Semaphore(context.settings.max_turns)
        self._running: dict[ConversationId, TurnRun] = {}
        self._turns: set[asyncio.Task[None]] = set()
        self._notes: set[asyncio.Task[None]] = set()
        self.reading: set[str] = set()
        """The platforms whose updates are being read; the others have failed."""
        self._serving = dict(platforms)
        self._line = Line(inbox, self._serving, context.pacer.budget, leases)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; then let running turns finish within the grace time."""
        await self._again(lambda: self._inbox.prepare(tuple(self._platforms)), "prepare")
        async with asyncio.TaskGroup() as group:
            jobs = [
                group.create_task(self._read(platform, group), name=f"read {name}")
                for name, platform in self._platforms.items()
            ]
            jobs += [
                group.create_task(self._claim(group), name="claim"),
                group.create_task(self._line.watch(), name="line"),
                group.create_task(self._listen(), name="stop signals"),
            ]
            await stop.wait()
            *jobs, listener = jobs
            await end([*jobs, *self._notes])
            await self._drain()
            await end([listener])

    async def _drain(self) -> None:
        if not self._turns:
            return
        grace_s = self._context.settings.grace_s
        log.info("waiting for running answers", turns=len(self._turns), grace_s=grace_s)
        _, late = await asyncio.wait(self._turns, timeout=grace_s)
        if late:
            await end(late, again_s=HANDOVER_S)
            log.info("answers handed over", turns=len(late))

    # --- in ---------------------------------------------------------------------------------

    async def _read(self, platform: Platform, group: asyncio.TaskGroup) -> None:
        """Put what the platform tells into the inbox. Asking for more acknowledges the last."""
        failures = 0
        while True:
            try:
                self.reading.add(platform.name)
                async with aclosing(platform.updates()) as batches:
                    async for batch in batches:
                        failures = 0
                        for incoming in batch:
                            await self._accept(platform, incoming, group)
                return
            except Revoked as error:
                self._lose(platform, error)
                return
            except Exception as error:
                # Also a fault of ours: one platform's trouble is not the others'.
                log.warning(
                    "updates not read",
                    platform=platform.name,
                    reason=str(error),
                    exc_info=not isinstance(error, PlatformError),
                )
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1

    async def _accept(
        self, platform: Platform, incoming: Incoming, group: asyncio.TaskGroup
    ) -> None:
        if incoming.address == "overheard":
            woken = self._woken(incoming)
            if woken is None:
                return
            incoming = woken
        allowed = platform.local or bool(incoming.moved_to) or self._context.access.allows(incoming)
        if not allowed and incoming.address != "direct":
            return
        verdict = "not allowed"
        if allowed:
            kept = await self._again(lambda: self._inbox.put(incoming), "put")
            verdict = kept.verdict
            if verdict == "full":
                name = f"full:{incoming.conversation}:{incoming.sender.id}"
                note = self._tell(platform, incoming, name, FULL_AGAIN_S, "full", kept.waiting)
                self._note(group.create_task(note))
        else:
            space = split_conversation(incoming.conversation)[1]
            name = f"not-allowed:{space}:{incoming.sender.id}"
            note = self._tell(platform, incoming, name, NOT_ALLOWED_AGAIN_S, "not_allowed")
            self._note(group.create_task(note))
        self._context.metrics.accepted.labels(platform.name, verdict).inc()

    def _lose(self, platform: Platform, error: Revoked) -> None:
        """Leave *platform* alone, and its mail for a start with better credentials."""
        self.reading.discard(platform.name)
        if self._serving.pop(platform.name, None) is not None:
            log.error("platform lost", platform=platform.name, reason=str(error))

    def _woken(self, incoming: Incoming) -> Incoming | None:
        low = incoming.text.lower()
        for word in self._context.settings.wake_words:
            rest = incoming.text[len(word) :]
            if low.startswith(word.lower()) and not rest[:1].isalnum():
                text = rest.lstrip(" ,:;,:").strip()  # noqa: B005 - a set of characters is meant
                return msgspec.structs.replace(incoming, text=text, address="direct")
        return None

    def _note(self, task: asyncio.Task[None]) -> None:
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _tell(
        self,
        platform: Platform,
        incoming: Incoming,
        name: str,
        again_s: int,
        sentence: str,
        waiting: int = 0,
    ) -> None:
        """Say *sentence* once in *again_s* seconds to who sent *incoming*."""
        try:
            if not await self._notices.first_time(name, again_s):
                return
            language = language_of(incoming.text, "", incoming.sender.language)
            text = say(sentence, language, waiting=waiting, id=incoming.sender.id)
            surface = platform.open_surface(incoming.conversation, incoming.reply_to)
            await deliver(
                lambda: surface.finish(text),
                lambda: surface.budget,
                incoming.conversation,
                self._context.pacer.budget,
            )
        except (StoreError, PlatformError) as error:
            log.warning("notice not delivered", notice=sentence, reason=str(error))

    # --- turns ------------------------------------------------------------------------------

    async def _claim(self, group: asyncio.TaskGroup) -> None:
        """Start what is ready, and now and then what another worker left behind."""
        looked = 0.0
        while True:
            free = await self._take_slots()
            claims: list[Claim] = []
            try:
                platforms = tuple(self._serving)
                if time.monotonic() - looked >= TAKE_OVER_EVERY_S:
                    looked = time.monotonic()
                    left = partial(self._inbox.take_over, platforms, free)
                    claims = await self._again(left, "take over")
                    for claim in claims:
                        log.info("turn taken over", conversation=claim.conversation)
                if not claims:
                    ready = partial(self._inbox.claim, platforms, free, CLAIM_WAIT_S)
                    claims = await self._again(ready, "claim")
            finally:
                for _ in range(free - len(claims)):
                    self._slots.release()
            for claim in claims:
                self._start(claim, group)

    async def _take_slots(self) -> int:
        """Wait for a free slot, and take the others that are free too; returns how many."""
        await self._slots.acquire()
        free = 1
        while not self._slots.locked() and free < MOST_CLAIMS:
            await self._slots.acquire()
            free += 1
        return free

    def _start(self, claim: Claim, group: asyncio.TaskGroup) -> None:
        task = group.create_task(self._serve(claim), name=f"turn {claim.conversation}")
        self._turns.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._turns.discard(task)
        self._slots.release()

    async def _serve(self, claim: Claim) -> None:
        conversation = claim.conversation
        # The last turn's commit made the conversation ready again before that turn had ended
        # here; or our own lease ran out while we were away, and the old turn is about to notice.
        while (before := self._running.get(conversation)) is not None:
            await before.ended.wait()
        platform = self._platforms[split_conversation(conversation)[0]]
        metrics = self._context.metrics
        run = self._running[conversation] = TurnRun(claim, platform, self._context)
        metrics.running.inc()
        outcome = "crashed"
        try:
            report = await run.run()
            outcome = report.outcome
            if outcome == "parked":
                most = self._context.settings.max_per_person
                await self._line.tell(conversation, "parked", most=most)
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
        except (StoreError, PlatformError) as error:
            outcome = "postponed"
            log.warning("turn postponed", conversation=conversation, reason=str(error))
        except asyncio.CancelledError:
            outcome = "handed over"
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(HANDOVER_S):
                    await claim.release()
            raise
        except Exception:
            # The lease runs out, and the turn is tried again: MOST_TRIES times at the most.
            log.exception("turn crashed", conversation=conversation)
        finally:
            del self._running[conversation]
            run.ended.set()
            metrics.running.dec()
            metrics.turns.labels(platform.name, outcome).inc()

    async def _listen(self) -> None:
        """Wake the keeper of a turn as soon as its person says stop."""
        while True:
            try:
                async with self._feed.listen(keys.CONTROL) as messages:
                    async for message in messages:
                        self._poke(ConversationId(message.decode()))
            except StoreError:
                await asyncio.sleep(1)

    def _poke(self, conversation: ConversationId) -> None:
        run = self._running.get(conversation)
        if run is not None and run.keeper is not None:
            run.keeper.poke()

    async def _again(self, call: Callable[[], Awaitable[_T]], what: str) -> _T:
        """*call* until Redis answers it."""
        failures = 0
        began = time.monotonic()
        while True:
            try:
                result = await call()
            except StoreError as error:
                if failures in (0, 10) or failures % 100 == 0:
                    log.warning("store away", doing=what, reason=str(error))
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1
            else:
                if failures:
                    log.info("store back", doing=what, after_s=round(time.monotonic() - began, 1))
                return result
