"""The best times to update, for who knows the traces, or all of them but not which it will be.

Dynamic programming over the moments of a grid. The platform's sliding windows are relaxed to
windows that stand side by side, and what a dripping bucket holds is rounded up, so what comes
out is a bound that no schedule can beat.
"""

from bisect import bisect_left
from itertools import accumulate, pairwise
from math import ceil, inf
from typing import NamedTuple

GRID_S = 0.1
"""One call is in flight at a time, for as long as `bench.freshness.world.DELAY_S`."""
COARSER = 300
"""Later than so many steps the grid gets coarser."""
LONGEST_GAP_S = 12.0


class Rule(NamedTuple):
    """What holds together: *most* calls in any *seconds*, and a bucket of *burst* calls, one of
    which drips back every *each_s*; 0: no such limit.
    """

    most: int = 0
    seconds: float = 60.0
    burst: int = 0
    each_s: float = 1.0

    def keeping(self, calls):
        """What is left where *calls* are kept at any time, for an end that may come."""
        most = max(1, self.most - calls) if self.most else 0
        return self._replace(most=most, burst=max(1, self.burst - calls) if self.burst else 0)


def least_unseen(traces, rules, delay_s):
    """The least mean of unseen characters that each of *rules* allows.

    With one trace, it is what can be done when the whole of it is known. With several, when it
    is known that the answer is one of them, but not which: when it will end.

    An update sent at t is seen at t + *delay_s*; the last one, with all, goes out at the end.
    Who does not know when that is keeps a call for it, so that it need not wait.
    """
    kept = 1 if len(traces) > 1 else 0
    return max(_least_unseen(traces, rule.keeping(kept), delay_s) for rule in rules)


def _least_unseen(traces, rule, delay_s):
    moments = _moments(traces)
    known = [_Known(trace, moments, delay_s, 1 / (len(traces) * trace.seconds)) for trace in traces]
    whole = [sum(areas) for areas in zip(*(one.whole for one in known), strict=True)]
    window = [int(at / rule.seconds) for at in moments]
    # A token is counted in as many parts as there are steps until it is back.
    parts = round(rule.each_s / GRID_S)
    most, full = rule.most or 1, rule.burst * parts or 1
    # best[i]: what can be, with the last update at moment i. (used, level): the least area so far;
    # that update is the used-th of its window behind the first, and *level* parts of tokens are
    # left in the bucket.
    best = []
    for j, moment in enumerate(moments):
        least = {(0, max(0, full - parts)): whole[j]}
        for i in range(min(bisect_left(moments, moment - LONGEST_GAP_S), max(0, j - 2)), j):
            area = whole[j] - whole[i] - sum(one.shown(i, j) for one in known)
            # A little in favour of the optimum.
            back = ceil((moment - moments[i]) / rule.each_s * parts - 1e-6) if rule.burst else 0
            same = rule.most and window[i] == window[j]
            for used, level, so_far in best[i]:
                now = min(full, level + back) - parts if rule.burst else 0
                then = used + 1 if same else 0
                if now < 0 or then >= most:
                    continue
                if so_far + area < least.get((then, now), inf):
                    least[then, now] = so_far + area
        best.append(_undominated(least))
    return min(so_far for _, _, so_far in best[-1])


def _undominated(least):
    """(used, level, area) of *least*, without those that another beats in all three."""
    kept = []
    for (used, level), area in sorted(least.items(), key=lambda one: (one[0][0], -one[0][1])):
        if not any(more >= level and other <= area for _, more, other in kept):
            kept.append((used, level, area))
    return kept


def _moments(traces):
    """When an update may go out; the last moment is the end of the longest of *traces*."""
    longest, moments = max(trace.seconds for trace in traces), []
    at = GRID_S
    while at < longest:
        moments.append(at)
        at += max(GRID_S, at / COARSER)
    moments.append(longest)
    return moments


class _Known:
    """A trace at *moments*, none of them behind its end; areas are counted *share* times.

    whole[i]: the area of all that was written, until what was sent at moment i is seen.
    """

    def __init__(self, trace, moments, delay_s, share):
        # The best moment for what is written then is when the last of it came.
        self._at = [trace.last_before(at) for at in moments]
        self._written = [share * trace.written(at) for at in self._at]
        spans = pairwise([-delay_s, *self._at])
        self.whole = list(
            accumulate(share * trace.area(a + delay_s, b + delay_s, 0) for a, b in spans)
        )

    def shown(self, i, j):
        """The area of what was shown from moment i to moment j."""
        return self._written[i] * (self._at[j] - self._at[i])
