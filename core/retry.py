"""Retries: call the store or a platform again when it is away for a moment.

Calls of models have their own rules (`core.models.client`).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
import tenacity

from core.errors import PlatformError, RateLimited, StoreError

log = structlog.stdlib.get_logger(__name__)
_T = TypeVar("_T")

BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
TRIES = 4
SILENCE_S = 10.0
"""The longest silence that is kept before a second try."""


async def retry_until_available(call: Callable[[], Awaitable[_T]], what: str) -> _T:
    """Make *call*, which does *what*, until the store answers it."""
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


async def retry_after_silence(call: Callable[[], Awaitable[_T]]) -> _T:
    """Make *call*. If the platform asks for a short silence, keep it, and make *call* once more."""
    try:
        return await call()
    except RateLimited as error:
        if error.retry_after_s > SILENCE_S:
            raise
        await asyncio.sleep(error.retry_after_s)
    return await call()


def _passing(error: BaseException) -> bool:
    # For the subclasses of `PlatformError` another try is useless.
    return type(error) is PlatformError


retry_while_away = tenacity.retry(
    retry=tenacity.retry_if_exception(_passing),
    stop=tenacity.stop_after_attempt(TRIES),
    wait=tenacity.wait_exponential(multiplier=0.5),
    before_sleep=tenacity.before_sleep_log(logging.getLogger(__name__), logging.WARNING),
    reraise=True,
)
"""A decorator for the coroutine that starts a platform. If the platform is away for a moment, it is
asked again. The coroutine raises the errors of the port."""
