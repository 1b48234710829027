"""The law of token buckets: how many calls pass, and how that is learned. No clock, no store."""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from core.budget import LOOK_AGAIN_S, URGENCY, Call, Grant
from core.platform import Bucket

CLOCK_S = 0.001
"""What comes so soon is there."""
CLOCK_BACK_S = 1.0
"""A clock that stepped back by less is a matter of rounding."""
STILL_S = 0.3
"""So much longer than until it asks again, who waits keeps the less urgent from a token."""
EARLY_S, EARLIEST_S = 3.0, 6.0
"""A token is tried so early at first; after each that passed twice as early, up to this. What is
early by less than Telegram's own patience (8 s) it answers late, and does not refuse."""
EARLY_TOKENS: dict[Call, float] = {"final": 1.5, "first": 3.0, "preview": 1.5, "nicety": 0.0}
"""So many tokens of a bucket that refills may be tried early."""
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
TRY_AGAIN_S = 1800.0
SLOW_S = 3.0
"""An answer that takes longer is a warning: the platform itself waits before it refuses."""
BEYOND_SLOW_S = 1.5
"""The same, where more is used than was promised."""
QUIET_S = 10.0
"""For so long, at the most, previews are silent after a slow answer."""
HALF = 0.5
"""Of a slow answer a bucket is innocent of which more than this was left."""
WIDER = 1.1
"""A burst that held more than was known may hold so much more than that."""
NARROWER = 0.8
SLOWER, SLOWEST = 0.5, 0.1
"""A refusal leaves so much of what had passed, and of the speed at which tokens come back."""
LEARNED_S, USED_S = 14 * 24 * 3600.0, 600.0
"""In a place that is not used what was learned is kept for so long; that it was used, so long."""
UNLEARN_S = 24 * 3600.0
"""Half of what was learned is forgotten in so long."""
MARGIN_S = 0.1
"""So much longer than asked nothing is called after a refusal."""
CHATS, WITHIN_S = 3, 10.0
"""Refusals in so many places within so long show a limit that they share."""
SETTLES_S = 2.0
"""What was called before such a limit was known is answered by then."""
SHARED_S = 600.0
"""For so long that limit is believed in; what it is has shown in the last second."""


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


class Level(msgspec.Struct):
    """What is known of one bucket, and kept of it. Times are in seconds.

    Attributes:
        seen_at: when it was looked at last.
        used: how many tokens were taken of it.
        taken: when tokens were taken of it, the latest last, and what for.
        level, at: how many tokens one that refills held, and when; None: as many as it can.
        learned, learned_at: how many times as wide, or as fast, as promised it is, and since when.
        successes: how many tries have passed since one did not.
        out, out_at: how many tries are under way, and since when.
        shut_until: until then nothing is tried; where nobody knows a limit: one is believed in.
        held_until: nobody may call until then.
        alone, alone_until: the next call goes alone, for its end shows whether others may.
        waits: until when somebody waits for a token, by what for.
        refusals: where lately, when, and for how long, of the places that share it.
    """

    seen_at: float = 0.0
    used: int = 0
    taken: list[tuple[float, Call]] = []
    level: float | None = None
    at: float = 0.0
    learned: float = 1.0
    learned_at: float = 0.0
    successes: int = 0
    out: int = 0
    out_at: float = 0.0
    shut_until: float = 0.0
    held_until: float = 0.0
    alone: bool = False
    alone_until: float = 0.0
    waits: dict[Call, float] = {}
    refusals: list[tuple[float, str, float]] = []


def settle(level: Level, now: float) -> None:
    """Move what *level* says of times by as much as the clock stepped back since it was seen."""
    back_s, level.seen_at = level.seen_at - now, now
    if back_s <= CLOCK_BACK_S:
        return
    level.taken = [(at - back_s, call) for at, call in level.taken]
    level.waits = {call: till - back_s for call, till in level.waits.items()}
    level.refusals = [(at - back_s, place, seconds) for at, place, seconds in level.refusals]
    for name in ("at", "learned_at", "out_at", "shut_until", "held_until", "alone_until"):
        setattr(level, name, getattr(level, name) - back_s)


def kept_s(bucket: Bucket, level: Level, now: float) -> int:
    """For how many seconds it is worth keeping what is known of *bucket*."""
    learned = level.learned != 1.0 or level.shut_until > now
    held_s = max(0.0, level.held_until - now)
    return math.ceil(held_s + bucket.seconds + (LEARNED_S if learned else USED_S))


