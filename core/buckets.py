"""The law of token buckets: how many calls pass, and how that is learned. No clock, no store."""

import time
from collections.abc import Sequence

from core.budget import LOOK_AGAIN_S, URGENCY, Call, Grant
from core.levels import (
    TRY_AGAIN_S,
    Level,
    Look,
    View,
    count,
    early_s,
    holds,
    look_at_shared,
    note_refusal,
    pace_of,
    passing,
    refilled,
    spent_of,
    widest,
    width,
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
"""While another tries, it is asked so often how that went."""
TELLS = 0.6
"""A try that was early by less than so much of how early may be tried shows no more than that our
times are a little longer than the platform's."""
HELD, JITTER_S = 0.6, 0.2
"""Who is answered later than usual by so much of what the try was early, was made to wait; but by
less than this answers differ anyway."""
USUAL_GROWS = 1.05
"""What was the fastest answer is forgotten so fast."""
ALONE_S = 5.0
"""The end of the first call after a refusal is waited for so long."""
OUT_S = 15.0
"""A call whose end is not told is forgotten after so long."""
BURST_S = 8.0
"""A refusal for longer is not about a burst, where it can be about more."""
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
    return grant.wants_report or late_s > BEYOND_SLOW_S


class Buckets:
    """Token buckets, by a clock that the caller reads; *levels*: what is known of them."""

    def __init__(self, levels: dict[str, Level] | None = None) -> None:
        self._levels: dict[str, Level] = {} if levels is None else levels

    def take(self, buckets: Sequence[Bucket], call: Call, now: float, *, growing: int = 1) -> Grant:
        """As `Budget.take`, at the moment *now* (seconds)."""
        levels = [self._at(bucket) for bucket in buckets]
        urgent = call != "nicety"
        alone = urgent and any(level.alone and level.held_until <= now for level in levels)
        # Where one limit was found to hold, the others are not planned to be wider.
        bold = all(self._known(bucket).shut_until <= now for bucket in buckets if bucket.most)
        looks = [
            self._look(bucket, call, now, growing, alone=alone, bold=bold) for bucket in buckets
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
                self._known(bucket).out_at = now
            if alone:
                level.alone, level.alone_until = False, now + ALONE_S
        early = [look.early for look in looks] if any(look.early for look in looks) else ()
        spare = [one - 1 for one in spare]
        return Grant(0.0, spare, [look.speed for look in looks], early, alone)

    def _look(
        self, bucket: Bucket, call: Call, now: float, growing: int, *, alone: bool, bold: bool
    ) -> Look:
        level, known = self._at(bucket), self._known(bucket)
        behind = [till for other, till in level.waits.items() if URGENCY[other] < URGENCY[call]]
        closed = max(level.held_until, level.alone_until, *behind, 0.0)
        if closed > now:
            return Look(closed - now, -1.0)
        if not bucket.most:
            return look_at_shared(level, call, now)
        pace, most = pace_of(known, now), widest(bucket)
        tries = pace < most * NEARLY and known.shut_until <= now and call != "nicety"
        tries = tries and (call != "preview" or level.used >= bucket.most - bucket.reserve)
        ahead_s = early_s(bucket) if tries else 0.0
        planned = most if tries and bold else pace
        view = View(now, pace, min(pace, known.proven), planned, ahead_s, growing)
        look = (refilled if bucket.refills else windowed)(bucket, level, call, view)
        if alone or max(look.wait_s, look.early) <= CLOCK_S:
            return look._replace(wait_s=0.0, spare=max(look.spare, 1.0), early=0.0)
        # Where more was found to pass first texts go side by side.
        one_by_one = look.early > 0 and (pace <= 1 or call != "first")
        trying = one_by_one and known.out_at > max(0.0, now - OUT_S)
        if look.wait_s > ahead_s or trying:
            # While another tries, it is asked soon how that went.
            wait_s = TRY_S if trying else max(CLOCK_S, look.wait_s - ahead_s)
            return look._replace(wait_s=wait_s, spare=min(look.spare, 0.0))
        return look._replace(wait_s=0.0, spare=max(look.spare, 1.0))

    def _spend(self, bucket: Bucket, level: Level, call: Call, now: float) -> None:
        level.used += 1
        if bucket.refills:
            pace = pace_of(self._known(bucket), now)
            level.spent, level.at = spent_of(bucket, level, pace, now) + 1, now
            return
        level.taken.append((now, call))
        seconds = bucket.seconds if bucket.most else 1.0
        level.taken = [one for one in level.taken if one[0] > now - seconds]

    def passed(self, buckets: Sequence[Bucket], grant: Grant, late_s: float, now: float) -> None:
        """As `Budget.passed`, at the moment *now*; *late_s*: more than usual."""
        early = grant.early or [0.0] * len(buckets)
        told = []
        for bucket, by in zip(buckets, early, strict=True):
            self._at(bucket).alone_until = 0.0
            if not by:
                continue
            self._known(bucket).out_at = 0.0
            if late_s > min(max(HELD * by, JITTER_S), BEYOND_SLOW_S):
                self._narrow(bucket, now, tried=True)
            elif by >= TELLS * early_s(bucket):
                told.append(bucket.seconds)
        if told:
            self._widen(buckets, early, min(told), now)
        if not any(early):
            beyond = any(pace_of(self._known(one), now) > 1 for one in buckets if one.most)
            blamed = self._blamed(buckets, early, now, left=HALF)
            if blamed is not None and late_s > (BEYOND_SLOW_S if beyond else SLOW_S):
                self._narrow(blamed, now, tried=False)
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
        blamed = self._blamed(buckets, early, now, asked_s=seconds)
        if blamed is not None:
            self._narrow(blamed, now, tried=bool(early[buckets.index(blamed)]))
        for bucket, by in zip(buckets, early, strict=True):
            level = self._at(bucket)
            # What is refused was not done.
            level.spent = max(0.0, level.spent - 1)
            if by:
                self._known(bucket).out_at = 0.0
            if not bucket.most:
                note_refusal(level, buckets[0].key, seconds, now)

    def hold(self, bucket: Bucket, seconds: float, now: float) -> None:
        """As `Budget.hold`, from the moment *now*."""
        level = self._at(bucket)
        level.held_until = max(now + seconds, level.held_until)

    def _widen(
        self, buckets: Sequence[Bucket], early: Sequence[float], seconds: float, now: float
    ) -> None:
        """More than was promised has passed in *seconds*: so, there and in what lasts longer, may
        the most that was ever found to.
        """
        for bucket, by in zip(buckets, early, strict=True):
            known = self._known(bucket)
            if widest(bucket) == 1:
                continue
            if known.shut_until <= now and bucket.seconds >= seconds:
                self._learn(bucket, widest(bucket), now)
            if by:
                pace = pace_of(known, now)
                proven = max(known.proven, width(bucket, self._at(bucket), pace, now))
                for level in (self._at(bucket), self._kind(bucket)):
                    level.proven = proven

    def _narrow(self, bucket: Bucket, now: float, *, tried: bool) -> None:
        """So much does not pass; *tried*: it was more than was known to."""
        pace = pace_of(self._known(bucket), now)
        left = passing(bucket, self._at(bucket), pace, now, tried=tried)
        self._learn(bucket, left, now, shut_until=now + TRY_AGAIN_S)

    def _learn(self, bucket: Bucket, pace: float, now: float, shut_until: float = 0.0) -> None:
        """*bucket* is so wide; and so are, until they find otherwise, those like it."""
        for level in {id(one): one for one in (self._at(bucket), self._kind(bucket))}.values():
            level.learned, level.learned_at, level.shut_until = pace, now, shut_until
            level.out_at = 0.0

    def _blamed(
        self,
        buckets: Sequence[Bucket],
        early: Sequence[float],
        now: float,
        *,
        left: float = 1.0,
        asked_s: float = 0.0,
    ) -> Bucket | None:
        """The bucket that was too wide: the narrowest that was full, or the fullest.

        None where more than this share of each was *left*. *asked_s*: for how long it was refused.
        """
        full: list[tuple[float, float, Bucket]] = []
        for bucket, by in zip(buckets, early, strict=True):
            if not bucket.most:
                continue
            level, pace = self._at(bucket), pace_of(self._known(bucket), now)
            most, taken = holds(bucket, pace), float(count(bucket, level, now))
            if bucket.refills:
                taken = spent_of(bucket, level, pace, now)
            # More than was promised is blamed first.
            beyond = pace > 1 and (taken > bucket.most or bucket.fastest > 1)
            share = 0.0 if by > 0 or beyond or most - taken < 1 else 1 - taken / most
            if share <= left:
                seconds = -bucket.seconds if asked_s > BURST_S else bucket.seconds
                full.append((share, seconds, bucket))
        return min(full, key=lambda one: one[:2])[2] if full else None

    def _known(self, bucket: Bucket) -> Level:
        """Where it is kept what was learned of *bucket*, or, before, of those like it."""
        own = self._at(bucket)
        return own if own.learned_at else self._kind(bucket)

    def _kind(self, bucket: Bucket) -> Level:
        return self._levels.setdefault(bucket.like or bucket.key, Level())

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
