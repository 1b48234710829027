"""Calls that must reach the platform: paced, and tried again until they do."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from core.budget import Budget
from core.errors import Gone, PlatformError, RateLimited, Rejected, Revoked
from core.live.pace import LOOK_AGAIN_S
from core.messages import ConversationId
from core.platform import Bucket
from core.telemetry import logger

log = logger(__name__)

RETRY_S = (0.5, 1, 2, 4, 8, 15)
"""Waits between tries while the platform is away; the last repeats."""
PATIENCE_S = 15 * 60
"""How long a platform may stay away before the turn is left to another try."""


async def deliver(
    call: Callable[[], Awaitable[None]],
    cost: Callable[[], Sequence[Bucket]],
    conversation: ConversationId,
    budget: Budget,
) -> None:
    """Make *call* succeed.

    Raises:
        Gone, Rejected, Revoked: it never will.
        PlatformError: the platform stayed away for `PATIENCE_S`.
    """
    began = time.monotonic()
    tries = 0
    while True:
        # What it costs may change while it is waited for.
        while wait_s := (await budget.take(buckets := cost(), final=True)).wait_s:
            await asyncio.sleep(min(wait_s, LOOK_AGAIN_S))
        try:
            return await call()
        except (Gone, Rejected, Revoked):
            raise
        except RateLimited as error:
            await held(error, buckets, conversation, budget)
        except PlatformError as error:
            report_refusal(error, conversation)
            if time.monotonic() - began > PATIENCE_S:
                raise
            await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
            tries += 1


async def held(
    error: RateLimited, buckets: Sequence[Bucket], conversation: ConversationId, budget: Budget
) -> None:
    """Keep silent in the place of *buckets* for as long as the platform asks."""
    report_refusal(error, conversation)
    if buckets:
        await budget.hold(buckets[0], error.retry_after_s)
    else:
        await asyncio.sleep(error.retry_after_s)


def report_refusal(error: PlatformError, conversation: ConversationId) -> None:
    log.warning(
        "update refused",
        conversation=conversation,
        error=type(error).__name__,
        reason=str(error),
    )
