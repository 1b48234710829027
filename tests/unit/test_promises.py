"""What live text promises, in the strictest and the loosest world that anybody reported.

The real code of `core.live` and `core.buckets` in virtual time; it is not told which it is in.
"""

from statistics import mean

import pytest

from bench.freshness.optimum import least_unseen
from bench.freshness.promises import (
    askers,
    four_answers,
    many_chats,
    p95,
    short_answers,
    steady,
    ten_on_slack_after_a_refusal,
)
from bench.freshness.traces import make, usual_lengths
from bench.freshness.world import DELAY_S, RULES, WORLDS, Asked, answered, budget_of, run
from core.buckets import Buckets
from core.budget import Grant
from core.levels import TRY_AGAIN_S
from core.live.screen import Screen
from core.platform import Bucket

both_worlds = pytest.mark.parametrize("world", WORLDS)
PLACES = ("Telegram, private", "Telegram, group", "Slack, native", "Slack, edits")


@both_worlds
@pytest.mark.parametrize("place", PLACES)
def test_in_ten_minutes_of_steady_use_all_is_whole_and_one_call_refused_at_most(place, world):
    screens, refused = steady(place, world)
    assert all(one.whole for one in screens)
    assert refused <= 1
    assert p95([one.first_lag_s for one in screens]) <= DELAY_S + 0.4
    assert p95([one.final_lag_s for one in screens]) <= DELAY_S + 0.5


@both_worlds
@pytest.mark.parametrize("count", [1, 4, 10])
@pytest.mark.parametrize("place", ["Telegram, private", "Telegram, group"])
def test_first_texts_in_a_chat_come_as_soon_as_the_platform_lets_so_many_pass(place, count, world):
    late, previews_before, refused, screens = askers(place, world, count)
    assert max(late) <= 0.4
    assert previews_before == 0
    assert refused <= 1
    assert all(one.whole for one in screens)


@both_worlds
@pytest.mark.parametrize("count", [1, 4, 10])
def test_first_posts_in_a_channel_come_one_a_second(count, world):
    late, _, refused, _ = askers("Slack, edits", world, count)
    assert max(late) <= 0.4
    assert refused <= 1


@both_worlds
@pytest.mark.parametrize("count", [4, 10])
def test_previews_on_slack_delay_no_first_text_because_they_take_other_tokens(
    count, world, monkeypatch
):
    """Whoever sees a preview before another's first text took no token that this one could use."""
    first, later = (budget_of("Slack, edits", 0, new=new) for new in (True, False))
    assert not {one.key for one in first} & {one.key for one in later}
    _, _, _, screens = askers("Slack, edits", world, count)
    silent = property(lambda screen: screen.progress.shown_chars is None)
    monkeypatch.setattr(Screen, "has_news", silent)
    _, previews, _, alone = askers("Slack, edits", world, count)
    assert previews == 0
    assert [one.first_s for one in screens] == pytest.approx([one.first_s for one in alone])


@both_worlds
def test_fifty_private_chats_do_not_wait_for_each_other(world):
    firsts, finals, refused = many_chats(world)
    assert p95(firsts) <= 0.5
    assert p95(finals) <= 0.5
    assert refused == 0


@both_worlds
def test_previews_leave_what_a_quick_exchange_will_need(world):
    """Ten answers in a minute need all its twenty calls; who does not know that spends few more."""
    screens, refused = short_answers(world)
    assert refused == 0
    assert all(one.first_s < 8 for one in screens)
    assert all(one.final_lag_s < 8 for one in screens)


@both_worlds
def test_the_ends_of_answers_in_one_chat_do_not_wait_for_previews(world):
    assert max(four_answers(world, at_once=False)) <= 0.5
    # Four ends at once: of a burst of three the last comes a second later.
    assert max(four_answers(world, at_once=True)) <= 1.5


def test_one_refusal_keeps_a_channel_still_for_no_longer_than_it_asks():
    gap_s, screens = ten_on_slack_after_a_refusal()
    assert gap_s <= 8
    assert all(one.whole for one in screens)


@both_worlds
@pytest.mark.parametrize("place", PLACES)
def test_an_answer_is_as_fresh_as_one_can_be_who_does_not_know_when_it_ends(place, world):
    """From the first answer on: in these it is learned what passes there."""
    lengths = usual_lengths(24, seed=3)
    traces = [make(60, chars, "steady", number) for number, chars in enumerate(lengths)]
    asked = [Asked(trace, number * 90.0) for number, trace in enumerate(traces)]
    known = usual_lengths(200, seed=2)
    screens, _ = run(answered(place, WORLDS[world](), asked, lengths=known))
    best = least_unseen(traces, RULES[place, world], DELAY_S)
    most = 1.2 if world == "loose" else 1.3
    assert mean(one.area / one.trace.seconds for one in screens) <= most * best


