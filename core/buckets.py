"""The law of token buckets: how many calls pass, and how that is learned. No clock, no store."""

import time
from collections.abc import Sequence

from core.budget import LOOK_AGAIN_S, URGENCY, Call, Grant
from core.levels import (
    Level,
    Look,
    count,
    early_s,
    holds,
    look_at_shared,
    narrow,
    note_refusal,
    pace_of,
    refilled,
    tokens_of,
    widen,
    widest,
    windowed,
)
from core.platform import Bucket

CLOCK_S = 0.001
"""What comes so soon is there."""
STILL_S = 0.3
"""So much longer than until it asks again, who waits keeps the less urgent from a token."""
NEARLY = 0.95
"""Who knows so much of the most that was ever found to pass tries no more."""
TRY_S = 0.1
"""While others try, it is asked so often how that went."""
STEADY = 12
"""After so many calls a place is in steady use, and more is tried for previews too."""
TELLS_S = 0.15
"""A try that was early by less tells nothing."""
HELD = 0.6
"""Who is answered later than usual by so much of what the try was early, was made to wait."""
USUAL_GROWS = 1.05
"""What was the fastest answer is forgotten so fast."""
ALONE_S = 5.0
"""The end of the first call after a refusal is waited for so long."""
OUT_S = 15.0
"""A call whose end is not told is forgotten after so long."""
SLOW_S = 3.0
"""An answer that takes longer is a warning: the platform itself waits before it refuses."""
BEYOND_SLOW_S = 1.5
"""The same, where more is used than was promised."""
QUIET_S = 10.0
"""For so long, at the most, previews are silent after a slow answer."""
HALF = 0.5
"""Of a slow answer a bucket is innocent of which more than this was left."""
MARGIN_S = 0.1
"""So much longer than asked nothing is called after a refusal."""


class Usual:
    """How fast each platform answers, by this process's calls of late."""

    def __init__(self) -> None:
        self._fastest: dict[str, float] = {}

    def late_s(self, buckets: Sequence[Bucket], took_s: float) -> float:
        """By how much more than usual an answer took, which took *took_s*."""
        platform = buckets[0].key.partition(":")[0]
        usual = self._fastest.get(platform, took_s) * USUAL_GROWS
        self._fastest[platform] = min(usual, took_s)
        return max(0.0, took_s - usual)


def worth_telling(grant: Grant, late_s: float) -> bool:
    """Whether a budget learns something from an answer that was *late_s* late."""
    return grant.told or late_s > BEYOND_SLOW_S


