"""How long answers get: something is assumed, the rest is learned from those that ended.

An answer's unseen characters are averaged over its time, so an update behind its first *c*
characters is worth as much as there are answers longer than *c*, each counted one over its
length. Tokens are spent best where the rate of updates follows the square root of that.
"""

import math
from collections.abc import Sequence
from itertools import accumulate

CLASSES = tuple(50 * 1.25**n for n in range(35))
"""In characters: up to 20,000 and a little, and then to what no model means to say."""
ASSUMED = (*[1.0] * 27, 4.0, *[0.02] * 7)
"""How likely each class is until more is known: all the same, and hardly longer than 20,000, of
which planning for 20,000 takes care."""
FORGET = 0.01
"""How much of what was learned an answer takes the place of."""


class Lengths:
    """The lengths of the answers that ended, the latest of which count most."""

    def __init__(self) -> None:
        self._likely = list(ASSUMED)
        self._worth: list[float] = []
        self._weigh()

    def note(self, chars: int) -> None:
        """An answer ended with *chars*."""
        nearest = round(math.log(max(chars, CLASSES[0]) / CLASSES[0], CLASSES[1] / CLASSES[0]))
        pairs = zip(self._likely, ASSUMED, strict=True)
        self._likely = [likely + FORGET * (assumed - likely) for likely, assumed in pairs]
        self._likely[min(nearest, len(CLASSES) - 1)] += 1
        self._weigh()

    def shares(self, chars: float, further: Sequence[float], power: float) -> list[float]:
        """How many updates are due until each of *further* (rising) characters behind *chars*.

        Counted in those that would be due at the rate of right now; the rate falls with the
        *power* (0.5 where tokens are an answer's own) of the worth of an update.
        """
        shares: list[float] = []
        due, at, rate, now = 0.0, chars, 1.0, 0.0
        classes = zip(CLASSES, self._worth, strict=True)
        length = 0.0
        for till in (chars + more for more in further):
            while at < till:
                if length <= at:
                    length, worth = next(classes, (math.inf, now))
                    if length <= at:
                        continue
                    # Longer than all: who knows.
                    now = now or worth
                    rate = (worth / now) ** power if now else 1.0
                end = min(length, till)
                due += rate * (end - at)
                at = end
            shares.append(due)
        return shares

    def _weigh(self) -> None:
        """Find the worth of an update in each class: of its own answers and all longer ones."""
        each = [likely / chars for likely, chars in zip(self._likely, CLASSES, strict=True)]
        self._worth = [*accumulate(reversed(each))][::-1]
