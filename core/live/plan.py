"""How far apart the updates of an answer are planned. Pure; `core.live.pace` tells the law."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.live.length_model import LengthModel
from core.live.progress import Progress
from core.platform import Bucket

MOST_TOKENS = 64
"""The plan counts so many of the tokens that will come back."""


@dataclass
class Plan:
    """When the next preview may take a token of one bucket.

    Attributes:
        taken_at: when this process took tokens, the oldest first.
        next_at: when the next update is due.
        gap_s: the planned distance between the last update and `next_at`.
        chars_per_s: how fast the model was expected to write; 0.0 if that does not matter.
        answers: how many growing answers share the bucket.
    """

    taken_at: list[float]
    next_at: float = 0.0
    gap_s: float = 0.0
    chars_per_s: float = 0.0
    answers: int = 1

    def due_at(self, chars_per_s: float) -> float:
        """When the next update is due. It is earlier if the model writes faster than expected."""
        faster = max(1.0, chars_per_s / self.chars_per_s) if self.chars_per_s else 1.0
        return self.next_at - self.gap_s + self.gap_s / faster


def plan_gap_s(
    spare: float,
    back_s: Sequence[float],
    progress: Progress,
    length_model: LengthModel,
    now: float,
    answers: int,
) -> float:
    """How many seconds to wait until the next update. The top of `core.live.pace` has an example.

    Before the nth token comes back there are *spare* tokens and the n - 1 before it. The plan
    divides the updates planned until that moment among these and the nth. The longest distance
    found so for any n is taken.

    Args:
        spare: how many tokens are left now.
        back_s: in how many seconds tokens come back, the soonest first.
        length_model: how long answers get.
        now: the moment, by the loop's clock.
        answers: how many answers share the bucket, 1 or more. The more they are, the more even
            the distances: new answers begin where others end.
    """
    mean_per_s, writing_per_s = progress.mean_chars_per_s(now), progress.writing_chars_per_s
    further_chars = [seconds * mean_per_s for seconds in back_s]
    power = 0.5 / math.sqrt(answers)
    planned = length_model.planned_chars(progress.written_chars, further_chars, power)
    return max(
        chars / writing_per_s / (spare + n) if spare + n > 0 else seconds
        for n, (seconds, chars) in enumerate(zip(back_s, planned, strict=True), 1)
    )


def tokens_back_s(
    bucket: Bucket, tokens_per_s: float, taken_at: Sequence[float], now: float
) -> Sequence[float]:
    """In how many seconds each token of *bucket* comes back, the soonest first."""
    if bucket.refills:
        return [n / tokens_per_s for n in range(1, MOST_TOKENS)]
    return [at + bucket.seconds - now for at in taken_at if at > now - bucket.seconds]