class _Look(NamedTuple):
    """*wait_s* until there is a token, *spare* of them now; *early*: until one that is kept for
    nobody.
    """

    wait_s: float
    spare: float
    speed: float = 0.0
    early: float = 0.0


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
    ) -> _Look:
        if level.out and level.out_at < now - OUT_S:
            level.out = 0
        behind = [till for other, till in level.waits.items() if URGENCY[other] < URGENCY[call]]
        closed = max(level.held_until, level.alone_until, *behind, 0.0)
        if closed > now:
            return _Look(closed - now, -1.0)
        if not bucket.most:
            return _look_at_shared(level, call, now)
        tries = _pace(level, now) < _widest(bucket) * NEARLY and now >= level.shut_until
        if URGENCY[call] >= URGENCY["preview"]:
            tries = tries and level.used >= STEADY
        ahead_s = _ahead_s(bucket, level, call) if tries else 0.0
        looked = _refilled if bucket.refills else _windowed
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
            level.level, level.at = _level(bucket, level, now) - 1, now
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
                    _narrow(bucket, level, now, tried=True)
                elif by >= TELLS_S:
                    _widen(bucket, level, now)
        beyond = any(_pace(self._at(one), now) > 1 for one in buckets if one.most)
        if late_s > (BEYOND_SLOW_S if beyond else SLOW_S) and not any(early):
            blamed = self._fullest(buckets, early, now, left=HALF)
            if blamed is not None:
                _narrow(blamed, self._at(blamed), now, tried=False)
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
            _narrow(blamed, self._at(blamed), now, tried=tried)
        for bucket, by in zip(buckets, early, strict=True):
            level = self._at(bucket)
            level.out = max(0, level.out - (1 if by else 0))
            if not bucket.most:
                _note_refusal(level, buckets[0].key, seconds, now)

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
            most = _most(bucket, level, now)
            tokens = most - _count(bucket, level, now)
            if bucket.refills:
                tokens = _level(bucket, level, now)
            # More than was promised is blamed first.
            beyond = by > 0 or _pace(level, now) > 1
            share = 0.0 if beyond or tokens < 1 else tokens / most
            if share <= left:
                full.append((share, bucket.seconds, bucket))
        return min(full, key=lambda one: one[:2])[2] if full else None

    def _at(self, bucket: Bucket) -> Level:
        return self._levels.setdefault(bucket.key, Level())


def _ahead_s(bucket: Bucket, level: Level, call: Call) -> float:
    """By how much a token may be tried early."""
    if bucket.refills:
        tokens = EARLY_TOKENS[call if bucket.fastest <= 1 else "preview"]
        return tokens * bucket.seconds / bucket.most
    return min(EARLIEST_S, EARLY_S * 2.0**level.successes)


def _widest(bucket: Bucket) -> float:
    """How many times as wide, or as fast, as promised a bucket may be found to be."""
    return max(1.0, bucket.upto / bucket.most, bucket.fastest)


def _pace(level: Level, now: float) -> float:
    """How many times as wide, or as fast, as promised a bucket is known to be."""
    return math.pow(level.learned, math.pow(0.5, (now - level.learned_at) / UNLEARN_S))


def _most(bucket: Bucket, level: Level, now: float) -> float:
    """How many tokens a bucket holds; of one that refills, with what it grew by."""
    pace = _pace(level, now)
    if bucket.fastest > 1:
        pace = min(1.0, pace)
    return max(1.0, bucket.most * pace + 0.001)


def _speed(bucket: Bucket, level: Level, now: float) -> float:
    """How many tokens a second come back into a bucket that refills."""
    pace = _pace(level, now)
    if bucket.fastest <= 1:
        pace = min(1.0, pace)
    return bucket.most / bucket.seconds * pace


def _count(bucket: Bucket, level: Level, now: float) -> int:
    return sum(at > now - bucket.seconds for at, _ in level.taken)


def _level(bucket: Bucket, level: Level, now: float) -> float:
    """The tokens of a bucket that refills; below zero where some were taken early."""
    most = _most(bucket, level, now)
    if level.level is None:
        return most
    return min(most, level.level + (now - level.at) * _speed(bucket, level, now))


def _look_at_shared(level: Level, call: Call, now: float) -> _Look:
    """A bucket without a size: it only counts, until a limit has shown itself."""
    if level.shut_until <= now:
        return _Look(0.0, 100.0)
    most = max(1, int(level.learned))
    keep = most // 4 if URGENCY[call] >= URGENCY["preview"] else 0
    times = [at for at, _ in level.taken if at > now - 1.0]
    return _until_free(times, most - keep, 1.0, now)


