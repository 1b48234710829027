"""The worked example of `core.levels` says what the law really does."""

import pytest

from core.buckets import Buckets
from core.budget import Call, Grant
from core.levels import TRY_AGAIN_S, Level
from core.platform import Bucket

BUCKET = Bucket("chat", 4, 60.0, reserve=1, upto=8)
BEGAN = 1_000.0
"""The moment that the example calls 0 s."""


class Example:
    def __init__(self) -> None:
        self._levels: dict[str, Level] = {}
        self.buckets = Buckets(self._levels)
        for at in (0, 10, 20):
            assert self.take("preview", at).wait_s == 0

    @property
    def level(self) -> Level:
        return self._levels[BUCKET.key]

    def take(self, call: Call, at: float) -> Grant:
        return self.buckets.take([BUCKET], call, BEGAN + at)


@pytest.fixture
def example():
    return Example()


def test_the_last_token_is_kept_for_a_final_text(example):
    """Step 1: a preview waits although a token is left, and a final text takes it."""
    assert example.take("preview", 30).wait_s > 0
    assert example.take("final", 31).wait_s == 0


def _tried(example: Example) -> Grant:
    example.take("final", 31)
    assert example.take("final", 54).wait_s > 0
    grant = example.take("final", 55.5)
    assert grant.wait_s == 0
    assert grant.early == pytest.approx([4.5])
    return grant


def test_one_call_at_a_time_takes_a_token_early(example):
    """Step 2: from 55 s on one final text is a try, and the next one asks again soon."""
    _tried(example)
    assert example.take("final", 55.6).wait_s == pytest.approx(0.1)


def test_a_try_that_passes_widens_the_bucket(example):
    """Step 3: 1.25 times the promise is proven, and 2 times is planned with."""
    grant = _tried(example)
    example.buckets.passed([BUCKET], grant, 0.0, BEGAN + 55.7)
    assert (example.level.proven, example.level.learned) == (1.25, 2.0)
    assert example.take("final", 55.8).early


@pytest.mark.parametrize("late_s", [0.0, 1.6])
def test_a_try_that_fails_leaves_what_was_promised(example, late_s):
    """Step 4: after a refusal (here 0 s late) or a late answer nothing is tried for a while."""
    grant = _tried(example)
    if late_s:
        example.buckets.passed([BUCKET], grant, late_s, BEGAN + 56)
    else:
        example.buckets.refused([BUCKET], grant, 30, BEGAN + 56)
    level = example.level
    assert level.learned == 1.0
    assert level.shut_until == BEGAN + 56 + TRY_AGAIN_S
    assert level.held_until == (0.0 if late_s else pytest.approx(BEGAN + 56 + 30.1))
    assert level.alone == (not late_s)
