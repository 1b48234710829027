"""How calls to the platform are made.

Final texts are tried again until they arrive. Calls that nobody waits for take only spare tokens.
After each call the budget is told how it went.
"""

import asyncio
import math
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from core.budget import LOOK_AGAIN_S, Budget, Grant
from core.errors import (
    ChatLost,
    Impossible,
    NoRight,
    PlatformError,
    PostLost,
    RateLimited,
    Revoked,
    Silenced,
)
from core.lent import PostsLimited
from core.live.progress import clock
from core.messages import Button, ConversationId, split_conversation
from core.platform import Bucket, Platform, Surface
from core.telemetry import logger

log = logger(__name__)

RETRY_S = (0.5, 1, 2, 4, 8, 15)
"""Waits between tries while the platform is unreachable. The last one repeats."""
STRIKES, FLOODS = 3, 2
TIMEOUT_S = 15 * 60
"""After so long the turn ends, and a later try of it continues."""
REASON_CHARS = 200
last_refusals: dict[str, tuple[float, str]] = {}
"""The last refusal of each platform in this process: when, and why. The operator sees it."""
INDICATE_AFTER_S = 0.8
"""How long "is typing" waits for the text, on platforms where it takes a token too."""


async def deliver(
    call: Callable[[], Awaitable[None]],
    cost: Callable[[], Sequence[Bucket]],
    conversation: ConversationId,
    budget: Budget,
    *,
    tries: int = sys.maxsize,
    most_wait_s: float = math.inf,
) -> None:
    """Repeat *call* until it succeeds, at most *tries* times.

    Raises:
        Silenced: no call may be made for longer than *most_wait_s*.
        Impossible, Revoked: the call can never succeed.
        PlatformError: it failed for `TIMEOUT_S`, or *tries* times.
    """
    began = time.monotonic()
    failures = 0
    while True:
        # The buckets may change during the wait.
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
            if failures == tries or time.monotonic() - began > TIMEOUT_S:
                raise
            if not isinstance(error, RateLimited):
                await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S)) - 1])


async def post(
    surface: Surface,
    text: str,
    conversation: ConversationId,
    budget: Budget,
    *,
    buttons: Sequence[Button] = (),
    tries: int = sys.maxsize,
) -> None:
    """Let *text* be the text of *surface*. Raises as `deliver`."""
    await deliver(
        lambda: surface.finish(text, buttons),
        lambda: surface.final_budget,
        conversation,
        budget,
        tries=tries,
    )


async def delete(surface: Surface, conversation: ConversationId, budget: Budget) -> None:
    """Delete the post of *surface*, if the platform lets us."""
    with suppress(PlatformError):
        await deliver(surface.delete, lambda: surface.final_budget, conversation, budget, tries=1)


async def indicate(
    platform: Platform,
    conversation: ConversationId,
    budget: Budget,
    *,
    busy: bool,
    asked: bool = False,
) -> None:
    """Show "is typing" if a token is to spare. Clear it in any case, for `asked` or for rest."""
    buckets = platform.indicate_budget(conversation, busy=busy)
    await SpareCalls(budget).make(
        buckets, lambda: platform.indicate(conversation, busy=busy, asked=asked), owed=not busy
    )


class SpareCalls:
    """Makes calls that nobody waits for; see `core.lent.Spare`."""

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
    """Shows "is typing" again and again, until the answer ends.

    *suspended*: it may be shown that a person is waited for. That ends with the answer too.
    """

    def __init__(
        self,
        platform: Platform,
        conversation: ConversationId,
        budget: Budget,
        *,
        suspended: bool = False,
    ) -> None:
        self._platform = platform
        self._conversation = conversation
        self._budget = budget
        self._shown = suspended
        self._enough = False

    def enough(self) -> None:
        """Something else on the screen says that we work: spend no more tokens on "is typing"."""
        self._enough = bool(self._platform.indicate_budget(self._conversation, busy=True))

    async def keep(self) -> None:
        if self._platform.indicate_budget(self._conversation, busy=True):
            # It takes a token as a text does. If the text comes soon, it is not worth that.
            await asyncio.sleep(INDICATE_AFTER_S)
        while not self._enough:
            self._shown = True
            await indicate(self._platform, self._conversation, self._budget, busy=True)
            await asyncio.sleep(self._platform.limits.indicate_every_s)

    async def end(self, *, asked: bool = False) -> None:
        """Clear it. *asked*: a person is waited for."""
        if self._shown or asked:
            self._shown = False
            platform, conversation = self._platform, self._conversation
            await indicate(platform, conversation, self._budget, busy=False, asked=asked)


class Strikes:
    """Counts the refused previews of one answer. *pause* waits for some seconds, or for its end.

    Previews end after `STRIKES` failed calls or `FLOODS` times 429. The final text is sent all the
    same.
    """

    def __init__(
        self, conversation: ConversationId, pause: Callable[[float], Awaitable[object]]
    ) -> None:
        self._conversation = conversation
        self._pause = pause
        self._floods = 0
        self.refusals = 0

    async def bear(self, *shows: Callable[[], Awaitable[None]]) -> bool:
        """Make the calls of *shows*, up to one that fails. Returns whether previews go on."""
        try:
            for show in shows:
                await show()
        except (ChatLost, PostLost, NoRight, Revoked):
            # The final text meets the same error, and `finish` decides what follows.
            return False
        except PlatformError as error:
            self.refusals += 1
            report_refusal(error, self._conversation)
            if isinstance(error, RateLimited):
                self._floods += 1
            else:
                await self._pause(1.0)
        return self.refusals < STRIKES and self._floods < FLOODS


@asynccontextmanager
async def reporting(budget: Budget, buckets: Sequence[Bucket], grant: Grant) -> AsyncIterator[None]:
    """Wraps the call for *grant*, and tells *budget* how the call went."""
    began = clock()
    try:
        yield
    except PostsLimited as error:
        await budget.hold(error.bucket, error.retry_after_s)
        raise
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
    platform = split_conversation(conversation)[0]
    last_refusals[platform] = time.time(), f"{type(error).__name__}: {error}"[:REASON_CHARS]
    log.warning(
        "update refused",
        conversation=conversation,
        error=type(error).__name__,
        reason=str(error),
    )
