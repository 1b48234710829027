"""When a growing answer is shown: tokens, rhythm, and whose turn it is."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.buckets import Buckets, LocalBudget
from core.live.length_model import CLASSES_CHARS, LengthModel
from core.live.pace import Pacer, worth_showing
from core.live.plan import plan_gap_s
from core.live.progress import Progress
from core.platform import Bucket


@pytest.mark.parametrize(
    ("text", "waited_s", "worth"),
    [("twelve chars", 0, True), ("short", 0.1, False), ("short", 0.8, True), ("   ", 9, False)],
)
def test_a_first_text_needs_twelve_characters_or_seven_tenths_of_a_second(text, waited_s, worth):
    assert worth_showing(text, waited_s) is worth


def taken(buckets, bucket, call, now):
    """(seconds to wait, what is left)."""
    grant = buckets.take((bucket,), call, now)
    return pytest.approx(grant.wait_s, abs=0.01), [round(one) for one in grant.levels]


def test_local_buckets_keep_a_reserve_and_refill():
    buckets, bucket = Buckets(), Bucket("b", 2, 10, reserve=1)
    assert taken(buckets, bucket, "preview", 0.0) == (0, [0])
    assert taken(buckets, bucket, "preview", 2.5) == (7.5, [0])
    assert taken(buckets, bucket, "final", 2.5) == (0, [0])
    assert taken(buckets, bucket, "final", 5.0) == (5, [0])
    assert taken(buckets, bucket, "preview", 20.0) == (0, [0])


def test_a_bucket_that_refills_lets_a_burst_pass_and_then_one_at_a_time():
    buckets, bucket = Buckets(), Bucket("b", 3, 3, reserve=0, refills=True)
    for _ in range(3):
        assert buckets.take((bucket,), "final", 0.0).wait_s == 0
    assert buckets.take((bucket,), "final", 0.0).wait_s == pytest.approx(1, abs=0.01)
    assert buckets.take((bucket,), "final", 1.0).wait_s == 0
    assert buckets.take((bucket,), "final", 1.5).wait_s == pytest.approx(0.5, abs=0.01)


class Waiting:
    """An answer that waits, with so much unseen."""

    def __init__(self, name, unseen, *buckets):
        self.name, self.budget, self.progress = name, buckets, Progress(0.0)
        if unseen is not None:
            self.progress.shown_chars = 1
            self.progress.note_written(1 + unseen, 0.0)


async def test_the_stalest_answer_goes_first_and_one_place_delays_no_other():
    everything = Bucket("all", 100, 1, reserve=0)
    here, there = Bucket("here", 1, 0.2, reserve=0), Bucket("there", 1, 0.001, reserve=0)
    answers = [
        Waiting("fresh", 5, here, everything),
        Waiting("stale", 500, here, everything),
        Waiting("stalest", None, here, everything),
        Waiting("elsewhere", 1, there, everything),
    ]
    order = []

    async def wait(pacer, answer):
        assert await pacer.turn(answer)
        order.append(answer.name)

    async with Pacer(LocalBudget()) as pacer, asyncio.TaskGroup() as group:
        for answer in answers:
            group.create_task(wait(pacer, answer))
    assert order == ["stalest", "elsewhere", "stale", "fresh"]


async def test_an_answer_that_leaves_gets_no_turn():
    bucket = Bucket("b", 1, 100, reserve=0)
    async with Pacer(LocalBudget()) as pacer:
        assert await pacer.turn(Waiting("first", 1, bucket))
        late = Waiting("late", 1, bucket)
        waiting = asyncio.create_task(pacer.turn(late))
        await asyncio.sleep(0.01)
        pacer.leave(late)
        assert await waiting is None


async def test_what_an_update_costs_may_change_while_it_is_waited_for():
    """A stream that cannot be begun in time becomes a post."""
    start, post = Bucket("start", 1, 100, reserve=0), Bucket("post", 3, 1, reserve=0)
    answer = Waiting("streamed", None, start)
    async with Pacer(LocalBudget()) as pacer:
        assert await pacer.turn(Waiting("first", None, start))
        waiting = asyncio.create_task(pacer.turn(answer))
        await asyncio.sleep(0.01)
        answer.budget = (post,)
        async with asyncio.timeout(3):
            assert await waiting


async def test_a_crowd_leaves_tokens_for_the_final_texts_that_it_will_soon_need():
    bucket, granted = Bucket("b", 20, 100, reserve=1), []

    async def grow(pacer, number):
        while await pacer.turn(Waiting(number, 1, bucket)):
            granted.append(number)

    async with Pacer(LocalBudget()) as pacer:
        crowd = [asyncio.create_task(grow(pacer, number)) for number in range(15)]
        await asyncio.sleep(0.05)
        assert 0 < len(granted) <= 5
        for _ in range(20 - len(granted)):
            assert (await pacer.budget.take((bucket,), "final")).wait_s == 0
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)


def grown(*steps):
    """A progress with a text at each of *steps*, (seconds, characters); nothing is shown."""
    progress = Progress(0.0)
    progress.shown_chars = 0
    for at, chars in steps:
        progress.note_written(chars, at)
    return progress


def evenly(seconds, *, chars_per_s=200):
    return grown(*((n / 50, n * chars_per_s // 50) for n in range(1, int(seconds * 50) + 1)))


def gap(bucket, spare, progress, now, *, taken=(), lengths=None):
    back_s = [at + bucket.seconds - now for at in [*taken, now] if at > now - bucket.seconds]
    return plan_gap_s(spare, back_s, progress, lengths or LengthModel(), now, 1)


def test_spare_tokens_are_spread_over_the_lengths_that_answers_have():
    bucket = Bucket("b", 20, 60, reserve=1)
    young = gap(bucket, 18, evenly(0.3), 0.3)
    older = gap(bucket, 14, evenly(10), 10.0, taken=[0.0, 1, 3, 6])
    assert young == pytest.approx(0.4, rel=0.1)
    assert older == pytest.approx(1.9, rel=0.1)


def test_the_example_at_the_top_of_the_pacer_is_true():
    bucket, progress, taken = Bucket("b", 20, 60, reserve=1), Progress(0.05), []
    now, rows = 0.05, {}
    for update in range(1, 20):
        while progress.last_written_at < now or not progress.written_chars:
            at = min(now, progress.last_written_at + 0.02)
            progress.note_written(round(at * 240), at)
        progress.shown_chars = progress.written_chars
        spare, gap_s = 19 - update, gap(bucket, 19 - update, progress, now, taken=taken)
        gap_chars = round(gap_s * progress.writing_chars_per_s)
        rows[update] = round(now, 1), progress.written_chars, spare, gap_chars, round(gap_s, 1)
        taken.append(now)
        now += gap_s
    assert rows[1] == (0.1, 12, 18, 79, 0.3)
    assert rows[2] == (0.4, 91, 17, 112, 0.5)
    assert rows[6] == (3.9, 944, 13, 396, 1.6)
    assert rows[11] == (15.4, 3_687, 8, 801, 3.3)
    assert rows[19] == (53.0, 12_720, 0, 1_549, 6.5)


def test_no_more_is_spent_than_there_is_until_tokens_come_back():
    """Seventeen came within five seconds, and come back as quickly: but in forty seconds."""
    bucket = Bucket("b", 20, 60, reserve=1)
    early = [n * 0.3 for n in range(17)]
    assert gap(bucket, 2, evenly(20), 20.0, taken=early) > 40 / 5
    assert gap(bucket, 0, evenly(20), 20.0, taken=early) > 40 / 2
    steady = [-17.0 + 3 * n for n in range(19)]
    assert gap(bucket, 0, evenly(40), 40.0, taken=steady) == pytest.approx(60 / 20, rel=0.1)


def test_a_fast_model_ends_sooner_so_its_tokens_are_spent_sooner():
    bucket = Bucket("b", 20, 60, reserve=1)
    slow, fast = evenly(20, chars_per_s=100), evenly(1, chars_per_s=2000)
    assert slow.written_chars == fast.written_chars
    assert gap(bucket, 15, fast, 1.0) < gap(bucket, 15, slow, 20.0) / 2


def test_where_answers_have_been_short_the_tokens_are_spent_early():
    bucket, lengths = Bucket("b", 20, 60, reserve=1), LengthModel()
    for _ in range(50):
        lengths.note(800)
    assert gap(bucket, 18, evenly(1), 1.0, lengths=lengths) < gap(bucket, 18, evenly(1), 1.0) / 1.3
    late = gap(bucket, 9, evenly(10), 10.0, lengths=lengths)
    assert late == pytest.approx(gap(bucket, 9, evenly(10), 10.0), rel=0.05), "as if none had been"


def test_neither_long_thinking_nor_what_was_written_before_counts_as_its_speed():
    thought, resumed = Progress(0.0), Progress(0.0)
    for n in range(1, 101):
        thought.note_written(n * 4, 30 + n / 50)
        resumed.note_written(3_000 + n * 4, n / 50)
    usual = evenly(2).mean_chars_per_s(2.0)
    assert thought.mean_chars_per_s(32.0) == pytest.approx(usual, rel=0.05)
    assert resumed.mean_chars_per_s(2.0) == pytest.approx(usual, rel=0.05)


def test_a_stop_of_the_model_makes_it_no_slower_writer():
    stopped, usual = grown(*((n / 50 + (n > 50) * 5, n * 4) for n in range(1, 101))), evenly(2)
    assert stopped.writing_chars_per_s == pytest.approx(usual.writing_chars_per_s, rel=0.15)
    assert stopped.mean_chars_per_s(7.0) < usual.mean_chars_per_s(2.0) / 2


def test_what_is_unseen_is_shown_when_the_model_stops_sooner_the_more_it_is():
    progress = evenly(2)
    progress.shown_chars = 0
    assert progress.stop_at(0.2) == pytest.approx(2.1, abs=0.02), "cheap"
    scarce = progress.stop_at(4.0)
    assert 3 < scarce < 12, "only in a long stop"
    progress.shown_chars = 390
    assert progress.stop_at(4.0) > 100
    progress.shown_chars = 400
    assert progress.stop_at(4.0) == float("inf"), "there is nothing to show"


def test_where_a_model_writes_in_bursts_an_update_goes_out_at_the_nearest_one():
    bursts = grown(*((n / 2, 50 * n) for n in range(1, 21)))
    assert 0.4 < bursts.pause_s <= 0.5
    assert bursts.last_written_at == 10.0
    assert bursts.burst_at(9.0, 10.2) == 10.0, "now, not a little later with nothing newer"
    assert bursts.burst_at(10.1, 10.2) == 10.1, "but not before there may be a token"
    assert bursts.burst_at(9.0, 10.3) > 10.6, "the next burst is nearer"
    assert bursts.burst_at(9.0, 12.0) == 12.0, "it should long have come: wait no more"


def test_a_model_that_writes_evenly_again_after_a_stop_has_no_bursts():
    progress = evenly(1)
    progress.note_written(300, 4.0)
    assert progress.pause_s > 0
    for n in range(1, 60):
        progress.note_written(300 + n, 4.0 + n / 50)
    assert progress.pause_s == 0
    assert progress.burst_at(0.0, 6.0) == 6.0


def test_previews_wait_while_a_final_text_does():
    buckets, bucket = Buckets(), Bucket("b", 2, 1, reserve=0)
    for now in (0.0, 0.5):
        assert buckets.take((bucket,), "preview", now).wait_s == 0
    assert buckets.take((bucket,), "final", 0.6).wait_s == pytest.approx(0.4)
    assert buckets.take((bucket,), "preview", 1.1).wait_s > 0, "the token is the final text's"
    assert buckets.take((bucket,), "final", 1.1).wait_s == 0
    assert buckets.take((bucket,), "preview", 2.2).wait_s == 0


lengths_that_were = some.lists(some.integers(0, 200_000), max_size=30)
characters = some.integers(1, 150_000)


@given(lengths_that_were, characters, some.lists(characters, min_size=1, max_size=20))
def test_updates_get_ever_rarer_and_never_end(were, chars, further):
    lengths, further = LengthModel(), sorted(further)
    for one in were:
        lengths.note(one)
    shares = lengths.planned_chars(chars, further, 0.5)
    pieces = list(pairwise([(0.0, 0.0), *zip(further, shares, strict=True)]))
    rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pieces if b[0] - a[0] > 1]
    assert all(0 < rate <= 1.000001 for rate in rates)
    if chars + further[-1] <= CLASSES_CHARS[-1]:
        assert all(later <= rate * 1.000001 for rate, later in pairwise(rates))
    if chars >= CLASSES_CHARS[-1]:
        assert shares == pytest.approx(further), "longer than all: who knows"
