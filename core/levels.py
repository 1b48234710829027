"""What is known of one bucket: what it holds, when the next token is there, what was learned."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from core.budget import LOOK_AGAIN_S, URGENCY, Call
from core.platform import Bucket

CLOCK_BACK_S = 1.0
"""A clock that stepped back by less is a matter of rounding."""
EARLY_S, EARLY_TOKENS = 5.0, 1.5
"""A token is tried so early; of a bucket that refills, by so many tokens. What is early by less
than Telegram's own patience (8 s) it answers late, and does not refuse."""
TRY_AGAIN_S = 1800.0
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
        spent, at: how many tokens of one that refills were not yet back, and when.
        learned, learned_at: how many times as wide, or as fast, as promised it is taken to be, and
            since when.
        proven: so much of that has passed; what is more is tried, one call at a time.
        out_at: since when a try is under way; 0.0: none is.
        shut_until: until then nothing is tried; where nobody knows a limit: one is believed in.
        held_until: nobody may call until then.
        alone, alone_until: the next call goes alone, for its end shows whether others may.
        waits: until when somebody waits for a token, by what for.
        refusals: where lately, when, and for how long, of the places that share it.
    """

    seen_at: float = 0.0
    used: int = 0
    taken: list[tuple[float, Call]] = []
    spent: float = 0.0
    at: float = 0.0
    learned: float = 1.0
    learned_at: float = 0.0
    proven: float = 1.0
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


def kept_s(seconds: float, level: Level, now: float) -> int:
    """For how long it is worth keeping what is known of a bucket of so many *seconds*."""
    learned = level.learned != 1.0 or level.shut_until > now
    held_s = max(0.0, level.held_until - now)
    return math.ceil(held_s + seconds + (LEARNED_S if learned else USED_S))


class Look(NamedTuple):
    """*wait_s* until there is a token, *spare* of them now; *early*: until one that is kept for
    nobody.
    """

    wait_s: float
    spare: float
    speed: float = 0.0
    early: float = 0.0


class View(NamedTuple):
    """How a bucket is looked at: it is taken to be as wide as *pace*, of which *proven* has passed
    (see `Level`), and planned with at *planned*.

    *ahead_s*: so much a token may be tried early; *growing*: see `Budget.take`.
    """

    now: float
    pace: float
    proven: float
    planned: float
    ahead_s: float = 0.0
    growing: int = 1


def early_s(bucket: Bucket) -> float:
    """By how much a token may be tried early."""
    return EARLY_TOKENS * bucket.seconds / bucket.most if bucket.refills else EARLY_S


def widest(bucket: Bucket) -> float:
    """How many times as wide, or as fast, as promised a bucket may be found to be."""
    return max(1.0, bucket.upto / bucket.most, bucket.fastest) if bucket.most else 1.0


def pace_of(level: Level, now: float) -> float:
    """How many times as wide, or as fast, as promised a bucket is known to be."""
    return math.pow(level.learned, math.pow(0.5, (now - level.learned_at) / UNLEARN_S))


def holds(bucket: Bucket, pace: float) -> float:
    """How many tokens a bucket holds; where they come back faster, bursts are smaller."""
    pace = 1 / pace if bucket.fastest > 1 and pace > 1 else pace
    return max(1.0, bucket.most * pace + 0.001)


def speed_of(bucket: Bucket, pace: float) -> float:
    """How many tokens a second come back into a bucket that refills."""
    return bucket.most / bucket.seconds * (pace if bucket.fastest > 1 else min(1.0, pace))


def count(bucket: Bucket, level: Level, now: float) -> int:
    return sum(at > now - bucket.seconds for at, _ in level.taken)


def spent_of(bucket: Bucket, level: Level, pace: float, now: float) -> float:
    """The tokens of a bucket that refills which are not yet back."""
    return max(0.0, level.spent - (now - level.at) * speed_of(bucket, pace))


def look_at_shared(level: Level, call: Call, now: float) -> Look:
    """A bucket without a size: it only counts, until a limit has shown itself."""
    if level.shut_until <= now:
        return Look(0.0, 100.0)
    most = max(1, int(level.learned))
    keep = most // 4 if URGENCY[call] >= URGENCY["preview"] else 0
    times = [at for at, _ in level.taken if at > now - 1.0]
    return until_free(times, most - keep, 1.0, now)


def refilled(bucket: Bucket, level: Level, call: Call, view: View) -> Look:
    # Where more is tried, the token that is kept is tried first.
    keeps = URGENCY[call] >= URGENCY["preview"] and not view.ahead_s
    keep = min(bucket.reserve, bucket.most - 1) if keeps else 0
    most, speed = holds(bucket, view.pace), speed_of(bucket, view.pace)
    spent = spent_of(bucket, level, view.pace, view.now)
    needed = min(most, 1.0 + keep)
    return Look(
        max(0.0, (needed - most + spent) / speed),
        holds(bucket, view.planned) - spent - keep,
        speed_of(bucket, view.planned),
        max(0.0, (1 - holds(bucket, view.proven) + spent) / speed),
    )


def windowed(bucket: Bucket, level: Level, call: Call, view: View) -> Look:
    now, most = view.now, int(holds(bucket, view.pace))
    taken = [one for one in level.taken if one[0] > now - bucket.seconds]
    times = [at for at, _ in taken]
    token = until_free(times, most, bucket.seconds, now)
    early = until_free(times, int(holds(bucket, view.proven)), bucket.seconds, now).wait_s
    if call == "nicety":
        return Look(0.0 if token.spare > most / 2 else LOOK_AGAIN_S, token.spare)
    if call != "preview":
        return token._replace(early=early)
    firsts = [at for at, why in taken if why == "first"]
    open_ones = max(view.growing, len(firsts) - sum(why == "final" for _, why in taken))
    keep = min(most - 1, bucket.reserve + open_ones - 1)
    # As many as came lately are expected again: their first and final texts go before.
    before = firsts[: len(firsts) - min(len(firsts), open_ones)]
    rate = max(((len(before) - n) / max(1.0, now - at) for n, at in enumerate(before)), default=0)
    # What is left when a token comes back, just before.
    more = int(holds(bucket, view.planned)) - most
    wait_s, spare = 0.0, float(most - keep)
    for n, at in enumerate(times):
        back_s = at + bucket.seconds - now
        left = token.spare + n - keep - int(2 * rate * back_s)
        if left < 1:
            wait_s = back_s
        if back_s > view.ahead_s:
            spare = min(spare, left)
    return Look(wait_s, spare + more, early=early)


def until_free(times: Sequence[float], most: int, seconds: float, now: float) -> Look:
    """How many of *most* in any *seconds* are left of those taken at *times*, oldest first."""
    spare = most - len(times)
    return Look(0.0 if spare > 0 else times[-most] + seconds - now, spare)


def width(bucket: Bucket, level: Level, pace: float, now: float) -> float:
    """How many times as wide as promised a bucket has just shown to be."""
    if bucket.fastest > 1:
        return pace
    taken = spent_of(bucket, level, pace, now) if bucket.refills else count(bucket, level, now)
    return taken / bucket.most


def passing(bucket: Bucket, level: Level, pace: float, now: float, *, tried: bool) -> float:
    """The pace that *bucket* is left with where a call did not pass.

    *tried*: it was more than was known to pass. Then what was promised is believed still.
    """
    beyond = tried or pace > 1
    least = 1.0 if beyond else pace * SLOWER
    if bucket.refills:
        if not beyond:
            return max(SLOWEST, least)
        passed = spent_of(bucket, level, pace, now) - 1
        kept = pace * SLOWER if bucket.fastest > 1 else passed / bucket.most
    else:
        passed = count(bucket, level, now) - 1.0
        kept = (passed if beyond else int(passed * NARROWER)) / bucket.most
    return min(pace, max(1 / bucket.most, kept, least))


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
