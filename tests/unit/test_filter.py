"""What may not pass is found, however the text is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.filter import MASK, REACH, Filter, Passed, Rule, Screening

MASKED = Filter([Rule("mask", ["bomb", "坏人", "Straße", "two words"], [r"\b\d{4}-\d{4}\b"])])


def streamed(rules, pieces):
    screening = Screening(rules)
    passed = [screening.take(piece) for piece in pieces]
    passed.append(screening.take("", last=True))
    return "".join(one.text for one in passed)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a bomb.", "a ████."),
        ("a BOMB", "a ████"),
        ("a ｂｏｍｂ!", "a ████!"),
        ("bomber, abomb, bomb2", "bomber, abomb, bomb2"),
        ("那坏人们", "那██们"),
        ("in der STRASSE, straße", "in der STRASSE, ██████"),
        ("two words, two", "█████████, two"),
        ("1234-5678 but 11234-5678", "█████████ but 11234-5678"),
        ("İ bomb", "İ ████"),
    ],
)
def test_words_and_patterns_are_blacked_out_where_they_stand(text, shown):
    assert MASKED.screen(text) == Passed(shown)


@given(
    st.lists(
        st.sampled_from(
            ["bomb", "b", "om", "bo", "坏", "人", " ", "two", "words", "1234", "-", "56", "78", "x"]
        ),
        max_size=20,
    ),
    st.lists(st.integers(1, 5), min_size=1, max_size=5),
)
def test_cuts_change_nothing(parts, lengths):
    text, at, pieces = "".join(parts), 0, []
    while at < len(text):
        step = lengths[len(pieces) % len(lengths)]
        pieces.append(text[at : at + step])
        at += step
    assert streamed(MASKED, pieces) == MASKED.screen(text).text


def test_only_what_may_be_the_beginning_of_something_is_held_back():
    screening = Screening(MASKED)
    assert screening.take("hello the").text == "hello the"
    assert screening.take(" two").text == " "
    assert screening.take(" wor").text == ""
    assert screening.take("dly").text == "two wordly"


def test_a_stop_ends_the_text_before_the_word():
    screening = Screening(Filter([Rule("stop", ["bomb"])]))
    assert screening.take("how a bo") == Passed("how a ")
    assert screening.take("mb is") == Passed("", "stop")
    assert Filter([Rule("stop", ["bomb"])]).screen("a bomb") == Passed("a ", "stop")


def test_the_strongest_action_wins():
    rules = Filter([Rule("mask", ["bomb"]), Rule("refuse", ["bomb"])])
    assert rules.screen("a bomb") == Passed("", "refuse")


def test_what_goes_on_from_something_knows_what_stands_before_it():
    screening = Screening(MASKED, before="an a")
    assert screening.take("bomb", last=True).text == "bomb"


def test_a_pattern_that_never_ends_holds_no_more_than_its_reach():
    screening = Screening(Filter([Rule("mask", patterns=["start.*?end"])]))
    shown = screening.take("start" + "x" * 3 * REACH).text
    assert len(shown) >= 2 * REACH


def test_a_pattern_that_thinks_for_ever_counts_as_found():
    rules = Filter([Rule("refuse", patterns=[r"(a|a|aa)+$"])])
    assert rules.screen("a" * 60 + "!").ended == "refuse"


@pytest.mark.parametrize("rule", [Rule("mask", ["x" * 300]), Rule("mask", patterns=["("])])
def test_what_cannot_be_looked_for_is_said_at_once(rule):
    with pytest.raises(ValueError, match=r"characters|pattern"):
        Filter([rule])


def test_without_rules_everything_passes_at_once():
    assert Screening(Filter(())).take("anything") == Passed("anything")
    assert MASK not in Filter(()).screen("bomb").text
