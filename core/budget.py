"""Tokens for calls to the outside: so many in any so many seconds, for all who call."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from core.platform import Bucket

SLOWEST_PACE, SLOWER, FASTER = 0.25, 0.5, 0.02
"""A refusal halves what a bucket holds, each call that is let pass adds a fiftieth of the whole."""
FINAL_S = 1.5
"""While a final text waits, which asks again before this has passed, previews get no token."""


class Grant(NamedTuple):
    """What a budget says: *wait_s* is 0.0 when a token of each bucket was taken.

    *levels*: the tokens left in each bucket; below zero in one that is held, or where a
    preview stands behind final texts.
    """

    wait_s: float
    levels: Sequence[float] = ()


class Budget(Protocol):
    """Where tokens come from; shared by all replicas."""

    async def take(self, buckets: Sequence[Bucket], *, final: bool) -> Grant:
        """Take one token of each of *buckets*, or none.

        A preview leaves their reserve, and goes after the final texts that wait.
        """
        ...

    async def hold(self, bucket: Bucket, seconds: float) -> None:
        """Nobody may take from *bucket* for *seconds*, and more slowly after that."""
        ...


@dataclass
class _Level:
    taken: deque[float] = field(default_factory=deque)
    pace: float = 1.0
    held_until: float = 0.0
    final_until: float = 0.0


class LocalBuckets:
    """Token buckets in this process, by a clock that the caller reads."""

    def __init__(self) -> None:
        self._levels: dict[str, _Level] = {}

    def take(self, buckets: Sequence[Bucket], now: float, *, final: bool) -> Grant:
        """As `Budget.take`, at the moment *now* (seconds)."""
        wait = 0.0
        levels: list[int] = []
        for bucket in buckets:
            level = self._at(bucket)
            while level.taken and level.taken[0] <= now - bucket.seconds:
                level.taken.popleft()
            most = max(1, int(bucket.most * level.pace))
            free = most - len(level.taken)
            closed = max(level.held_until, 0.0 if final else level.final_until)
            levels.append(-1 if closed > now else free)
            wait = max(wait, closed - now)
            needed = min(most, 1 if final else 1 + bucket.reserve)
            if free < needed:
                wait = max(wait, level.taken[needed - free - 1] + bucket.seconds - now)
                if final:
                    level.final_until = now + FINAL_S
        if wait > 0:
            return Grant(wait, levels)
        for bucket in buckets:
            level = self._at(bucket)
            level.taken.append(now)
            level.pace = min(1.0, level.pace + FASTER)
        return Grant(0.0, [level - 1 for level in levels])

    def hold(self, bucket: Bucket, now: float, seconds: float) -> None:
        """As `Budget.hold`, from the moment *now*."""
        level = self._at(bucket)
        level.held_until = max(now + seconds, level.held_until)
        level.pace = max(SLOWEST_PACE, level.pace * SLOWER)

    def _at(self, bucket: Bucket) -> _Level:
        return self._levels.setdefault(bucket.key, _Level())


class LocalBudget:
    """A `Budget` of this process alone."""

    def __init__(self) -> None:
        self._buckets = LocalBuckets()

    async def take(self, buckets: Sequence[Bucket], *, final: bool) -> Grant:
        """As `Budget.take`."""
        return self._buckets.take(buckets, time.monotonic(), final=final)

    async def hold(self, bucket: Bucket, seconds: float) -> None:
        """As `Budget.hold`."""
        self._buckets.hold(bucket, time.monotonic(), seconds)