# --- the law ----------------------------------------------------------------------------------

MINUTE = Bucket("place", 20, 60, upto=60)
BURST = Bucket("burst", 3, 3, refills=True, upto=20)


def spend(buckets, bucket, times, call="final"):
    return [buckets.take((bucket,), call, at) for at in times]


def test_what_passes_early_widens_a_bucket_and_what_is_held_does_not():
    quick, slow = Buckets(), Buckets()
    for buckets, late_s in ((quick, 0.0), (slow, 1.0)):
        spend(buckets, BURST, [0.0] * 3)
        early = buckets.take((BURST,), "first", 0.0)
        assert early.wait_s == 0
        assert early.early == [pytest.approx(1, abs=0.01)]
        buckets.passed((BURST,), early, late_s, 0.1 + late_s)
    assert quick.take((BURST,), "first", 0.1).wait_s == 0
    assert slow.take((BURST,), "first", 1.1).wait_s > 0.5
    assert slow.take((BURST,), "first", TRY_AGAIN_S + 1).wait_s == 0


def test_who_lets_more_pass_at_once_is_taken_to_let_pass_the_most_that_anybody_saw():
    buckets, both = Buckets(), (MINUTE, BURST)
    for _ in range(3):
        buckets.take(both, "final", 1.0)
    early = buckets.take(both, "first", 1.0)
    buckets.passed(both, early, 0.0, 1.1)
    assert all(buckets.take(both, "first", 1.1).wait_s == 0 for _ in range(16))
    # In a minute, too: it takes longer to find out there.
    assert buckets.take(both, "first", 30.0).levels[0] > 30


FAST = Bucket("fast", 3, 3, refills=True, fastest=5)


def test_in_a_place_that_is_faster_than_promised_people_who_ask_at_once_are_shown_at_once():
    buckets = Buckets()
    spend(buckets, FAST, [1.0] * 3)
    buckets.passed((FAST,), buckets.take((FAST,), "first", 1.0), 0.0, 1.1)
    assert buckets.take((FAST,), "preview", 1.1).wait_s > 0
    assert buckets.take((FAST,), "first", 1.1).wait_s == 0
    # All five of this second are taken.
    assert buckets.take((FAST,), "first", 1.2).wait_s == pytest.approx(0.8)
    assert sum(buckets.take((FAST,), "first", 2.01).wait_s == 0 for _ in range(9)) == 4


def test_what_is_promised_may_go_together_even_after_most_of_what_was_found_is_forgotten():
    buckets, days = Buckets(), 2 * 24 * 3600.0
    spend(buckets, FAST, [1.0] * 3)
    buckets.passed((FAST,), buckets.take((FAST,), "first", 1.0), 0.0, 1.1)
    assert all(one.wait_s == 0 for one in spend(buckets, FAST, [days] * 3, call="first"))


def test_what_passes_in_a_minute_says_nothing_of_bursts():
    buckets, both = Buckets(), (MINUTE, BURST)
    for n in range(20):
        buckets.take(both, "final", 1.0 + 2.8 * n)
    early = buckets.take(both, "final", 57.0)
    assert early.early[0] > 3
    buckets.passed(both, early, 0.0, 57.1)
    # Of a burst there is what was promised, and one that is tried.
    again = [buckets.take(both, "first", 57.1).wait_s == 0 for _ in range(6)]
    assert again == [True, True, True, False, False, False]


def test_what_has_not_passed_yet_is_tried_one_call_at_a_time():
    buckets = Buckets()
    spend(buckets, BURST, [1.0] * 3)
    early = buckets.take((BURST,), "preview", 1.0)
    assert buckets.take((BURST,), "preview", 1.0).wait_s > 0
    buckets.passed((BURST,), early, 0.0, 1.1)
    next_one = buckets.take((BURST,), "preview", 1.1)
    assert next_one.wait_s == 0
    assert next_one.wants_report
    assert buckets.take((BURST,), "preview", 1.1).wait_s > 0


@pytest.mark.parametrize(("late_s", "passes"), [(0.0, True), (1.0, False)])
def test_what_one_chat_found_is_where_others_like_it_begin(late_s, passes):
    here, there = (Bucket(n, 3, 3, refills=True, upto=20, like="chats") for n in ("1", "2"))
    buckets = Buckets()
    spend(buckets, here, [1.0] * 3)
    buckets.passed((here,), buckets.take((here,), "first", 1.0), late_s, 1.1 + late_s)
    spend(buckets, there, [9.0] * 3)
    assert (buckets.take((there,), "first", 9.0).wait_s == 0) is passes


