"""Token traces, generated or recorded: when a model had written how many characters."""

import json
import math
import random
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

CHARS_PER_TOKEN = 4
SPEEDS = (20, 60, 200)
"""Tokens a second."""
LENGTHS = (50, 400, 1_500, 5_000, 20_000)
USUAL_CHARS = 900
RECORDED = Path(__file__).with_name("recorded")
"""What `bench.freshness.record` kept (demo-…); and when characters came that others published:
openai-count, gpt-3.5-turbo counting to 100 (OpenAI's cookbook, "How to stream completions");
ollama-…, by the `created_at` of two streams, Mistral on a Mac and Gemma on a Pentium N3520."""
SHAPES = ("steady", "bursts", "stalls")


@dataclass(frozen=True)
class Trace:
    """*times* (seconds, rising) and *chars* (written by then, rising)."""

    name: str
    times: tuple
    chars: tuple

    @property
    def seconds(self):
        return self.times[-1]

    @property
    def total(self):
        return self.chars[-1]

    def written(self, at):
        index = bisect_right(self.times, at)
        return self.chars[index - 1] if index else 0

    def last_before(self, at):
        """When something was written last, *at* that time or before; the first time, if not yet."""
        return self.times[max(0, bisect_right(self.times, at) - 1)]

    def area(self, start, end, shown):
        """The integral of (written - shown) from *start* to *end*, in characters x seconds."""
        if end <= start:
            return 0.0
        area, at, have = 0.0, start, self.written(start)
        for index in range(bisect_right(self.times, start), len(self.times)):
            time = self.times[index]
            if time >= end:
                break
            area += (have - shown) * (time - at)
            at, have = time, self.chars[index]
        return area + (have - shown) * (end - at)


def make(speed, length, shape, seed=0, tokens_per_delta=1):
    """A model that writes *length* characters at *speed*, steadily, in bursts, or with stalls."""
    chance = random.Random(f"{seed} {speed} {length} {shape}")
    now, times, sizes = 0.0, [], []
    left = length
    while left > 0:
        count = tokens_per_delta * (chance.randint(5, 25) if shape == "bursts" else 1)
        size = min(left, sum(chance.randint(2, 6) for _ in range(count)))
        now += count / speed * chance.uniform(0.7, 1.3)
        if shape == "stalls" and chance.random() < 20 / max(length / CHARS_PER_TOKEN, 60):
            now += chance.uniform(0.5, 4)
        times.append(now)
        sizes.append(size)
        left -= size
    return Trace(f"{speed}/s {length} {shape}", tuple(times), tuple(accumulate(sizes)))


def generated():
    return [
        make(speed, length, shape) for speed in SPEEDS for length in LENGTHS for shape in SHAPES
    ]


def usual_lengths(count, seed):
    """Lengths of *count* answers as people get them: two thirds within 2.5 times the median."""
    chance = random.Random(seed)
    shortest, longest = LENGTHS[0], LENGTHS[-1]
    lengths = [round(chance.lognormvariate(math.log(USUAL_CHARS), 0.9)) for _ in range(count)]
    return [min(max(one, shortest), longest) for one in lengths]


def recorded():
    """The recorded traces, from their first character on."""
    traces = []
    for path in sorted(RECORDED.glob("*.json")):
        points = json.loads(path.read_text())
        times, chars = zip(*points, strict=True)
        traces.append(Trace(path.stem, tuple(at - times[0] for at in times), chars))
    return traces
