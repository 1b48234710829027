"""Markdown to Telegram's entities, judged by TDLib's own checker."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.formatting import Writer, lost, slack_faults, telegram_faults
from bots.telegram import markup
from bots.telegram.entities import Entity, units
from bots.telegram.markup import MOST_ENTITIES, TEXT_UNITS, fill, plain, render
from bots.telegram.rich import unfetched, worth
from core.live.markdown import heal
from core.models.demo import answers
from tests.harness import bare
from tests.servers.telegram import check_entities, detected, stored

MARKS = st.lists(
    st.sampled_from(
        [
            *"ab *_`~|[]()#>-1.\n\\!<&@/:",
            "**",
            "```",
            "||",
            "中",
            "👍",
            "🇩🇪",
            "e\u0301",
            "\u200f",
            "\n\n",
            "| a |",
            "https://x.y",
            "](http://a.b)",
            "$x$",
            "- [ ] ",
            "مرحبا",
        ]
    ),
    max_size=60,
).map("".join)


def checked(markdown):
    formatted = render(markdown)
    check_entities(
        formatted.text,
        [
            {
                "type": e.type,
                "offset": e.offset,
                "length": e.length,
                "url": e.extra,
                "language": e.extra,
            }
            for e in formatted.entities
        ],
    )
    return formatted


def covered(formatted, kind):
    data = formatted.text.encode("utf-16-le")
    return [
        data[e.offset * 2 : (e.offset + e.length) * 2].decode("utf-16-le")
        for e in formatted.entities
        if e.type == kind
    ]


@given(MARKS)
@settings(max_examples=1500, deadline=None)
def test_no_text_is_refused_and_no_offset_is_wrong(markdown):
    """TDLib accepts the entities of anything, whole and healed at a cut."""
    checked(markdown)
    checked(heal(markdown[: len(markdown) // 2]))


@pytest.mark.parametrize(
    "question", ["markdown", "table", "code", "help", "格式", "write 5000 characters"]
)
def test_every_letter_of_an_answer_is_shown(question):
    text = answers.answer([("user", question)])
    shown = checked(text).text
    assert set(bare(shown)) >= set(bare(text)) - set("pythonjsshhttpscommarkorgx")


@pytest.mark.parametrize(
    ("markdown", "kind", "texts"),
    [
        ("**bold** 👍 **粗**", "bold", ["bold", "粗"]),
        ("*it*", "italic", ["it"]),
        ("~~no~~", "strikethrough", ["no"]),
        ("`x = 1`", "code", ["x = 1"]),
        ("||secret|| and ||more||", "spoiler", ["secret", "more"]),
        ("# Title\n\ntext", "bold", ["Title"]),
        ("> one\n> two", "blockquote", ["one\ntwo"]),
        ("[here](https://a.b/c)", "text_link", ["here"]),
        ("```py\nx\n```", "pre", ["x"]),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "pre", ["a | b\n--+--\n1 | 2"]),
        ("$x^2$", "code", ["x²"]),
    ],
)
def test_a_construct_has_its_entity(markdown, kind, texts):
    assert covered(checked(markdown), kind) == texts


def test_a_link_whose_text_names_another_site_says_where_it_goes():
    assert render("[https://bank.example](https://evil.example/x)").text == (
        "https://bank.example (evil.example)"
    )
    assert render("[bank.example](https://bank.example/login)").text == "bank.example"


def test_a_link_that_is_no_web_address_is_only_text():
    formatted = render("[press](javascript:alert(1))")
    assert covered(formatted, "text_link") == []


def test_a_wide_table_becomes_a_list_that_keeps_every_cell():
    row = "| " + " | ".join(["a long cell of words"] * 4) + " |"
    markdown = f"{row}\n|---|---|---|---|\n{row}"
    assert render(markdown).text.count("a long cell of words") >= 4
    assert covered(render(markdown), "pre") == []


def test_nested_lists_and_tasks_read_well():
    text = render("1. one\n   - deep\n2. two\n\n- [x] done\n- [ ] open").text
    assert text == "1. one\n  • deep\n2. two\n\n• ☑ done\n• ☐ open"


def test_only_marks_are_shown_as_they_are():
    assert render("**").text == "**"


def test_the_limit_counts_utf16_units_and_entities():
    assert units("a👍") == 3
    assert fill("👍" * 2048) <= 1
    assert fill("👍" * 2049) > 1
    assert fill("**b** " * (MOST_ENTITIES + 1)) > 1


@pytest.mark.parametrize(
    "text",
    [
        "\\(x\\) " * (MOST_ENTITIES + 1),
        "[a] " * (MOST_ENTITIES + 1) + "\n\n[a]: http://b.cd",
        "<http://b.c> " * (MOST_ENTITIES + 1),
        "a\n-\n\n" * (MOST_ENTITIES + 1),
        "    a\n\nb\n\n" * (MOST_ENTITIES + 1),
        "1. " * 600,
        "~~~\n" * 1_100,
        "```\na" + "\t" * 1_900 + "b",
    ],
)
def test_a_short_text_of_more_than_one_message_is_known(text):
    shown = render(text)
    units = len(shown.text.encode("utf-16-le")) // 2
    assert units > TEXT_UNITS or len(shown.entities) > MOST_ENTITIES
    assert fill(text) > 1
    assert render("**b** `c`").entities == (Entity("bold", 0, 1), Entity("code", 2, 1))


def test_generated_texts_cut_anywhere_are_never_refused_and_lose_no_word():
    """A short run of `python -m bench.formatting`."""
    for seed in range(300):
        writer = Writer(seed)
        text = writer.text()
        assert telegram_faults(text) == []
        assert lost(text, writer.words) == []
        for at in range(seed % 7 + 1, len(text), 97):
            frame = heal(text[:at])
            assert telegram_faults(frame) == [], text[:at]
            assert slack_faults(frame) == [], text[:at]


def test_a_wide_table_names_its_first_column_too():
    row = "| " + " | ".join(["a long cell of words"] * 4) + " |"
    text = render(f"| first | b | c | d |\n|---|---|---|---|\n{row}").text
    assert text.startswith("first: a long cell of words")


def test_nobody_is_called_by_what_a_model_writes():
    assert render("ask @somebody or a@b.example, `@code`").text == (
        "ask @\u2060somebody or a@b.example, @code"
    )


def test_nobody_is_called_by_a_table_that_became_a_list():
    row = "| " + " | ".join(["a long cell of words for @somebody"] * 3) + " |"
    assert "@s" not in render(f"{row}\n|---|---|---|\n{row}").text


@pytest.mark.parametrize("link", ["[write to](@somebody)", "[](@somebody)"])
def test_nobody_is_called_by_where_a_link_leads(link):
    assert "@s" not in render(link).text


def whole(markdown):
    """*markdown* rendered in one piece."""
    source = markup.Source(markdown)
    writer = markup.Writer(source)
    writer.take(markup._events(source))
    return writer.formatted()


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_blocks_rendered_one_by_one_are_what_the_whole_is(seed, share):
    text = Writer(seed).text()
    text = heal(text[: round(len(text) * share)])
    assert render(text) == whole(text) or not whole(text).text


@pytest.mark.parametrize(
    "text",
    [
        "a\n\n```\ncode\n\nmore code\n```\n\nb",
        "a\n\n````\n```\n\nmore\n````\n\nb",
        "- one\n\n  two\n\nthree\n\n1. x\n\n2. y",
        "> quote\n\nend\n\n> ```\n> code\n\n```\n\nmore\n```",
        "<!-- a\n\nb -->\n\nc",
        "[a]\n\nb\n\n[a]: https://example.com",
        "- ```\n  code\n\n  more\n  ```\n\nend",
        "a\n\n    code\n\nb\n \n# c\n\n**d**",
    ],
)
def test_what_reaches_over_an_empty_line_is_not_cut(text):
    assert render(text) == whole(text)


def test_code_may_be_called_like_a_mark():
    assert render("**a `Strong` b**").text == "a Strong b"


def test_a_long_quote_is_folded():
    assert [e.type for e in render("> short").entities] == ["blockquote"]
    assert [e.type for e in render("> long " * 60).entities] == ["expandable_blockquote"]


@pytest.mark.parametrize(
    ("markdown", "kind", "texts"),
    [
        ("**重点：**内容", "bold", ["重点："]),
        ("太**“好”**了", "bold", ["“好”"]),
        ("*中文。*后", "italic", ["中文。"]),
        ("~~删除。~~后", "strikethrough", ["删除。"]),
        ("これは**大事。**だから", "bold", ["大事。"]),
        ("안녕**(하세요)**요", "bold", ["(하세요)"]),
        ('a**"b"**c', "bold", []),
        ("`**重点：**内容`", "code", ["**重点：**内容"]),
        (r"so \(x^2\) is", "code", ["x²"]),
        (r"\[ \frac{a+b}{2} \]", "code", ["(a+b)/2"]),
        ("$$\n\\sqrt{x_1} \\leq 5\n$$", "code", ["√x₁ ≤ 5"]),
        (r"a `\(x\)` and $\alpha$", "code", [r"\(x\)", "α"]),
        ("> $$\n> x^{ab}\n> $$", "code", ["xᵃᵇ"]),
        (r"$\unknown{x}$", "code", [r"\unknown{x}"]),
        ("[$x^2$](https://a.b)", "text_link", ["x²"]),
        (
            "so\n\\begin{align*}\na &= b_1 \\\\\nc &= 2\n\\end{align*}\nend",
            "code",
            ["a = b₁\nc = 2"],
        ),
        (r"M = \begin{pmatrix}1&2\\3&4\end{pmatrix}", "code", ["1 2\n3 4"]),
        (r"\begin{array}{cc}1 & 2\end{array}", "code", ["1 2"]),
        (r"`\begin{align}a\\b\end{align}`", "code", [r"\begin{align}a\\b\end{align}"]),
    ],
)
def test_emphasis_beside_cjk_and_formulas_are_seen(markdown, kind, texts):
    assert covered(checked(markdown), kind) == texts


@pytest.mark.parametrize(
    "text",
    [
        "it is $5 and $6",
        "from $5-$10, or US$5 = CA$6.80",
        "set $HOME/bin:$PATH",
        "$5 (or 5$)",
        "$5, $6/month and 7$.",
        "what costs $$ and more",
        "a $$> > $$ b",
    ],
)
def test_prices_and_names_are_no_formulas(text):
    assert render(text) == (text.strip(), ())


@pytest.mark.parametrize(
    "markdown",
    [
        "say /stop or @somebody",
        "say \\/stop and &#47;stop",
        "**/**stop and @**some**body",
        "/||stop|| and ||@some||body",
        "(/stop) /stop@a_bot /stop. [/stop](https://a.b)",
        "- /stop\n- @somebody\n\n| /stop | @somebody |\n|---|---|\n| a | b |\n\n/new",
        "```\n/new\n```\n/new",
        "[x](@somebody) ![/stop](/stop)",
        "https://a.b /stop <https://a.b>/stop",
    ],
)
def test_nothing_in_an_answer_calls_a_person_or_sends_a_command_at_a_tap(markdown):
    formatted = checked(markdown)
    found = detected(formatted.text)
    code = [
        (e.offset, e.offset + e.length) for e in formatted.entities if e.type in ("code", "pre")
    ]
    assert [one for one in found if not any(a <= one[0] < b for a, b in code)] == []


@pytest.mark.parametrize(
    "text", ["https://medium.com/@user/x", "read /etc/hosts and a/b", "me@a.example"]
)
def test_addresses_and_paths_stay_whole(text):
    assert render(text).text == text


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("[https://bank.com](https://evil.com/x)", "https://bank.com (evil.com)"),
        ("[go to bank.com/login now](https://evil.com)", "go to bank.com/login now (evil.com)"),
        ("[**bank.com**](https://evil.com)", "bank.com (evil.com)"),
        ("[ｂａｎｋ.com](https://evil.com)", "ｂａｎｋ.com (evil.com)"),
        ("[bank\u200b.com](https://evil.com)", "bank\u200b.com (evil.com)"),
        (
            "[https://bank.com](https://bank.com@evil.com)",
            "https://bank.com (https://bank.com@evil.com)",
        ),
        ("[bank.com](https://www.bank.com/a)", "bank.com"),
        ("[a](./b) [c](mailto:d@e.f) [g](javascript:h) [i](http://localhost:3)", None),
        ("[a](https://) [b](http://[) [c](//d) [e](https://f.g:99999) [h](http://[::1]/)", None),
        ("| a |\n|---|\n| [x](https://a.b) |", "a\n-\nx"),
    ],
)
def test_a_link_says_where_it_goes_and_never_costs_the_message(markdown, text):
    shown = checked(markdown).text
    assert text is None or shown == text


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("- a\n  ```\n  code\n  ```\n  behind\n- b", "• a\n  code\n  behind\n• b"),
        ("- a\n  > quote\n\n  **behind**", "• a\n  quote\n  behind"),
        ("1. ```\n   code\n   ```\n   *behind*", "1. code\n  behind"),
        ("```\ncode\n```\nbehind", "code\n\nbehind"),
        ("- a\n  - b\n- c", "• a\n  • b\n• c"),
    ],
)
def test_text_behind_a_block_stands_on_its_own_line(markdown, text):
    assert checked(markdown).text == text


@pytest.mark.parametrize(
    "markdown",
    ["a\tb", "a\r\nb", "a&#x202e;b\u2028c", "```\n\tcode\n```", "A\u030a g\u030a", "a\x01b"],
)
def test_a_text_is_what_telegram_keeps_of_it(markdown):
    formatted = checked(markdown)
    assert stored(formatted.text) == formatted.text


def test_indentation_by_tabs_survives():
    assert render("```\nif x:\n\treturn\n```").text == "if x:\n    return"


def test_a_wide_sparse_table_does_not_grow():
    markdown = "|a" * 500 + "\n" + "|-" * 500 + "\n" + "|\n" * 500
    assert len(render(markdown).text) <= 2 * len(markdown)


def test_deeply_nested_lists_do_not_grow():
    markdown = "".join("  " * depth + "- a\n" for depth in range(100))
    assert len(render(markdown).text) <= len(markdown)
    assert len(render("- " * 2000 + "a").text) <= 20 * 2000 + 1


def test_a_caption_calls_nobody():
    shown = plain("revised: @somebody, /stop\u202e \ud800")
    assert detected(shown) == []
    assert stored(shown) == shown


TABLE = "|a|b|\n|---|---|\n|1|2|\n\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](https://elsewhere.example/?d=secret)", "[x](https://elsewhere.example/?d=secret)"),
        ("![x][1]\n\n[1]: https://elsewhere.example/", "[x][1]\n\n[1]: https://elsewhere.example/"),
        ('<img src="https://elsewhere.example/">', '&lt;img src="https://elsewhere.example/">'),
        (
            '< VIDEO src="https://elsewhere.example/">',
            '&lt; VIDEO src="https://elsewhere.example/">',
        ),
    ],
)
def test_a_rich_message_holds_nothing_that_telegram_would_fetch_by_itself(text, shown):
    assert worth(TABLE)
    assert not worth(TABLE + text)
    assert unfetched(text) == shown
    assert unfetched(TABLE) == TABLE


@pytest.mark.parametrize(
    ("markdown", "address", "kinds"),
    [
        ("see https://x.org/pkg/__init__.py now", "https://x.org/pkg/__init__.py", []),
        ("https://x.org/sign-in/_ab_", "https://x.org/sign-in/_ab_", []),
        ("www.x.org/*a*/~~b~~c", "www.x.org/*a*/~~b~~c", []),
        ("**https://x.org/__a__**，然后", "https://x.org/__a__", ["bold"]),
        ("*(https://x.org/_a_)*", "https://x.org/_a_", ["italic"]),
        ("[https://x.org/__a__](https://x.org/__a__)", "https://x.org/__a__", ["text_link"]),
        ("`https://x.org/__a__`", "https://x.org/__a__", ["code"]),
        ("```\nhttps://x.org/__a__\n```", "https://x.org/__a__", ["pre"]),
        ("| a |\n|---|\n| https://x.org/__a__ |", "https://x.org/__a__", ["pre"]),
    ],
)
def test_marks_inside_an_address_are_a_part_of_it(markdown, address, kinds):
    shown = render(markdown)
    assert address in shown.text
    assert [entity.type for entity in shown.entities] == kinds
