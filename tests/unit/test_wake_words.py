"""Wake words: who is called, and what is said to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.people.wake_words import for_us, said_to


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hey bot, what now?", "what now?"),
        ("Hey Bot what now?", "what now?"),
        ("hey bot: -v means what?", "-v means what?"),
        ("hey bot! help...", "help..."),
        ("hey bot", ""),
        ("hey bot，天为什么是蓝的？", "天为什么是蓝的？"),
        ("hey bot天为什么是蓝的？", "天为什么是蓝的？"),
        ("小助手，你好！", "你好！"),
        ("小助手你好！", "你好！"),
        ("小助手 hello", "hello"),
    ],
)
def test_what_follows_a_wake_word_is_said_to_the_bot(text, said):
    assert said_to(text, ("hey bot", "小助手")) == said


@pytest.mark.parametrize("text", ["hey bottle", "hey botté", "oh, hey bot", "hey", "助手你好", ""])
def test_what_only_resembles_a_wake_word_calls_nobody(text):
    assert said_to(text, ("hey bot", "小助手")) is None


def test_without_wake_words_nobody_is_called():
    assert said_to("hey bot, what now?", ()) is None


@given(some.text())
def test_nothing_but_space_and_punctuation_is_taken_off(text):
    said = said_to(f"hey bot, {text}", ["hey bot"])
    assert said is not None
    assert [c for c in text if c.isalnum()] == [c for c in said if c.isalnum()]


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("why is that so?", True),
        ("and in winter?", True),
        ("Please make it shorter", True),
        ("translate it into French", True),
        ("What do you think of Bob's idea?", True),
        ("Bob said it is cheaper, is that right?", True),
        ("再短一点可以吗", True),
        ("请翻译成英文", True),
        ("thanks!", False),
        ("lol 👍", False),
        ("that was quick", False),
        ("Bob, did you deploy it?", False),
        ("did you deploy it, Bob?", False),
        ("@Bob can you look?", False),
        ("Bob can you look?", False),
        ("谢谢", False),
        ("好的，我们明天再聊", False),
        ("canned answers are boring", False),
    ],
)
def test_in_a_thread_of_several_people_what_asks_something_of_us_is_ours(text, ours):
    assert for_us(text, ["Bob Miller", "Ann"]) is ours


@pytest.mark.parametrize("text", ["好吗", "好吗 。 ", "你呢！", "可以吗  "])
def test_a_question_by_its_last_word_asks_something(text):
    assert for_us(text, ["Bob"])


def test_blanks_behind_such_a_word_are_looked_at_once():
    """Two runs of blanks side by side took seconds for this."""
    assert not for_us("吗" + " " * 40_000 + "x", ["Bob"])
