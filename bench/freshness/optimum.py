"""The offline optimum: the best times to update, for who knows the whole trace.

Dynamic programming over the moments of a grid. The platform's sliding window is relaxed to
windows that stand side by side, so what comes out is a bound that no schedule can beat.
"""

from itertools import accumulate, pairwise
from math import inf

GRID_S = 0.1
MOST_MOMENTS = 900
LONGEST_GAP_S = 12.0


def best_area(trace, bucket, delay_s):
    """The least integral of unseen characters with the tokens of *bucket*, in char x s.

    An update sent at t is seen at t + *delay_s*; the last one, with all, goes out at the end.
    """
    step = max(GRID_S, trace.seconds / MOST_MOMENTS)
    count = int(trace.seconds / step)
    moments = [*(n * step for n in range(1, count + 1) if n * step < trace.seconds), trace.seconds]
    written = [trace.written(at) for at in moments]
    # whole[i]: the integral of all that was written, until what was sent at moment i is seen.
    spans = pairwise([-delay_s, *moments])
    whole = list(accumulate(trace.area(a + delay_s, b + delay_s, 0) for a, b in spans))
    window = [int(at / bucket.seconds) for at in moments]
    reach = max(2, int(LONGEST_GAP_S / step))
    # best[i][k]: the least area so far, the last update at moment i, the (k + 1)th of its window.
    best = []
    for j, at in enumerate(moments):
        least = [inf] * bucket.most
        least[0] = whole[j]
        for i in range(max(0, j - reach), j):
            area = whole[j] - whole[i] - written[i] * (at - moments[i])
            if window[i] == window[j]:
                for k, so_far in enumerate(best[i][:-1], 1):
                    least[k] = min(least[k], so_far + area)
            else:
                least[0] = min(least[0], min(best[i]) + area)
        best.append(least)
    return min(best[-1])