class Buckets:
    """Token buckets, by a clock that the caller reads; *levels*: what is known of them."""

    def __init__(self, levels: dict[str, Level] | None = None) -> None:
        self._levels: dict[str, Level] = {} if levels is None else levels

    def take(self, buckets: Sequence[Bucket], call: Call, now: float, *, growing: int = 1) -> Grant:
        """As `Budget.take`, at the moment *now* (seconds)."""
        levels = [self._at(bucket) for bucket in buckets]
        urgent = call != "nicety"
        alone = urgent and any(level.alone and level.held_until <= now for level in levels)
        looks = [
            self._look(bucket, level, call, now, growing, alone=alone)
            for bucket, level in zip(buckets, levels, strict=True)
        ]
        wait_s = max((look.wait_s for look in looks), default=0.0)
        spare = [look.spare for look in looks]
        if wait_s > 0:
            for look, level in zip(looks, levels, strict=True):
                if look.wait_s > 0:
                    level.waits[call] = now + min(look.wait_s, LOOK_AGAIN_S) + STILL_S
            return Grant(wait_s, spare, [look.speed for look in looks])
        for bucket, level, look in zip(buckets, levels, looks, strict=True):
            self._spend(bucket, level, call, now)
            if look.early:
                level.out, level.out_at = level.out + 1, now
            if alone:
                level.alone, level.alone_until = False, now + ALONE_S
        early = [look.early for look in looks] if any(look.early for look in looks) else ()
        spare = [one - 1 for one in spare]
        return Grant(0.0, spare, [look.speed for look in looks], early, alone)

    def _look(
        self, bucket: Bucket, level: Level, call: Call, now: float, growing: int, *, alone: bool
    ) -> Look:
        if level.out and level.out_at < now - OUT_S:
            level.out = 0
        behind = [till for other, till in level.waits.items() if URGENCY[other] < URGENCY[call]]
        closed = max(level.held_until, level.alone_until, *behind, 0.0)
        if closed > now:
            return Look(closed - now, -1.0)
        if not bucket.most:
            return look_at_shared(level, call, now)
        tries = pace_of(level, now) < widest(bucket) * NEARLY and now >= level.shut_until
        if URGENCY[call] >= URGENCY["preview"]:
            tries = tries and level.used >= STEADY
        ahead_s = early_s(bucket, level, call) if tries else 0.0
        looked = refilled if bucket.refills else windowed
        look = looked(bucket, level, call, now, growing, ahead_s)
        if alone or look.wait_s <= CLOCK_S:
            return look._replace(wait_s=0.0, spare=max(look.spare, 1.0), early=0.0)
        if (
            look.wait_s > ahead_s
            or call == "nicety"
            or (look.early and level.out > level.successes)
        ):
            # While others try, it is asked soon how that went.
            soon_s = TRY_S if tries and level.out else look.wait_s
            return look._replace(wait_s=min(look.wait_s, soon_s), spare=min(look.spare, 0.0))
        return look._replace(wait_s=0.0, spare=max(look.spare, 1.0))

    def _spend(self, bucket: Bucket, level: Level, call: Call, now: float) -> None:
        level.used += 1
        if bucket.refills:
            level.level, level.at = tokens_of(bucket, level, now) - 1, now
            return
        level.taken.append((now, call))
        seconds = bucket.seconds if bucket.most else 1.0
        level.taken = [one for one in level.taken if one[0] > now - seconds]

    def passed(self, buckets: Sequence[Bucket], grant: Grant, late_s: float, now: float) -> None:
        """As `Budget.passed`, at the moment *now*; *late_s*: more than usual."""
        early = grant.early or [0.0] * len(buckets)
        for bucket, by in zip(buckets, early, strict=True):
            level = self._at(bucket)
            level.alone_until = 0.0
            if by:
                level.out = max(0, level.out - 1)
                if by >= TELLS_S and late_s > HELD * by:
                    narrow(bucket, level, now, tried=True)
                elif by >= TELLS_S:
                    widen(bucket, level, now)
        beyond = any(pace_of(self._at(one), now) > 1 for one in buckets if one.most)
        if late_s > (BEYOND_SLOW_S if beyond else SLOW_S) and not any(early):
            blamed = self._fullest(buckets, early, now, left=HALF)
            if blamed is not None:
                narrow(blamed, self._at(blamed), now, tried=False)
        if late_s > SLOW_S and buckets:
            self._at(buckets[0]).waits["first"] = now + min(QUIET_S, 2 * late_s)

    def refused(self, buckets: Sequence[Bucket], grant: Grant, seconds: float, now: float) -> None:
        """As `Budget.refused`, at the moment *now*."""
        if not buckets:
            return
        place = self._at(buckets[0])
        place.held_until = max(now + seconds + MARGIN_S, place.held_until)
        place.alone, place.alone_until = True, 0.0
        early = grant.early or [0.0] * len(buckets)
        blamed = self._fullest(buckets, early, now)
        if blamed is not None:
            tried = bool(early[buckets.index(blamed)])
            narrow(blamed, self._at(blamed), now, tried=tried)
        for bucket, by in zip(buckets, early, strict=True):
            level = self._at(bucket)
            level.out = max(0, level.out - (1 if by else 0))
            if not bucket.most:
                note_refusal(level, buckets[0].key, seconds, now)

    def hold(self, bucket: Bucket, seconds: float, now: float) -> None:
        """As `Budget.hold`, from the moment *now*."""
        level = self._at(bucket)
        level.held_until = max(now + seconds, level.held_until)

    def _fullest(
        self, buckets: Sequence[Bucket], early: Sequence[float], now: float, *, left: float = 1.0
    ) -> Bucket | None:
        """The bucket that was too wide: the narrowest that was full, or the fullest.

        None where more than this share of each was *left*.
        """
        full: list[tuple[float, float, Bucket]] = []
        for bucket, by in zip(buckets, early, strict=True):
            if not bucket.most:
                continue
            level = self._at(bucket)
            most = holds(bucket, level, now)
            tokens = most - count(bucket, level, now)
            if bucket.refills:
                tokens = tokens_of(bucket, level, now)
            # More than was promised is blamed first.
            beyond = by > 0 or pace_of(level, now) > 1
            share = 0.0 if beyond or tokens < 1 else tokens / most
            if share <= left:
                full.append((share, bucket.seconds, bucket))
        return min(full, key=lambda one: one[:2])[2] if full else None

    def _at(self, bucket: Bucket) -> Level:
        return self._levels.setdefault(bucket.key, Level())


class LocalBudget:
    """A `Budget` of this process alone."""

    def __init__(self) -> None:
        self._buckets = Buckets()
        self._usual = Usual()

    async def take(self, buckets: Sequence[Bucket], call: Call, *, growing: int = 1) -> Grant:
        """As `Budget.take`."""
        return self._buckets.take(buckets, call, time.monotonic(), growing=growing)

    async def passed(self, buckets: Sequence[Bucket], grant: Grant, took_s: float) -> None:
        """As `Budget.passed`."""
        late_s = self._usual.late_s(buckets, took_s)
        if worth_telling(grant, late_s):
            self._buckets.passed(buckets, grant, late_s, time.monotonic())

    async def refused(self, buckets: Sequence[Bucket], grant: Grant, seconds: float) -> None:
        """As `Budget.refused`."""
        self._buckets.refused(buckets, grant, seconds, time.monotonic())

    async def hold(self, bucket: Bucket, seconds: float) -> None:
        """As `Budget.hold`."""
        self._buckets.hold(bucket, seconds, time.monotonic())
