"""How often a model is asked again before its first word, and how long to wait between."""

import tenacity

from core.errors import Overloaded
from core.telemetry import logger

log = logger(__name__)

TRIES = 4
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
"""If a provider asks for a longer wait, the person is told instead."""


class StillAtIt(Overloaded):
    """The model may still be working on the request. To ask again would cost twice."""


def retrying(tries: int) -> tenacity.AsyncRetrying:
    backoff = tenacity.wait_exponential_jitter(multiplier=FIRST_WAIT_S, jitter=FIRST_WAIT_S, max=8)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, Overloaded) else 0.0
        return max(backoff(state), asked)

    def worth_it(error: BaseException) -> bool:
        if not isinstance(error, Overloaded) or isinstance(error, StillAtIt):
            return False
        return error.retry_after_s <= LONGEST_WAIT_S

    def say(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("model call retried", attempt=state.attempt_number, reason=str(error))

    return tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(tries),
        wait=wait,
        retry=tenacity.retry_if_exception(worth_it),
        before_sleep=say,
        reraise=True,
    )
