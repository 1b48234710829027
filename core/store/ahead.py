"""Tokens that a process takes several at a time, for the updates that follow soon.

In Redis they count as taken at the end of the time in which they may be used. So no other process
gives them out, and if ours dies, they come back a little later than those that were used. Until
then the process applies the law of `core.buckets` to what is true, and asks nobody. Its next write
says what is true, and so gives back what was not used.

Nothing is taken ahead where another process spoke lately, or where calls were refused or wait.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from core.buckets import Buckets
from core.budget import Grant
from core.levels import EARLY_TOKENS, Level
from core.platform import Bucket

AHEAD_S = 3.0
"""Tokens that were taken ahead may be used for so long. Who takes over an answer of a process that
died comes later (`LEASE_S`), so these tokens are back by then."""
BACK_S = 5.0
"""So much later they are given back by themselves: mostly the next update does it before."""
MOST_AHEAD, SHARE = 8, 3
"""So many are taken ahead at most, and at most one of so many that are left."""
LATELY_S, SHARED_S = 10.0, 60.0
"""A process that wrote in the last `LATELY_S` is expected to do so again for `SHARED_S`."""

Result = TypeVar("Result")
Law = Callable[[Buckets, float], Result]
encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Level).decode


class Taken(NamedTuple):
    """How many tokens are taken ahead, and what others shall see of the buckets they are of."""

    tokens: int = 0
    levels: Mapping[str, Level] = {}


NOTHING = Taken()


class _Held(NamedTuple):
    """What is true of a bucket, and until when and how often that may be used without asking.

    *lasts_s*: the length of its window. *tries*: others know that one of our calls tries.
    """

    raw: bytes
    till: float
    lasts_s: float
    left: float
    tries: bool


class Ahead:
    """What this process knows of buckets better than Redis."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._shared: dict[str, float] = {}
        """Until when others are expected to take tokens too, by our clock."""

    def truth(self, key: str) -> bytes | None:
        """What is true of the bucket *key*, if Redis may have something else."""
        held = self._held.get(key)
        return held.raw if held else None

    def apply(self, keys: Iterable[str], law: Law[Result], now: float) -> tuple[Result] | None:
        """The result of *law*, if that needs nothing but tokens that are left; else None."""
        had = {key: self._held.get(key) for key in keys}
        held = {key: one for key, one in had.items() if one and one.till > time.monotonic()}
        if len(held) < len(had):
            return None
        levels = {key: decode(one.raw) for key, one in held.items()}
        known = {key: level.learned for key, level in levels.items()}
        result = law(Buckets(levels), now)
        costs = isinstance(result, Grant)
        if isinstance(result, Grant) and (result.wait_s or result.alone):
            return None
        for key, one in held.items():
            level = levels[key]
            if one.left < costs or (level.out_at and not one.tries) or level.learned != known[key]:
                return None
        for key, one in held.items():
            self._held[key] = one._replace(raw=encode(levels[key]), left=one.left - costs)
        return (result,)

    def plan(
        self, buckets: Sequence[Bucket], levels: Mapping[str, Level], grant: Grant, now: float
    ) -> Taken:
        """What to take ahead of *buckets*, after one token of each was taken for *grant*."""
        if (
            grant.wait_s
            or grant.alone
            or not all(_calm(levels[one.key], one, now) for one in buckets)
        ):
            return NOTHING
        sized = [one for one in buckets if one.most]
        if any(self._shared.get(one.key, 0.0) > time.monotonic() for one in sized):
            return NOTHING
        tokens = MOST_AHEAD
        for bucket, spare in zip(buckets, grant.levels, strict=True):
            if bucket.most and not (bucket.own and bucket.refills):
                tokens = min(tokens, int(spare) // (1 if bucket.own else SHARE))
        if tokens <= 0:
            return NOTHING
        shown = {
            one.key: _with(levels[one.key], one, speed, tokens, now)
            for one, speed in zip(buckets, grant.speeds, strict=True)
            if one.most
        }
        return Taken(tokens, shown)

    def note(
        self,
        lasts_s: Mapping[str, float],
        sized: AbstractSet[str],
        levels: Mapping[str, Level],
        taken: Taken,
        began: float,
    ) -> None:
        """Redis has the *levels* now, but for what was *taken* ahead; *began*: when we asked it.

        What others are told of buckets that are not *sized* may come later in any case.
        """
        for key, seconds in lasts_s.items():
            before = self._held.pop(key, None)
            if not taken.tokens and (key in sized or before is None):
                continue
            # Others count from then, so a slow answer of Redis shortens our time.
            till = began + AHEAD_S if taken.tokens or not before else before.till
            level = levels.get(key, Level())
            left = taken.tokens if key in sized else math.inf
            self._held[key] = _Held(encode(level), till, seconds, left, level.out_at > 0)

    def lose(self, key: str, found: Level | None, now: float) -> None:
        """Another process wrote the bucket *key*: as *found*, which holds what we took ahead."""
        self._held.pop(key, None)
        if found is not None and found.seen_at > now - LATELY_S:
            self._shared = {
                key: till for key, till in self._shared.items() if till > time.monotonic()
            }
            self._shared[key] = time.monotonic() + SHARED_S

    def lapsed(self, within_s: float = 0.0) -> dict[str, float]:
        """The buckets of which tokens should be given back *within_s*, and their windows."""
        till = time.monotonic() + within_s - BACK_S
        return {key: one.lasts_s for key, one in self._held.items() if one.till <= till}

    def forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._held.pop(key, None)

    def __bool__(self) -> bool:
        """Whether there is anything to give back."""
        return bool(self._held)


def _calm(level: Level, bucket: Bucket, now: float) -> bool:
    """Whether calls may pass in *bucket*, and nobody waits there."""
    closed_till = max(level.held_until, level.alone_until, *level.waits.values(), 0.0)
    return closed_till <= now and not level.alone and (bucket.most > 0 or level.shut_until <= now)


def _with(level: Level, bucket: Bucket, speed: float, tokens: int, now: float) -> Level:
    """*level*, as if *tokens* more were taken at the end of `AHEAD_S`."""
    taken = [*level.taken, *[(now + AHEAD_S, "preview")] * tokens]
    if not bucket.refills:
        return replace(level, taken=taken)
    if bucket.own:
        # All of it is ours until then, with what comes back meanwhile, and with what may be tried.
        spent = max(bucket.most, bucket.upto) + EARLY_TOKENS
        level = replace(level, spent=spent, at=now + AHEAD_S)
    else:
        # What was spent before may be back by then, but not what is spent only then.
        level = replace(level, spent=max(level.spent, AHEAD_S * speed) + tokens)
    return replace(level, taken=taken) if bucket.fastest > 1 else level
