"""The law of one bucket: when the next token is there, and what the calls teach.

Most buckets count calls in a window: a token comes back *seconds* after it was taken. A bucket that
*refills* gets one token back every *seconds* / *most* instead. A *try* is a token that is given out
a little before it is back, to find out whether the place allows more than the platform promises.

An example. A bucket promises 4 calls in any 60 s. It keeps 1 token for final texts (`reserve`), and
8 calls were once seen to pass in such a place (`upto`).

1. Previews take tokens at 0, 10 and 20 s. A preview at 30 s must wait, because the last token is
   kept. A final text takes it at 31 s.
2. The token of 0 s comes back at 60 s. But from 55 s on (`EARLY_S`) a final text may take it as a
   try. Only one call tries at a time. A call that comes meanwhile asks again after 0.1 s.
3. The platform answers the try at once: 5 calls have passed in 60 s. So 5 / 4 = 1.25 times the
   promise is *proven*. What is *learned* becomes 8 / 4 = 2: the budget now plans with 8 tokens.
   Each call beyond the 5 proven ones is again a try.
4. Or the platform refuses the try for 30 s. Then nobody calls for 30.1 s, the first call after that
   goes alone, and for `TRY_AGAIN_S` the bucket keeps to its 4 calls. If the platform answers the
   try more than 1.5 s late, the bucket keeps to its 4 calls too, but nobody has to be silent.

The learned pace fades towards 1.0, the promise: 2.0 becomes 1.41 after a day (`UNLEARN_S`), 0.5
becomes 0.71 after a minute (`REGAIN_S`).
`core.buckets` applies this law to all buckets of a call.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from core.budget import LOOK_AGAIN_S, URGENCY, Call
from core.platform import Bucket

CLOCK_BACK_S = 1.0
"""A smaller step back of the clock is only rounding."""
EARLY_S, EARLY_TOKENS = 5.0, 1.5
"""How early a token may be tried: in seconds, or in tokens if the bucket refills. Telegram itself
waits up to 8 s before it refuses: a call that is less early than that is only answered late."""
TRY_AGAIN_S = 1800.0
"""How long nothing is tried after a try failed."""
NARROWER = 0.8
SLOWER = 0.5
"""The share that is left after a refusal: of the calls that had passed (`NARROWER`), or of the
pace (`SLOWER`). What refills never gets slower than this share of the promised speed: how long to
be silent, the platform says itself."""
LEARNED_S, USED_S = 14 * 24 * 3600.0, 600.0
"""How long an unused place is remembered: if something was learned there, and if not."""
UNLEARN_S, REGAIN_S = 24 * 3600.0, 60.0
"""Half of what was learned is forgotten in this time: that a place allows more, that it allows
less. The promise stands in the platform's documents; a refusal may have had another reason."""
CHATS, WITHIN_S = 3, 10.0
"""Refusals in this many chats within this time show a limit that the chats share."""
SETTLES_S = 2.0
"""By then the platform has answered the calls that were made before the limit was known."""
SHARED_S = 600.0
"""How long the shared limit holds. Its size: the calls that passed in the second before."""


