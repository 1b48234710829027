"""The work of a text grows in proportion to its length, counted in lines that are run.

What runs inside one line is C: patterns are looked at in `test_patterns`, and nothing here
copies a text once per mark. Seconds are shown by `python -m bench.worst_case`.
"""

import sys
from functools import partial

import pytest

from bench.worst_case import WORKS, forget, paginate, texts
from bots.slack import markup as slack
from bots.telegram import markup
from core.live.pages import PagedText
from core.turn.generation import Generation

SHORT, TIMES = 5_000, 4


def lines(work, text):
    """How many lines of ours *work* runs for *text*, and calls it makes."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += 1
        return trace

    forget()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", WORKS)
def test_work_grows_in_proportion_to_the_text(name):
    # Of small pages there are many in the shorter text too.
    work = partial(paginate, most_chars=600) if name == "pages" else WORKS[name]
    for label, make in list(texts(0))[::3]:
        few, many = lines(work, make(SHORT)), lines(work, make(SHORT * TIMES))
        assert many <= 2 * TIMES * few + 50_000, (label, few, many)


@pytest.mark.parametrize(("platform", "most_chars"), [(markup, 6_000), (slack, slack.BLOCK_CHARS)])
def test_a_page_is_found_with_few_looks_at_little_text(platform, most_chars):
    for label, make in list(texts(20))[::2]:
        looked = []

        def fill(page, looked=looked):
            looked.append(len(page))
            return platform.fill(page)

        text = PagedText(most_chars, fill)
        text.whole = make(20_000)
        pages = 1
        while (page := text.cut()) is not None:
            pages += 1
            text.turn(page)
        assert len(looked) <= 5 * pages + 10, (label, pages, looked)
        assert sum(looked) <= 8 * 20_000, (label, pages, looked)


@pytest.mark.parametrize("lines_of", ["~~~\na\n", "a~~~\n", "```x`\n", "a\n\n"])
def test_a_frame_of_a_growing_answer_does_not_look_at_all_of_it_again(lines_of):
    few, many = (lines(WORKS["growing"], (lines_of * n)[:n]) for n in (8_000, 64_000))
    assert many <= 10 * few


def test_nothing_is_put_together_before_it_is_looked_at():
    generation = Generation("")
    for _ in range(10_000):
        generation.think("thought ", aloud=True)
        generation.add("word ")
    assert len(generation._text._pieces) == len(generation._thought._pieces) == 10_001
    assert generation.shown == "> 💭 " + ("thought " * 10_000).strip() + "\n\n" + "word " * 10_000
    assert len(generation._text._pieces) == 1
