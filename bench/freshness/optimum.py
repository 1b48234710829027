"""The offline optimum: the best times to update, for who knows the traces.

Dynamic programming over the moments of a grid. The platform's sliding windows are relaxed to
windows that stand side by side, so what comes out is a bound that no schedule can beat.
"""

from bisect import bisect_left
from itertools import accumulate, pairwise
from math import inf

GRID_S = 0.1
"""One call is in flight at a time, for as long as `bench.freshness.world.DELAY_S`."""
COARSER = 600
"""Later than so many steps the grid gets coarser."""
LONGEST_GAP_S = 12.0


def least_unseen(traces, windows, delay_s):
    """The least mean of unseen characters that *windows*, each (calls, seconds), allow.

    With one trace, it is what can be done when the whole of it is known. With several, when it
    is known that the answer is one of them, but not which: when it will end.

    An update sent at t is seen at t + *delay_s*; the last one, with all, goes out at the end.
    """
    return max(_least_unseen(traces, most, seconds, delay_s) for most, seconds in windows)


def _least_unseen(traces, most, seconds, delay_s):
    moments = _moments(traces)
    known = [_Known(trace, moments, delay_s, 1 / (len(traces) * trace.seconds)) for trace in traces]
    whole = [sum(areas) for areas in zip(*(one.whole for one in known), strict=True)]
    window = [int(at / seconds) for at in moments]
    # best[i][k]: the least area so far, the last update at moment i, the (k + 1)th of its window.
    best = []
    for j, moment in enumerate(moments):
        least = [inf] * most
        least[0] = whole[j]
        for i in range(min(bisect_left(moments, moment - LONGEST_GAP_S), max(0, j - 2)), j):
            area = whole[j] - whole[i] - sum(one.shown(i, j) for one in known)
            if window[i] == window[j]:
                for k, so_far in enumerate(best[i][:-1], 1):
                    least[k] = min(least[k], so_far + area)
            else:
                least[0] = min(least[0], min(best[i]) + area)
        best.append(least)
    return min(best[-1])


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
