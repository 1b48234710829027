"""What is known of one bucket: what it holds, when the next token is there, what was learned."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from core.budget import LOOK_AGAIN_S, URGENCY, Call
from core.platform import Bucket

CLOCK_BACK_S = 1.0
"""A clock that stepped back by less is a matter of rounding."""
EARLY_S, EARLIEST_S = 3.0, 6.0
"""A token is tried so early at first; after each that passed twice as early, up to this. What is
early by less than Telegram's own patience (8 s) it answers late, and does not refuse."""
EARLY_TOKENS: dict[Call, float] = {"final": 1.5, "first": 3.0, "preview": 1.5, "nicety": 0.0}
"""So many tokens of a bucket that refills may be tried early."""
TRY_AGAIN_S = 1800.0
WIDER = 1.1
"""A burst that held more than was known may hold so much more than that."""
NARROWER = 0.8
SLOWER, SLOWEST = 0.5, 0.1
"""A refusal leaves so much of what had passed, and of the speed at which tokens come back."""
LEARNED_S, USED_S = 14 * 24 * 3600.0, 600.0
"""In a place that is not used what was learned is kept for so long; that it was used, so long."""
UNLEARN_S = 24 * 3600.0
"""Half of what was learned is forgotten in so long."""
CHATS, WITHIN_S = 3, 10.0
"""Refusals in so many places within so long show a limit that they share."""
SETTLES_S = 2.0
"""What was called before such a limit was known is answered by then."""
SHARED_S = 600.0
"""For so long that limit is believed in; what it is has shown in the last second."""


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


class Look(NamedTuple):
    """*wait_s* until there is a token, *spare* of them now; *early*: until one that is kept for
    nobody.
    """

    wait_s: float
    spare: float
    speed: float = 0.0
    early: float = 0.0


def early_s(bucket: Bucket, level: Level, call: Call) -> float:
    """By how much a token may be tried early."""
    if bucket.refills:
        tokens = EARLY_TOKENS[call if bucket.fastest <= 1 else "preview"]
        return tokens * bucket.seconds / bucket.most
    return min(EARLIEST_S, EARLY_S * 2.0**level.successes)


def widest(bucket: Bucket) -> float:
    """How many times as wide, or as fast, as promised a bucket may be found to be."""
    return max(1.0, bucket.upto / bucket.most, bucket.fastest)


def pace_of(level: Level, now: float) -> float:
    """How many times as wide, or as fast, as promised a bucket is known to be."""
    return math.pow(level.learned, math.pow(0.5, (now - level.learned_at) / UNLEARN_S))


def holds(bucket: Bucket, level: Level, now: float) -> float:
    """How many tokens a bucket holds; of one that refills, with what it grew by."""
    pace = pace_of(level, now)
    if bucket.fastest > 1:
        pace = min(1.0, pace)
    return max(1.0, bucket.most * pace + 0.001)


def speed_of(bucket: Bucket, level: Level, now: float) -> float:
    """How many tokens a second come back into a bucket that refills."""
    pace = pace_of(level, now)
    if bucket.fastest <= 1:
        pace = min(1.0, pace)
    return bucket.most / bucket.seconds * pace


def count(bucket: Bucket, level: Level, now: float) -> int:
    return sum(at > now - bucket.seconds for at, _ in level.taken)


def tokens_of(bucket: Bucket, level: Level, now: float) -> float:
    """The tokens of a bucket that refills; below zero where some were taken early."""
    most = holds(bucket, level, now)
    if level.level is None:
        return most
    return min(most, level.level + (now - level.at) * speed_of(bucket, level, now))


def look_at_shared(level: Level, call: Call, now: float) -> Look:
    """A bucket without a size: it only counts, until a limit has shown itself."""
    if level.shut_until <= now:
        return Look(0.0, 100.0)
    most = max(1, int(level.learned))
    keep = most // 4 if URGENCY[call] >= URGENCY["preview"] else 0
    times = [at for at, _ in level.taken if at > now - 1.0]
    return until_free(times, most - keep, 1.0, now)


def refilled(
    bucket: Bucket, level: Level, call: Call, now: float, growing: int, ahead_s: float
) -> Look:
    keep = min(bucket.reserve, bucket.most - 1) if URGENCY[call] >= URGENCY["preview"] else 0
    tokens, speed = tokens_of(bucket, level, now), speed_of(bucket, level, now)
    needed = min(holds(bucket, level, now), 1.0 + keep)
    return Look(
        max(0.0, (needed - tokens) / speed),
        tokens + ahead_s * speed - keep,
        # Where more is tried it is planned with.
        speed * 2 if ahead_s and bucket.fastest > 1 else speed,
        max(0.0, (1 - tokens) / speed),
    )


def windowed(
    bucket: Bucket, level: Level, call: Call, now: float, growing: int, ahead_s: float
) -> Look:
    most = int(holds(bucket, level, now))
    taken = [one for one in level.taken if one[0] > now - bucket.seconds]
    times = [at for at, _ in taken]
    token = until_free(times, most, bucket.seconds, now)
    if call == "nicety":
        return Look(0.0 if token.spare > most / 2 else LOOK_AGAIN_S, token.spare)
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
    return Look(wait_s, spare, early=token.wait_s)


def until_free(times: Sequence[float], most: int, seconds: float, now: float) -> Look:
    """How many of *most* in any *seconds* are left of those taken at *times*, oldest first."""
    spare = most - len(times)
    return Look(0.0 if spare > 0 else times[-most] + seconds - now, spare)


def widen(bucket: Bucket, level: Level, now: float) -> None:
    """More than was known has passed."""
    level.successes += 1
    if not bucket.refills:
        wider = count(bucket, level, now) / bucket.most
    elif bucket.fastest > 1:
        wider = pace_of(level, now) * 2
    else:
        # It held what was taken of it, too.
        owed = max(0.0, -tokens_of(bucket, level, now))
        grown = holds(bucket, level, now) + owed
        wider, level.level, level.at = grown * WIDER / bucket.most, 0.0, now
    wider = min(widest(bucket), wider)
    level.learned, level.learned_at = max(pace_of(level, now), wider), now


def narrow(bucket: Bucket, level: Level, now: float, *, tried: bool) -> None:
    """So much does not pass; *tried*: it was more than was known to."""
    pace = pace_of(level, now)
    if bucket.refills:
        # What was found by doubling is at least half of that.
        narrower = max(SLOWEST, pace * (NARROWER if tried or pace > 1 else SLOWER))
        narrower = min(pace, max(1.0, narrower)) if tried or pace > 1 else narrower
    else:
        passed = count(bucket, level, now) - 1
        kept = passed if tried else int(passed * NARROWER)
        narrower = min(pace, max(1 / bucket.most, kept / bucket.most, pace * SLOWER))
    level.learned, level.learned_at = narrower, now
    level.successes, level.shut_until = 0, now + TRY_AGAIN_S


def note_refusal(level: Level, place: str, seconds: float, now: float) -> None:
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
