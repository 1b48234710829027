"""Sources as links under an answer: neutral, each once, at most so many."""

import pytest

from bots.slack.markup import render as slack
from bots.telegram.markup import render as telegram
from core.languages.catalogue import Language
from core.models.chunks import Source
from core.turn.links import MOST, listed, with_links

EN = Language("en")


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "tg://user?id=1",
        "https://",
        "https://user@evil.example/",
        "https://bank.example@evil.example/",
        "https://a.example/\u202egpj.exe",
        "https://a.example/x\ny",
        "https://a.example/" + "x" * 5_000,
        "",
    ],
)
def test_an_address_that_is_not_read_strictly_is_no_link(address):
    sources = [Source(address, "Title"), Source("https://b.example/", "B")]
    assert listed("", sources, EN) == "**Sources**\n2. [B](https://b.example/)"
    assert with_links("See [1] and [2].", sources) == "See [1] and [2](https://b.example/)."
    assert listed("", sources[:1], EN) == ""


@pytest.mark.parametrize(
    "path", ["a_(b)", "a)](tg://user?id=1)", "a|b", "a'b\"c", "a*b*_c_~d~", "a`b`", "a>b<!channel>"]
)
def test_nothing_in_an_address_or_a_title_ends_its_link_or_names_anybody(path):
    source = Source(f"https://a.example/{path}", f"{path} [x](http://evil.example) <!here>\u202e")
    text = listed("", [source], EN)
    line = text.splitlines()[1]
    assert line.count("](") == 1
    assert line.count("(") - line[: line.index("](")].count("(") == 1
    assert line.endswith(")")
    shown = telegram(text)
    (link,) = [one for one in shown.entities if one.type == "text_link"]
    assert link.extra.startswith("https://a.example/")
    assert "<!" not in slack(text)
    assert "\u202e" not in text


def test_a_page_stands_once_whatever_its_title_or_fragment():
    sources = [
        Source("https://a.example/x", "A"),
        Source("https://a.example/x#part", "A again"),
        Source("https://a.example/x/", "And again"),
        Source("https://b.example", "B"),
    ]
    assert listed("", sources, EN).splitlines()[1:] == [
        "(1) [A](https://a.example/x)",
        "(4) [B](https://b.example)",
    ]
    # A number in the text leads to its own page all the same.
    assert with_links("[2]", sources) == "[2](https://a.example/x#part)"


def test_numbers_with_a_gap_are_no_list_because_a_list_counts_on_by_itself():
    sources = [Source(f"https://{one}.example/", one) for one in "abcde"]
    assert listed("As [2] and [3] say.", sources, EN).splitlines()[1].startswith("2. [b]")
    assert listed("As [2] and [5] say.", sources, EN).splitlines()[1:] == [
        "(2) [b](https://b.example/)",
        "(5) [e](https://e.example/)",
    ]


def test_no_more_pages_are_listed_than_anybody_reads():
    sources = [Source(f"https://a.example/{n}", str(n)) for n in range(40)]
    assert len(listed("", sources, EN).splitlines()) == MOST + 1