def test_what_a_chat_found_itself_is_believed_more_than_others():
    here, there = (Bucket(n, 3, 3, refills=True, upto=20, like="chats") for n in ("1", "2"))
    buckets = Buckets()
    for bucket, late_s in ((here, 0.0), (there, 1.0)):
        spend(buckets, bucket, [1.0] * 3)
        early = buckets.take((bucket,), "first", 1.0)
        buckets.passed((bucket,), early, late_s, 1.1 + late_s)
    spend(buckets, here, [9.0] * 3)
    assert buckets.take((here,), "first", 9.0).wait_s == 0


def test_a_refusal_beyond_what_was_promised_leaves_what_has_passed():
    buckets = Buckets()
    spend(buckets, BURST, [1.0] * 3)
    buckets.passed((BURST,), buckets.take((BURST,), "first", 1.0), 0.0, 1.1)
    grants = [buckets.take((BURST,), "first", 1.1) for _ in range(5)]
    for grant in grants[:-1]:
        buckets.passed((BURST,), grant, 0.0, 1.2)
    buckets.refused((BURST,), grants[-1], 1, 1.2)
    buckets.passed((BURST,), buckets.take((BURST,), "final", 30.0), 0.0, 30.1)
    passed = [buckets.take((BURST,), "first", 60.0).wait_s == 0 for _ in range(12)]
    assert 7 <= sum(passed) <= 8


def test_a_token_that_would_be_refused_for_long_is_not_tried():
    buckets = Buckets()
    spend(buckets, MINUTE, [n * 0.5 for n in range(20)])
    assert buckets.take((MINUTE,), "first", 10.0).wait_s > 40


def test_a_refusal_silences_the_place_and_then_lets_one_call_pass_alone():
    buckets, both = Buckets(), (MINUTE, BURST)
    grant = buckets.take(both, "preview", 0.0)
    buckets.refused(both, grant, 30, 0.1)
    assert buckets.take(both, "final", 20.0).wait_s == pytest.approx(10.2, abs=0.1)
    first = buckets.take(both, "final", 30.3)
    assert first.wait_s == 0
    assert first.alone
    assert buckets.take(both, "final", 30.4).wait_s > 0
    buckets.passed(both, first, 0.0, 30.5)
    assert buckets.take(both, "final", 32.0).wait_s == 0


def test_the_narrowest_that_was_full_learns_and_not_its_neighbour():
    buckets, both = Buckets(), (MINUTE, BURST)
    grants = [buckets.take(both, "final", 0.0) for _ in range(3)]
    buckets.refused(both, grants[-1], 1, 0.1)
    later = buckets.take(both, "final", 100.0)
    assert later.levels[0] == 19
    assert later.levels[1] < 2


def test_a_slow_answer_is_a_warning():
    buckets, both = Buckets(), (MINUTE, BURST)
    grant = buckets.take(both, "preview", 0.0)
    buckets.passed(both, grant, 4.0, 4.1)
    assert buckets.take(both, "preview", 6.0).wait_s > 0
    assert buckets.take(both, "final", 6.0).wait_s == 0


def test_who_is_more_urgent_goes_first():
    buckets, bucket = Buckets(), Bucket("b", 1, 10, reserve=0)
    spend(buckets, bucket, [0.0])
    assert buckets.take((bucket,), "first", 9.5).wait_s > 0
    assert buckets.take((bucket,), "preview", 10.1).wait_s > 0
    assert buckets.take((bucket,), "final", 10.1).wait_s == 0


def test_refusals_in_three_places_show_a_limit_that_they_share():
    buckets, shared = Buckets(), Bucket("all", 0, 1.0)
    for n in range(20):
        buckets.take((Bucket(f"p{n}", 20, 60), shared), "final", 100.0)
    for n in range(3):
        place = Bucket(f"p{n}", 20, 60)
        buckets.refused((place, shared), Grant(0.0), 2, 100.5)
    elsewhere = (Bucket("p9", 20, 60), shared)
    assert buckets.take(elsewhere, "final", 101.0).wait_s > 0
    passed = sum(
        buckets.take((Bucket(f"q{n}", 20, 60), shared), "final", 105.0).wait_s == 0
        for n in range(30)
    )
    assert 10 <= passed <= 20
