"""Task cards of a stream: what Slack is told of the steps, and how much."""

from bots.slack.cards import FIELD_CHARS, MOST_BYTES, MOST_CARDS, Cards, display_mode
from core.activity import Activity, ShownStep


def step(number, state="running", **more):
    return ShownStep(f"0:{number}", f"🔧 look {number}", state, **more)


def told(cards, *steps, ended=False, line="🔧 look …"):
    chunks = cards.news(Activity(line, steps, verbose=True), ended=ended)
    cards.note(chunks)
    return [one for one in chunks if one["type"] == "task_update"]


def test_a_card_is_told_when_it_changes_and_its_details_once_because_slack_adds_them():
    cards = Cards()
    (first,) = told(cards, step(1, detail='{"a": 1}'))
    assert (first["status"], first["details"]) == ("in_progress", '{"a": 1}')
    assert told(cards, step(1, detail='{"a": 1}')) == []
    (more,) = told(cards, step(1, detail='{"a": 1}', progress="half"))
    assert more["title"].endswith("half")
    (last,) = told(cards, step(1, "done", detail='{"a": 1}', seconds=1.2))
    assert last["status"] == "complete"
    assert "details" not in more
    assert "details" not in last
    assert not cards.open


def test_at_the_end_no_card_is_open_even_one_that_is_no_longer_listed():
    cards = Cards()
    told(cards, step(1), step(2))
    assert cards.open
    ends = told(cards, step(2), ended=True)
    assert {one["id"]: one["status"] for one in ends} == {"0:1": "error", "0:2": "error"}
    assert not cards.open


def test_a_step_that_waits_for_a_person_or_may_have_happened_does_not_spin():
    cards = Cards()
    asked, doubted = told(cards, step(1, "asking"), step(2, "unsure"))
    assert (asked["status"], doubted["status"]) == ("complete", "error")
    assert asked["title"].endswith("❓")
    assert doubted["title"].endswith("⚠")


def test_cards_leave_the_message_to_the_text():
    cards = Cards()
    steps = [step(n, detail="字" * 160) for n in range(60)]
    assert len(told(cards, *steps)) <= MOST_CARDS
    assert cards.bytes <= MOST_BYTES + 4 * FIELD_CHARS
    assert len(told(cards, *steps, ended=True)) <= MOST_CARDS


def test_a_card_calls_nobody_and_its_texts_are_short_enough():
    cards = Cards()
    (card,) = told(cards, step(1, progress="<!channel> <@U01> " + "x" * 400, detail="<!here>" * 90))
    assert "<" not in card["title"] + card["details"]
    assert len(card["title"]) <= FIELD_CHARS
    assert len(card["details"]) <= FIELD_CHARS


def test_the_line_is_the_plan_and_who_wants_each_step_gets_a_timeline():
    cards = Cards()
    plan, _ = cards.news(Activity("🔧 `look` …", (step(1),)))
    assert plan == {"type": "plan_update", "title": "🔧 look …"}
    assert display_mode(Activity()) == "plan"
    assert display_mode(Activity(verbose=True)) == "timeline"
