"""Waiting for a store that is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.errors import StoreError
from core.telemetry import logger

log = logger(__name__)
_T = TypeVar("_T")

BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)


async def until_answered(call: Callable[[], Awaitable[_T]], what: str) -> _T:
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
