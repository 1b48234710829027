"""How fast platforms usually answer. A late answer is a warning before a refusal."""

from collections.abc import Sequence

from core.budget import Grant
from core.platform import Bucket

USUAL_GROWS = 1.05
"""Each answer makes the fastest known time longer by this factor, so old records fade."""
BEYOND_SLOW_S = 1.5
"""An answer that is later than usual by so much is a warning, while more calls are made than
promised."""


class Usual:
    """How fast each platform usually answers, measured by the calls of this process."""

    def __init__(self) -> None:
        self._fastest: dict[str, float] = {}

    def late_s(self, buckets: Sequence[Bucket], took_s: float) -> float:
        """How much longer than usual an answer took that took *took_s*."""
        platform = buckets[0].key.partition(":")[0]
        usual = self._fastest.get(platform, took_s) * USUAL_GROWS
        self._fastest[platform] = min(usual, took_s)
        return max(0.0, took_s - usual)


def worth_telling(grant: Grant, late_s: float) -> bool:
    """Whether a budget learns something from an answer that was *late_s* late."""
    return grant.wants_report or late_s > BEYOND_SLOW_S
