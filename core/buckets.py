"""All buckets of a call: whether it gets a token of each, and what its end teaches.

`core.levels` tells the law of one bucket, with an example in numbers. Here the law is applied. This
module has no clock and no store of its own, so tests run it at any time they like.
"""

import time
from collections.abc import Sequence

from core.budget import LOOK_AGAIN_S, URGENCY, Call, Grant
from core.latency import BEYOND_SLOW_S, Usual, worth_telling
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
"""A token that comes back within this time counts as there."""
STILL_S = 0.3
"""A waiting call keeps less urgent calls from a token until it asks again, and so much longer."""
NEARLY = 0.95
"""Nothing is tried once the pace has reached this share of the most that was ever found to pass."""
TRY_S = 0.1
"""While another call tries, a waiting call asks this often how that went."""
TELLS = 0.6
"""A try teaches only if it was early by at least this share of what is allowed. A smaller lead may
only mean that our windows are a little longer than the platform's."""
HELD, JITTER_S = 0.6, 0.2
"""A try failed if its answer was late by this share of the time that the try was early. Answers
differ by up to `JITTER_S` anyway."""
ALONE_S = 5.0
"""How long other calls wait for the end of the first call after a refusal."""
OUT_S = 15.0
"""A try whose end nobody reports is forgotten after this time."""
BURST_S = 8.0
"""A longer refusal is blamed on the longest window, not on a burst."""
SLOW_S = 3.0
"""An answer that takes longer is a warning: the platform itself waits before it refuses."""
QUIET_S = 10.0
"""How long previews pause after a slow answer, at the most."""
HALF = 0.5
"""A bucket with more than this share left is not blamed for a slow answer."""
MARGIN_S = 0.1
"""After a refusal nothing is called for the asked time and this margin."""


class Buckets:
    """Token buckets. The caller reads the clock. *levels*: what is known of each, by its key."""

    def __init__(self, levels: dict[str, Level] | None = None) -> None:
        self._levels: dict[str, Level] = {} if levels is None else levels

    def take(self, buckets: Sequence[Bucket], call: Call, now: float, *, growing: int = 1) -> Grant:
        """As `Budget.take`, at the moment *now* (seconds)."""
        levels = [self._at(bucket) for bucket in buckets]
        urgent = call != "nicety"
        alone = urgent and any(level.alone and level.held_until <= now for level in levels)
        # After one bucket was found to be full, the others are not planned to be wider.
        bold = all(self._known(bucket).shut_until <= now for bucket in buckets if bucket.most)
        looks = [
            self._look(bucket, call, now, growing, alone=alone, bold=bold) for bucket in buckets
        ]
        wait_s = max((look.wait_s for look in looks), default=0.0)
        if urgent:
            # The first call after a refusal goes alone, whatever the buckets then hold.
            ends = (level.held_until - now for level in levels if level.alone)
            wait_s = min([wait_s, *(one for one in ends if one > 0)])
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
        # First texts need not try one by one in a place that was found to allow more.
        one_by_one = look.early > 0 and (pace <= 1 or call != "first")
        trying = one_by_one and known.out_at > max(0.0, now - OUT_S)
        if look.wait_s > ahead_s or trying:
            wait_s = TRY_S if trying else max(CLOCK_S, look.wait_s - ahead_s)
            return look._replace(wait_s=wait_s, spare=min(look.spare, 0.0))
        return look._replace(wait_s=0.0, spare=max(look.spare, 1.0))

    def _spend(self, bucket: Bucket, level: Level, call: Call, now: float) -> None:
        level.used += 1
        if bucket.refills:
            pace = pace_of(self._known(bucket), now)
            level.spent, level.at = spent_of(bucket, level, pace, now) + 1, now
            if bucket.fastest <= 1:
                return
        seconds = bucket.seconds if bucket.most else 1.0
        # What another process took ahead is of the future.
        taken = [one for one in level.taken if one[0] > now - seconds]
        level.taken = sorted([*taken, (now, call)])

    def passed(self, buckets: Sequence[Bucket], grant: Grant, late_s: float, now: float) -> None:
        """As `Budget.passed`, at the moment *now*; the answer was *late_s* later than usual."""
        early = grant.early or [0.0] * len(buckets)
        windows_s = []
        for bucket, by in zip(buckets, early, strict=True):
            self._at(bucket).alone_until = 0.0
            if not by:
                continue
            self._known(bucket).out_at = 0.0
            if late_s > min(max(HELD * by, JITTER_S), BEYOND_SLOW_S):
                self._narrow(bucket, now, tried=True)
            elif by >= TELLS * early_s(bucket):
                windows_s.append(bucket.seconds)
        if windows_s:
            self._widen(buckets, early, min(windows_s), now)
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
            # The platform did not do the call.
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
        """More calls than promised have passed in a window of *seconds*. So plan this window, and
        longer ones, with the most that was ever found to pass.
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
        """A call did not pass: make *bucket* smaller. *tried*: the call was a try."""
        pace = pace_of(self._known(bucket), now)
        left = passing(bucket, self._at(bucket), pace, now, tried=tried)
        until = now + TRY_AGAIN_S
        # A place that refuses even what is promised says nothing of the others.
        self._learn(bucket, left, now, shut_until=until, of_kind=tried or pace > 1)

    def _learn(
        self,
        bucket: Bucket,
        pace: float,
        now: float,
        shut_until: float = 0.0,
        *,
        of_kind: bool = True,
    ) -> None:
        """Keep *pace* for *bucket*; *of_kind*: also for others like it that know no own."""
        levels = (self._at(bucket), self._kind(bucket) if of_kind else self._at(bucket))
        for level in {id(one): one for one in levels}.values():
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
        """The bucket that let too many calls pass: the fullest; of equals the shortest window.

        None if each had more than the share *left*. *asked_s*: how long the platform asked us to be
        silent; after more than `BURST_S`, the longest window is blamed among equals.
        """
        full: list[tuple[float, float, Bucket]] = []
        for bucket, by in zip(buckets, early, strict=True):
            if not bucket.most:
                continue
            level, pace = self._at(bucket), pace_of(self._known(bucket), now)
            most, taken = holds(bucket, pace), float(count(bucket, level, now))
            if bucket.refills:
                taken = spent_of(bucket, level, pace, now)
            # A bucket that gave more than promised is blamed first.
            beyond = pace > 1 and (taken > bucket.most or bucket.fastest > 1)
            share = 0.0 if by > 0 or beyond or most - taken < 1 else 1 - taken / most
            if share <= left:
                seconds = -bucket.seconds if asked_s > BURST_S else bucket.seconds
                full.append((share, seconds, bucket))
        return min(full, key=lambda one: one[:2])[2] if full else None

    def _known(self, bucket: Bucket) -> Level:
        """The level that holds what was learned of *bucket*; until then, of buckets like it."""
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
