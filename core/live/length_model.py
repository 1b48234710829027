"""How long answers get. The model begins with a guess and learns from each answer that ends.

Unseen characters are averaged over an answer's time. So an update behind the first *c* characters
has a worth: it sums 1 / length over all answers longer than *c*. Tokens are spent best when the
rate of updates follows the square root of that worth.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

CLASSES_CHARS = tuple(50 * 1.25**n for n in range(35))
"""The lengths that are told apart, in characters: up to some 20,000, and then to some 99,000."""
ASSUMED = (*[1.0] * 27, 4.0, *[0.02] * 7)
"""How likely each length is before anything is learned. All are equal up to 20,000 characters.
The class there has four times the weight, so that longer answers are planned for too."""
FORGET = 0.01
"""Each answer that ends replaces this part of what was known."""
LEFT = 0.05
"""This part of `ASSUMED` stays, however much is learned."""


class LengthModel:
    """The lengths of the answers that ended. The latest count most."""

    def __init__(self) -> None:
        self._likely = list(ASSUMED)
        self._worth = _worth(self._likely)

    def note(self, chars: int) -> None:
        """Learn that an answer ended with *chars* characters."""
        ratio = CLASSES_CHARS[1] / CLASSES_CHARS[0]
        nearest = round(math.log(max(chars, CLASSES_CHARS[0]) / CLASSES_CHARS[0], ratio))
        pairs = zip(self._likely, ASSUMED, strict=True)
        self._likely = [likely + FORGET * (LEFT * assumed - likely) for likely, assumed in pairs]
        self._likely[min(nearest, len(CLASSES_CHARS) - 1)] += 1
        self._worth = _worth(self._likely)

    def planned_chars(
        self, written_chars: float, further_chars: Sequence[float], power: float
    ) -> list[float]:
        """How many updates are planned until each of *further_chars* more is written.

        Updates get rarer. So each number says for how many characters as many updates would be
        planned if the rate stayed as it is at *written_chars*.

        Args:
            further_chars: characters behind *written_chars*, growing.
            power: the rate follows the worth of an update to this power; 0.5 where an answer
                has the tokens for itself.
        """
        here = bisect_right(CLASSES_CHARS, written_chars)
        starts, worth = [written_chars, *CLASSES_CHARS[here:]], self._worth[here:]
        # Nothing is known of answers longer than all classes.
        rates = [*(math.pow(one / worth[0], power) for one in worth), 1.0]
        pieces = zip(rates, pairwise(starts), strict=False)
        due = [*accumulate((rate * (end - start) for rate, (start, end) in pieces), initial=0.0)]

        def planned(till_chars: float) -> float:
            last = bisect_right(starts, till_chars) - 1
            return due[last] + rates[last] * (till_chars - starts[last])

        return [planned(written_chars + more) for more in further_chars]


def _worth(likely: Sequence[float]) -> list[float]:
    """The worth of an update in each class: it serves the answers of this class and all longer."""
    each = [one / chars for one, chars in zip(likely, CLASSES_CHARS, strict=True)]
    return [*accumulate(reversed(each))][::-1]
