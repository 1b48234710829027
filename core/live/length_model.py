"""How long answers get: something is assumed, the rest is learned from those that ended.

An answer's unseen characters are averaged over its time, so an update behind its first *c*
characters is worth as much as there are answers longer than *c*, each counted one over its
length. Tokens are spent best where the rate of updates follows the square root of that.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

CLASSES = tuple(50 * 1.25**n for n in range(35))
"""In characters: up to 20,000 and a little, and then to what no model means to say."""
ASSUMED = (*[1.0] * 27, 4.0, *[0.02] * 7)
"""How likely each class is until more is known: all the same, and hardly longer than 20,000, of
which planning for 20,000 takes care."""
FORGET = 0.01
"""How much of what was learned an answer takes the place of."""
LEFT = 0.05
"""How much of what was assumed is believed in the end, when much was learned."""


class LengthModel:
    """The lengths of the answers that ended, the latest of which count most."""

    def __init__(self) -> None:
        self._likely = list(ASSUMED)
        self._worth = _worth(self._likely)

    def note(self, chars: int) -> None:
        """An answer ended with *chars*."""
        nearest = round(math.log(max(chars, CLASSES[0]) / CLASSES[0], CLASSES[1] / CLASSES[0]))
        pairs = zip(self._likely, ASSUMED, strict=True)
        self._likely = [likely + FORGET * (LEFT * assumed - likely) for likely, assumed in pairs]
        self._likely[min(nearest, len(CLASSES) - 1)] += 1
        self._worth = _worth(self._likely)

    def shares(self, chars: float, further: Sequence[float], power: float) -> list[float]:
        """How many updates are due until each of *further* characters behind *chars*.

        Counted in those that would be due at the rate of right now; the rate falls with the
        *power* (0.5 where tokens are an answer's own) of the worth of an update.
        """
        here = bisect_right(CLASSES, chars)
        starts, worth = [chars, *CLASSES[here:]], self._worth[here:]
        # Longer than all: who knows.
        rates = [*(math.pow(one / worth[0], power) for one in worth), 1.0]
        pieces = zip(rates, pairwise(starts), strict=False)
        due = [*accumulate((rate * (end - start) for rate, (start, end) in pieces), initial=0.0)]

        def share(till: float) -> float:
            last = bisect_right(starts, till) - 1
            return due[last] + rates[last] * (till - starts[last])

        return [share(chars + more) for more in further]


def _worth(likely: Sequence[float]) -> list[float]:
    """The worth of an update in each class: of its own answers and all longer ones."""
    each = [one / chars for one, chars in zip(likely, CLASSES, strict=True)]
    return [*accumulate(reversed(each))][::-1]