class Level(msgspec.Struct):
    """What is kept of one bucket. Times are in seconds.

    Attributes:
        seen_at: when the bucket was read last.
        used: how many tokens were ever taken.
        taken: when tokens were taken, and for which calls; the latest last.
        spent, at: if the bucket refills: how many tokens were not yet back, at which time.
        learned, learned_at: how many times as wide, or as fast, as promised the bucket is taken to
            be, and when that was learned.
        proven: how many times as wide as promised calls have really passed. More is a try.
        out_at: when the try under way began; 0.0 if there is none.
        shut_until: nothing is tried until then. If the bucket has no size: how long the limit holds
            that was found.
        held_until: no call may be made until then.
        alone, alone_until: the next call goes alone. Its end shows whether others may follow.
        waits: for each kind of call, until when a call of this kind waits for a token.
        refusals: time, place and length of the latest refusals in places that share the bucket.
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
    """If the clock stepped back since *level* was read last, move all its times back too."""
    back_s, level.seen_at = level.seen_at - now, now
    if back_s <= CLOCK_BACK_S:
        return
    level.taken = [(at - back_s, call) for at, call in level.taken]
    level.waits = {call: till - back_s for call, till in level.waits.items()}
    level.refusals = [(at - back_s, place, seconds) for at, place, seconds in level.refusals]
    for name in ("at", "learned_at", "out_at", "shut_until", "held_until", "alone_until"):
        setattr(level, name, getattr(level, name) - back_s)


def kept_s(seconds: float, level: Level, now: float) -> int:
    """How long the *level* of a bucket of *seconds* should be kept, from *now* on."""
    learned = level.learned != 1.0 or level.shut_until > now
    held_s = max(0.0, level.held_until - now)
    return math.ceil(held_s + seconds + (LEARNED_S if learned else USED_S))


class Look(NamedTuple):
    """What one bucket says to a call.

    *wait_s*: seconds until there is a token. *spare*: how many tokens there are now. *speed*: how
    many come back a second, if the bucket refills. *early*: seconds until there would be a token if
    the bucket were only as wide as proven; above 0, the call is a try.
    """

    wait_s: float
    spare: float
    speed: float = 0.0
    early: float = 0.0


class View(NamedTuple):
    """What a bucket is taken to be at the moment *now*.

    *pace*, *proven* and *planned* say how many times as wide as promised the bucket is known to be,
    has been seen to be, and is planned with. *ahead_s*: how early a token may be tried. *growing*:
    see `Budget.take`.
    """

    now: float
    pace: float
    proven: float
    planned: float
    ahead_s: float = 0.0
    growing: int = 1


def early_s(bucket: Bucket) -> float:
    """How many seconds early a token may be tried."""
    return EARLY_TOKENS * bucket.seconds / bucket.most if bucket.refills else EARLY_S


def widest(bucket: Bucket) -> float:
    """The most: how many times as wide, or as fast, as promised a bucket may turn out to be."""
    return max(1.0, bucket.upto / bucket.most, bucket.fastest) if bucket.most else 1.0


def pace_of(level: Level, now: float) -> float:
    """How many times as wide, or as fast, as promised the bucket is now known to be."""
    half_s = UNLEARN_S if level.learned > 1 else REGAIN_S
    return math.pow(level.learned, math.pow(0.5, (now - level.learned_at) / half_s))


def holds(bucket: Bucket, pace: float) -> float:
    """How many tokens a bucket holds. If tokens come back faster, it holds fewer."""
    pace = 1 / pace if bucket.fastest > 1 and pace > 1 else pace
    return max(1.0, bucket.most * pace + 0.001)


def speed_of(bucket: Bucket, pace: float) -> float:
    """How many tokens come back each second into a bucket that refills."""
    return bucket.most / bucket.seconds * (pace if bucket.fastest > 1 else min(1.0, pace))


def count(bucket: Bucket, level: Level, now: float) -> int:
    return sum(at > now - bucket.seconds for at, _ in level.taken)


def spent_of(bucket: Bucket, level: Level, pace: float, now: float) -> float:
    """How many tokens of a bucket that refills are not yet back."""
    return max(0.0, level.spent - (now - level.at) * speed_of(bucket, pace))


def look_at_shared(level: Level, call: Call, now: float) -> Look:
    """A bucket without a size only counts the calls, until a limit is found."""
    if level.shut_until <= now:
        return Look(0.0, 100.0)
    most = max(1, int(level.learned))
    keep = most // 4 if URGENCY[call] >= URGENCY["preview"] else 0
    times = [at for at, _ in level.taken if at > now - 1.0]
    return until_free(times, most - keep, 1.0, now)


def refilled(bucket: Bucket, level: Level, call: Call, view: View) -> Look:
    # While more can be tried, the kept token is given out too, before any try.
    keeps = URGENCY[call] >= URGENCY["preview"] and not view.ahead_s
    keep = min(bucket.reserve, bucket.most - 1) if keeps else 0
    most, speed = holds(bucket, view.pace), speed_of(bucket, view.pace)
    spent = spent_of(bucket, level, view.pace, view.now)
    needed = min(most, 1.0 + keep)
    wait_s = max(0.0, (needed - most + spent) / speed)
    if URGENCY[call] < URGENCY["preview"]:
        wait_s = min(wait_s, at_once_s(bucket, level, view))
    return Look(
        wait_s,
        holds(bucket, view.planned) - spent - keep,
        speed_of(bucket, view.planned),
        max(0.0, (1 - holds(bucket, view.proven) + spent) / speed),
    )


def at_once_s(bucket: Bucket, level: Level, view: View) -> float:
    """How long an urgent call waits in a place that was found to be faster than promised.

    Previews take one token at a time there, because so a minute's tokens are best spent. People who
    ask at once should see their first texts at once: those take all tokens of a second together.
    What was promised may go together in any case.
    """
    if bucket.fastest <= 1 or view.pace <= 1:
        return math.inf
    times = [at for at, _ in level.taken]
    each_s = bucket.seconds / bucket.most
    return min(
        until_free(times, max(1, int(view.pace + 0.001)), each_s, view.now).wait_s,
        until_free(times, bucket.most, bucket.seconds, view.now).wait_s,
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
    # As many new answers are expected as came lately. Their first and final texts go first.
    before = firsts[: len(firsts) - min(len(firsts), open_ones)]
    rate = max(((len(before) - n) / max(1.0, now - at) for n, at in enumerate(before)), default=0)
    # For each token: how many are left just before it comes back.
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
    """When a window of *most* tokens, taken at *times* (oldest first), has a free one."""
    spare = most - len(times)
    return Look(0.0 if spare > 0 else max(0.0, times[-most] + seconds - now), spare)


def width(bucket: Bucket, level: Level, pace: float, now: float) -> float:
    """How many times as wide as promised the bucket was in the last *seconds*."""
    if bucket.fastest > 1:
        return pace
    taken = spent_of(bucket, level, pace, now) if bucket.refills else count(bucket, level, now)
    return taken / bucket.most


def passing(bucket: Bucket, level: Level, pace: float, now: float, *, tried: bool) -> float:
    """The pace that is left for *bucket* after a call did not pass.

    *tried*: the call was a try. Then the pace does not fall below the promise.
    """
    beyond = tried or pace > 1
    least = 1.0 if beyond else pace * SLOWER
    if bucket.refills:
        if not beyond:
            return SLOWER
        passed = spent_of(bucket, level, pace, now) - 1
        kept = pace * SLOWER if bucket.fastest > 1 else passed / bucket.most
    else:
        passed = count(bucket, level, now) - 1.0
        kept = (passed if beyond else int(passed * NARROWER)) / bucket.most
    return min(pace, max(1 / bucket.most, kept, least))


def note_refusal(level: Level, place: str, seconds: float, now: float) -> None:
    """Note a refusal in *place*; refusals in `CHATS` places at once show a shared limit."""
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
