"""Calls that must reach the platform: paced, and tried again until they do."""

import asyncio
import math
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from core.budget import LOOK_AGAIN_S, Budget, Grant
from core.errors import Impossible, PlatformError, RateLimited, Revoked, Silenced
from core.live.progress import clock
from core.messages import ConversationId
from core.platform import Bucket, Platform, Surface
from core.telemetry import logger

log = logger(__name__)

RETRY_S = (0.5, 1, 2, 4, 8, 15)
"""Waits between tries while the platform is away; the last repeats."""
PATIENCE_S = 15 * 60
"""How long a platform may stay away before the turn is left to another try."""
INDICATE_AFTER_S = 0.8
"""How long "is typing" waits for the text, where it costs as much."""


async def deliver(
    call: Callable[[], Awaitable[None]],
    cost: Callable[[], Sequence[Bucket]],
    conversation: ConversationId,
    budget: Budget,
    *,
    tries: int = sys.maxsize,
    most_wait_s: float = math.inf,
) -> None:
    """Make *call* succeed, trying *tries* times at the most.

    Raises:
        Silenced: the next try may not be made for *most_wait_s*.
        Impossible, Revoked: it never will.
        PlatformError: the platform stayed away for `PATIENCE_S`, or too many tries.
    """
    began = time.monotonic()
    failures = 0
    while True:
        # What it costs may change while it is waited for.
        while (grant := await budget.take(buckets := cost(), "final")).wait_s:
            if grant.wait_s > most_wait_s:
                raise Silenced(f"no call may be made here for {grant.wait_s:.0f} s")
            await asyncio.sleep(min(grant.wait_s, LOOK_AGAIN_S))
        try:
            async with reporting(budget, buckets, grant):
                return await call()
        except (Impossible, Revoked):
            raise
        except PlatformError as error:
            report_refusal(error, conversation)
            failures += 1
            if failures == tries or time.monotonic() - began > PATIENCE_S:
                raise
            if not isinstance(error, RateLimited):
                await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S)) - 1])


async def delete(surface: Surface, conversation: ConversationId, budget: Budget) -> None:
    """Take the post of *surface* away, as far as the platform lets us."""
    with suppress(PlatformError):
        await deliver(surface.delete, lambda: surface.final_budget, conversation, budget, tries=1)


async def indicate(
    platform: Platform, conversation: ConversationId, budget: Budget, *, busy: bool
) -> None:
    """Show "is typing" where there is a token to spare, or clear it in any case."""
    buckets = platform.indicate_budget(conversation, busy=busy)
    await SpareCalls(budget).make(
        buckets, lambda: platform.indicate(conversation, busy=busy), owed=not busy
    )


class SpareCalls:
    """Calls that nobody waits for; see `core.lent.Spare`."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    async def make(
        self,
        buckets: Sequence[Bucket],
        call: Callable[[], Awaitable[object]],
        *,
        owed: bool = False,
    ) -> None:
        """As `Spare.make`."""
        grant = await self._budget.take(buckets, "nicety") if buckets else Grant(0.0)
        if grant.wait_s and not owed:
            return
        with suppress(PlatformError):
            async with reporting(self._budget, buckets, grant):
                await call()


class Typing:
    """Shows that an answer is under way, again and again, until it ends."""

    def __init__(self, platform: Platform, conversation: ConversationId, budget: Budget) -> None:
        self._platform = platform
        self._conversation = conversation
        self._budget = budget
        self._shown = False

    async def keep(self) -> None:
        if self._platform.indicate_budget(self._conversation, busy=True):
            # It costs what a text does: not where the text is about to come.
            await asyncio.sleep(INDICATE_AFTER_S)
        while True:
            self._shown = True
            await indicate(self._platform, self._conversation, self._budget, busy=True)
            await asyncio.sleep(self._platform.limits.indicate_every_s)

    async def end(self) -> None:
        if self._shown:
            self._shown = False
            await indicate(self._platform, self._conversation, self._budget, busy=False)


@asynccontextmanager
async def reporting(budget: Budget, buckets: Sequence[Bucket], grant: Grant) -> AsyncIterator[None]:
    """Around the call for *grant*: what it tells of *buckets* is learned."""
    began = clock()
    try:
        yield
    except RateLimited as error:
        if not buckets:
            await asyncio.sleep(error.retry_after_s)
        await budget.refused(buckets, grant, error.retry_after_s)
        raise
    except BaseException:
        await _tell(budget, buckets, grant, clock() - began)
        raise
    await _tell(budget, buckets, grant, clock() - began)


async def _tell(budget: Budget, buckets: Sequence[Bucket], grant: Grant, took_s: float) -> None:
    if buckets:
        await budget.passed(buckets, grant, took_s)


def report_refusal(error: PlatformError, conversation: ConversationId) -> None:
    log.warning(
        "update refused",
        conversation=conversation,
        error=type(error).__name__,
        reason=str(error),
    )
