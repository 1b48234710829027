"""Patience at the start: a platform that is away for a moment is asked again."""

import logging

import tenacity

from core.errors import PlatformError

log = logging.getLogger(__name__)

TRIES = 4


def _passing(error: BaseException) -> bool:
    # The kinds of `PlatformError` below it say that asking again is useless.
    return type(error) is PlatformError


patiently = tenacity.retry(
    retry=tenacity.retry_if_exception(_passing),
    stop=tenacity.stop_after_attempt(TRIES),
    wait=tenacity.wait_exponential(multiplier=0.5),
    before_sleep=tenacity.before_sleep_log(log, logging.WARNING),
    reraise=True,
)
"""Decorates a coroutine function that raises the errors of the port."""