def _refilled(
    bucket: Bucket, level: Level, call: Call, now: float, growing: int, ahead_s: float
) -> _Look:
    keep = min(bucket.reserve, bucket.most - 1) if URGENCY[call] >= URGENCY["preview"] else 0
    tokens, speed = _level(bucket, level, now), _speed(bucket, level, now)
    needed = min(_most(bucket, level, now), 1.0 + keep)
    return _Look(
        max(0.0, (needed - tokens) / speed),
        tokens + ahead_s * speed - keep,
        # Where more is tried it is planned with.
        speed * 2 if ahead_s and bucket.fastest > 1 else speed,
        max(0.0, (1 - tokens) / speed),
    )


def _windowed(
    bucket: Bucket, level: Level, call: Call, now: float, growing: int, ahead_s: float
) -> _Look:
    most = int(_most(bucket, level, now))
    taken = [one for one in level.taken if one[0] > now - bucket.seconds]
    times = [at for at, _ in taken]
    token = _until_free(times, most, bucket.seconds, now)
    if call == "nicety":
        return _Look(0.0 if token.spare > most / 2 else LOOK_AGAIN_S, token.spare)
    if call != "preview":
        return token._replace(early=token.wait_s)
    firsts = [at for at, why in taken if why == "first"]
    open_ones = max(growing, len(firsts) - sum(why == "final" for _, why in taken))
    keep = min(most - 1, bucket.reserve + open_ones - 1)
    # As many as came lately are expected again: their first and final texts go before.
    before = firsts[: len(firsts) - min(len(firsts), open_ones)]
    rate = max(((len(before) - n) / max(1.0, now - at) for n, at in enumerate(before)), default=0)
    # What is left when a token comes back, just before.
    wait_s, spare = 0.0, float(most - keep)
    for n, at in enumerate(times):
        back_s = at + bucket.seconds - now
        left = token.spare + n - keep - int(2 * rate * back_s)
        if left < 1:
            wait_s = back_s
        if back_s > ahead_s:
            spare = min(spare, left)
    return _Look(wait_s, spare, early=token.wait_s)


def _until_free(times: Sequence[float], most: int, seconds: float, now: float) -> _Look:
    """How many of *most* in any *seconds* are left of those taken at *times*, oldest first."""
    spare = most - len(times)
    return _Look(0.0 if spare > 0 else times[-most] + seconds - now, spare)


def _widen(bucket: Bucket, level: Level, now: float) -> None:
    """More than was known has passed."""
    level.successes += 1
    if not bucket.refills:
        wider = _count(bucket, level, now) / bucket.most
    elif bucket.fastest > 1:
        wider = _pace(level, now) * 2
    else:
        # It held what was taken of it, too.
        owed = max(0.0, -_level(bucket, level, now))
        grown = _most(bucket, level, now) + owed
        wider, level.level, level.at = grown * WIDER / bucket.most, 0.0, now
    wider = min(_widest(bucket), wider)
    level.learned, level.learned_at = max(_pace(level, now), wider), now


def _narrow(bucket: Bucket, level: Level, now: float, *, tried: bool) -> None:
    """So much does not pass; *tried*: it was more than was known to."""
    pace = _pace(level, now)
    if bucket.refills:
        # What was found by doubling is at least half of that.
        narrower = max(SLOWEST, pace * (NARROWER if tried or pace > 1 else SLOWER))
        narrower = min(pace, max(1.0, narrower)) if tried or pace > 1 else narrower
    else:
        passed = _count(bucket, level, now) - 1
        kept = passed if tried else int(passed * NARROWER)
        narrower = min(pace, max(1 / bucket.most, kept / bucket.most, pace * SLOWER))
    level.learned, level.learned_at = narrower, now
    level.successes, level.shut_until = 0, now + TRY_AGAIN_S


def _note_refusal(level: Level, place: str, seconds: float, now: float) -> None:
    """Refusals in several places at once: what they share has a limit after all."""
    recent = [one for one in level.refusals if one[0] > now - WITHIN_S and one[1] != place]
    level.refusals = [*recent, (now, place, seconds)]
    if len(level.refusals) < CHATS or now - level.learned_at < SETTLES_S:
        return
    level.held_until = now + min(one[2] for one in level.refusals)
    passed = sum(at > now - 1.0 for at, _ in level.taken)
    if level.shut_until > now:
        passed = max(passed, int(level.learned))
    level.learned, level.learned_at = max(1.0, passed * NARROWER), now
    level.shut_until = now + SHARED_S


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
