"""When a surface may be updated: token buckets, and when a first text is worth showing."""

from collections.abc import Sequence
from typing import Protocol

from core.platform import Bucket

FIRST_CHARS = 12
FIRST_WAIT_S = 0.7
"""The first text appears with so many characters, or so long after the first of them."""


class Budget(Protocol):
    """Where tokens come from; shared by all replicas."""

    async def take(self, buckets: Sequence[Bucket], *, final: bool) -> float:
        """Take one token of each of *buckets*, or none.

        Returns:
            0.0 when taken, else the seconds to wait before asking again.
        """
        ...

    async def hold(self, bucket: Bucket, seconds: float) -> None:
        """Nobody may take from *bucket* for *seconds*: its platform asked for silence."""
        ...


class LocalBuckets:
    """Token buckets in this process, by a clock that the caller reads."""

    def __init__(self) -> None:
        self._levels: dict[str, tuple[float, float]] = {}
        self._held: dict[str, float] = {}

    def take(self, buckets: Sequence[Bucket], now: float, *, final: bool) -> float:
        """As `Budget.take`, at the moment *now* (seconds)."""
        wait = 0.0
        for bucket in buckets:
            tokens = self._tokens(bucket, now)
            needed = 1.0 if final else 1.0 + bucket.reserve
            wait = max(
                wait,
                self._held.get(bucket.key, now) - now,
                (needed - tokens) / bucket.per_s if tokens < needed else 0.0,
            )
        if wait > 0:
            return wait
        for bucket in buckets:
            self._levels[bucket.key] = (self._tokens(bucket, now) - 1, now)
        return 0.0

    def hold(self, bucket: Bucket, now: float, seconds: float) -> None:
        """As `Budget.hold`, from the moment *now*."""
        self._held[bucket.key] = max(now + seconds, self._held.get(bucket.key, 0.0))

    def _tokens(self, bucket: Bucket, now: float) -> float:
        tokens, at = self._levels.get(bucket.key, (bucket.capacity, now))
        return min(bucket.capacity, tokens + (now - at) * bucket.per_s)


def worth_showing(text: str, waited_s: float) -> bool:
    """Whether a first *text* is enough to show, *waited_s* after its first character."""
    return bool(text.strip()) and (len(text) >= FIRST_CHARS or waited_s >= FIRST_WAIT_S)
