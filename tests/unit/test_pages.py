"""Splitting and healing."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.live.markdown import heal, open_fence
from core.live.pages import clean_end
from core.live.pages import cut as cut_page
from core.models.demo import answers

LONG = answers.answer([("user", "write 20000 characters")])
PARTS = st.lists(
    st.sampled_from(
        [
            "# Heading\n\n",
            "A sentence with **bold** and `code`. ",
            "中文句子,没有空格。",
            "- item\n",
            "```python\nprint('x')\n\nprint('y')\n```\n",
            "~~~\ntext\n~~~\n",
            "| a | b |\n|---|---|\n| 1 | 2 |\n",
            "\n\n",
            "👨‍👩‍👧 family ",
            "word" * 30 + " ",
            "[link](https://example.org/a_b) ",
        ]
    ),
    max_size=40,
).map("".join)


def paginate(text, most_chars, fill):
    """All pages of *text*, cut one after the other as the live reply does."""
    pages = []
    while (page := cut_page(text, most_chars, fill)) is not None:
        pages.append(page.head)
        text = page.opening + text[page.taken :]
    return [*pages, text]


def openings(text, limit):
    """What each page but the first begins with."""
    while (page := cut_page(text, limit, lambda page: len(page) / limit)) is not None:
        yield page.opening
        text = page.opening + text[page.taken :]


def squeezed(text):
    """Everything but white space and fences: what splitting may add or lose."""
    return re.sub(r"[`~\s]|python", "", text)


@given(PARTS, st.integers(60, 400))
@settings(max_examples=300, deadline=None)
def test_pages_keep_every_character_the_limit_and_closed_fences(text, limit):
    pages = paginate(text, limit, lambda page: len(page) / limit)
    shown = f"{pages[0]}\n"
    for page, opening in zip(pages[1:], openings(text, limit), strict=True):
        # The head of a table that goes on stands on each of its pages.
        shown += f"{page.removeprefix(opening) if opening.lstrip().startswith('|') else page}\n"
    assert squeezed(shown) == squeezed(text)
    assert all(len(page) <= limit for page in pages)
    assert all(open_fence(page) is None for page in pages[:-1])


def test_a_text_that_fits_is_one_page():
    assert paginate("short", 100, lambda page: 0.5) == ["short"]


def test_pages_break_between_blocks_where_they_can():
    text = "\n\n".join(["paragraph " * 8] * 6)
    pages = paginate(text, 200, lambda page: len(page) / 200)
    assert all(page.strip().endswith("paragraph") for page in pages)


def test_a_fence_is_closed_and_opened_again_with_its_language():
    text = "```python\n" + "x = 1\n" * 50 + "```\n"
    first, second, *_ = paginate(text, 120, lambda page: len(page) / 120)
    assert first.endswith("\n```")
    assert second.startswith("```python\n")


def test_a_long_answer_with_code_keeps_all_its_text():
    pages = paginate(LONG, 4000, lambda page: len(page) / 4000)
    assert len(pages) <= 7
    assert squeezed("\n".join(pages)) == squeezed(LONG)


@pytest.mark.parametrize(
    ("cut", "healed"),
    [
        ("**a *b* ", "**a *b***"),
        ("~~gone~", "~~gone~~"),
        ("a ||hidden|", "a ||hidden||"),
        ("text\n```c++\n", "text"),
        ("plain text", "plain text"),
        ("some **bold", "some **bold**"),
        ("some **bold*", "some **bold**"),
        ("some **", "some "),
        ("some *it", "some *it*"),
        ("a ***both", "a ***both***"),
        ("~~gone", "~~gone~~"),
        ("run `code", "run `code`"),
        ("run ``co`de", "run ``co`de``"),
        ("see [the docs](https://exa", "see the docs"),
        ("see [the do", "see the do"),
        ("an ![image](htt", "an "),
        ("2 * 3 = 6", "2 * 3 = 6"),
        ("snake_case_name", "snake_case_name"),
        ("```python\nprint(", "```python\nprint(\n```"),
        ("```python\nprint()\n``", "```python\nprint()\n```"),
        ("text\n```pyth", "text"),
        ("text\n#", "text"),
        ("text\n- ", "text"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n| 3", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("intro\n\n| a | b |\n|--", "intro"),
        ("**done** and *done*", "**done** and *done*"),
    ],
)
def test_a_cut_is_healed(cut, healed):
    assert heal(cut) == healed


@given(PARTS)
@settings(max_examples=200, deadline=None)
def test_healing_at_any_cut_leaves_no_fence_open(text):
    for cut in range(0, len(text), 7):
        assert open_fence(heal(text[:cut])) is None


@given(st.text(max_size=200))
def test_healing_never_fails(text):
    heal(text)


@pytest.mark.parametrize(
    ("text", "most_chars", "shown"),
    [
        ("some wor", 5, "some "),
        ("some wor", 2, "some wor"),
        ("some word.", 99, "some word."),
        ("one", 99, "one"),
        ("A line.\nand hal", 99, "A line.\n"),
        ("A line.\nand hal", 4, "A line.\nand "),
        ("A sentence. A half", 99, "A sentence. "),
        ("A sentence. A half", 5, "A sentence. A "),
        ("```\ncode\n```\nAnd", 9, "```\ncode\n```\n"),
        ("\u4f60\u597d \u4e16\u754c", 99, "\u4f60\u597d \u4e16\u754c"),
        ("\u4f60\u597d\u3002\u4e16\u754c", 3, "\u4f60\u597d\u3002"),
    ],
)
def test_half_a_line_a_sentence_or_a_word_waits_where_that_costs_little(text, most_chars, shown):
    assert clean_end(text, most_chars) == shown


@given(st.text(max_size=80), st.integers(0, 80))
def test_what_waits_is_never_more_than_may_wait(text, most_chars):
    shown = clean_end(text, most_chars)
    assert text.startswith(shown)
    assert len(text) - len(shown) <= most_chars


@pytest.mark.parametrize(
    "text", ["`" * 6_500, "~" * 6_500, "```" + "x" * 6_500, "| a |\n|---|\n" * 900]
)
def test_splitting_ends_whatever_a_page_would_begin_with(text):
    assert len(paginate(text, 1_000, lambda page: len(page) / 1_000)) <= 2 * len(text) // 500


def test_a_table_over_two_pages_repeats_its_head():
    table = "| name | n |\n|---|---|\n" + "".join(f"| row {n} | {n} |\n" for n in range(60))
    pages = paginate(f"text\n\n{table}", 400, lambda page: len(page) / 400)
    assert len(pages) > 2
    assert all("| name | n |\n|---|---|\n| row" in page for page in pages)
    assert [page.count("| name |") for page in pages] == [1] * len(pages)
