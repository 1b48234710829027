"""Markdown as Slack shows it."""

import pyromark
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.slack.markup import BLOCK_CHARS, fill, render, settled

MARKS = [*"*a@<!x` ", "**", "\n\n", "\\(", "\\)"]
WORDS = ["重点：", "内容", "“好”", "chan", "nel", "here", "[b](https://c.d)"]
PIECES = st.lists(st.sampled_from(MARKS + WORDS), max_size=30)


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("**重点：**内容", "**重点：**\u200a内容"),
        ("太**“好”**了", "太\u200a**“好”**\u200a了"),
        ("`**重点：**内容`", "`**重点：**内容`"),
        ("~~~\n**重点：**内容\n~~~\n**中。**后", "~~~\n**重点：**内容\n~~~\n**中。**\u200a后"),
        (r"so \(x^2\), \[\frac{a}{b}\]", "so `x²`, `a/b`"),
        ("it is $5 and $6", "it is $5 and $6"),
        (
            "[https://bank.com](https://evil.com) 中",
            "[https://bank.com](https://evil.com) (evil.com) 中",
        ),
        ("[bank.com](https://bank.com/x)", "[bank.com](https://bank.com/x)"),
        ("<!channel> <@U1> @here", "<\u200b!channel> <\u200b@U1> @\u200bhere"),
        ("a\ud800b", "a\ufffdb"),
    ],
)
def test_what_slack_would_show_otherwise_is_written_so_that_it_is_right(markdown, shown):
    assert render(markdown) == shown


def test_emphasis_beside_cjk_is_seen_by_a_commonmark_parser():
    events = pyromark.events(render("**重点：**内容"))
    assert {"Start": "Strong"} in list(events)


@given(PIECES)
def test_what_was_streamed_stands_however_a_text_goes_on(pieces):
    sent, whole = "", ""
    for piece in pieces:
        if "`" in whole + piece:
            return  # Code that is closed later may take back a formula: the post is edited then.
        whole += piece
        rendered = render(settled(whole))
        assert rendered.startswith(sent)
        sent = rendered
    assert render(whole).startswith(sent)


def test_a_message_has_no_more_blocks_and_signs_than_slack_takes():
    assert fill("a" * BLOCK_CHARS) <= 1
    assert fill("a" * (BLOCK_CHARS + 1)) > 1
    assert fill("# a\n\nb\n\n" * 20) <= 1
    assert fill("# a\n\nb\n\n" * 50) > 1
    assert fill("&" * 3_000) > 1
