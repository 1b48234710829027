"""The worked example of `core.levels` says what the law really does."""

import pytest
from msgspec.structs import replace

from core.buckets import Buckets
from core.budget import Call, Grant
from core.levels import TRY_AGAIN_S, Level, pace_of, speed_of
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


MINUTE = Bucket("telegram:1:minute", 20, 61.0, upto=60, like="telegram:minute")
BURST = Bucket("telegram:1:burst", 3, 3.0, refills=True, fastest=2.0, like="telegram:burst")


def test_a_final_text_waits_for_what_was_asked_and_no_longer():
    """The bucket that was too wide learns, but the call after a refusal goes alone, in time."""
    buckets, chat = Buckets(), [MINUTE, BURST]
    for at in (0.0, 0.1, 0.2):
        assert buckets.take(chat, "preview", BEGAN + at).wait_s == 0
    grant = Grant(0.0)
    buckets.refused(chat, grant, 1.0, BEGAN + 0.3)
    asked = buckets.take(chat, "final", BEGAN + 0.3)
    assert asked.wait_s == pytest.approx(1.1)
    assert buckets.take(chat, "final", BEGAN + 0.3 + asked.wait_s).wait_s == 0


def _chat(number: int) -> list[Bucket]:
    return [
        replace(MINUTE, key=f"telegram:{number}:minute"),
        replace(BURST, key=f"telegram:{number}:burst"),
    ]


def test_refusals_of_what_was_promised_slow_no_other_chat():
    buckets = Buckets()
    for number in range(3):
        assert buckets.take(_chat(number), "first", BEGAN).wait_s == 0
        buckets.refused(_chat(number), Grant(0.0), 3.0, BEGAN + 0.1)
    fresh, alone = _chat(9), Buckets()
    for at in (1.0, 1.3, 1.6, 3.0, 4.0):
        expected = alone.take(fresh, "final", BEGAN + at).wait_s
        assert buckets.take(fresh, "final", BEGAN + at).wait_s == expected


def test_a_refused_try_is_a_lesson_for_chats_like_it():
    buckets, chat = Buckets(), _chat(1)
    buckets.take(chat, "first", BEGAN)
    buckets.refused(chat, Grant(0.0, early=[0.0, 0.5]), 3.0, BEGAN + 0.1)
    assert not any(buckets.take(_chat(2), "final", BEGAN + 1).early)
    assert buckets._kind(_chat(2)[1]).shut_until > BEGAN


def test_refusals_for_other_reasons_silence_nobody_for_long():
    """Each of ten comes to an almost empty bucket. After them a token takes twice as long."""
    buckets, app = Buckets(), [Bucket("slack:update:burst", 3, 3.0, refills=True, upto=50)]
    for number in range(10):
        at = BEGAN + 20 * number
        assert buckets.take(app, "preview", at).wait_s == 0
        buckets.refused(app, Grant(0.0), 1.0, at + 0.1)
    now = BEGAN + 20 * 10
    level = buckets._at(app[0])
    assert speed_of(app[0], pace_of(level, now)) >= 1 / 2
    later = now + 360
    assert speed_of(app[0], pace_of(level, later)) == pytest.approx(1, rel=0.02)
