"""What the worst texts cost on their way to the screen and to the model, and how that grows.

    python -m bench.worst_case

Each text is a fragment again and again: what was found to be slow once, and what is of its kind.
The slope says how the time grows from 10,000 to 100,000 characters: 1 is in proportion.
"""

import argparse
import math
import random
import time

from bots.latex import readable
from bots.slack import markup as slack
from bots.telegram import markup as telegram
from core.live.markdown import heal
from core.live.pages import PagedText
from core.models.filter import Filter, Rule
from core.turn.draft import Draft

LENGTHS = (1_000, 10_000, 100_000)
NOISE_S = 0.002
"""Less than this says nothing of how it grows."""
SLOPE = 1.25

FRAGMENTS = (
    *"*_`~|[]()<>#!$\\&@/:-+=.^{}'\"a中",
    *("**", "***", "[a](", "![", "](", "](b)", "[a]: b\n", "[^a]", "[^a]: x\n", "> ", "- ", "1. "),
    *(
        "  - ",
        "\n\n",
        "```\n",
        "```x\n",
        "~~~",
        "~~~\n",
        "| ",
        "|-|",
        "|-|\n",
        "| a |\n",
        "<a",
        "<!--",
    ),
    *("-->", "<?", "<![CDATA[", "<a b=", "&amp;", "&#1;", "http://a.b/", "a@b.c", "$$", "$a$"),
    *("\\(", "\\[", "*a ", "a* ", "**a", "_a ", "~~a", "`a", "``a", "[a", "[a]", "||a", "||a||"),
    *(
        "\u200d",
        "\u0301",
        "\u200f",
        "👍",
        "# ",
        "===\n",
        "---\n",
        "    a",
        "\n> ",
        "\n- ",
        "\r",
        "\r\n",
    ),
    *(
        "*a_ ",
        "*a**b",
        "[*a",
        "[`a",
        "<b>",
        "\\\\",
        "\\*",
        "![a](b)",
        "[a](<b",
        "> > ",
        ">- ",
        "a\n",
    ),
    *(
        "/a ",
        "@ab ",
        "/a",
        "@",
        "：**a",
        "**。**a",
        "\\frac{",
        "x^{",
        "_{",
        "$x",
        "\u00a0",
        "\u2028",
    ),
    *("[![a](b)", "- [ ] a\n", "<!channel>", "a. ", "。", "a" * 99 + " ", "\ud800", "\u200b", "ｂ"),
)


def texts(pairs, seed=1):
    """(name, text of *n* characters for each n): each fragment, and *pairs* of two of them."""
    chance = random.Random(seed)
    for one in FRAGMENTS:
        yield repr(one), lambda n, one=one: (one * (n // len(one) + 1))[:n]
    for _ in range(pairs):
        a, b = chance.choice(FRAGMENTS), chance.choice(FRAGMENTS)
        yield f"{a!r} and {b!r} in turn", lambda n, t=a + b: (t * (n // len(t) + 1))[:n]
        yield (
            f"{a!r}, then {b!r}",
            lambda n, a=a, b=b: a * (n // len(a) // 2) + b * (n // len(b) // 2),
        )
    yield "a table of 24 blank cells", lambda n: "| a " * (n // 8) + "|\n" + "|  " * (n // 6) + "|"
    yield "marks, then brackets", lambda n: "*a " * (n // 6) + "]" * (n // 2)
    yield "nested lists", lambda n: "".join("  " * (k % 50) + "- a\n" for k in range(n // 54))


FILTER = Filter([Rule("mask", ["bomb", "坏人"], [r"\d{4}-\d{4}"])])


def grow(text):
    """An answer that comes in pieces of 40 characters and is looked at after every fortieth."""
    page, draft = PagedText(10**6, lambda _: True), Draft("")
    for number, at in enumerate(range(0, len(text), 40)):
        draft.think(text[at : at + 40], aloud=True)
        draft.add(text[at : at + 40])
        page.write(lambda: draft.text)
        if number % 40 == 0:
            page.frame(20)


def paginate(text, most_chars=6_000):
    """All pages of *text*, as Telegram takes them."""
    pages = PagedText(most_chars, telegram.fill)
    pages.whole = text
    while (page := pages.cut()) is not None:
        pages.turn(page)


def convert(text):
    telegram.render.cache_clear()
    telegram.drawn.cache_clear()
    telegram.render(text)


WORKS = {
    "heal": heal,
    "Telegram": convert,
    "Slack": slack.render,
    "pages": paginate,
    "growing": grow,
    "filter": FILTER.screen,
    "formula": readable,
}


def seconds(work, text):
    began = time.process_time()
    work(text)
    return time.process_time() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    lengths = " | ".join(f"{n:,} characters, ms" for n in LENGTHS)
    print(f"| | worst text | {lengths} | slope | texts steeper than {SLOPE} |")
    print("|---|---|---|---|---|---|---|")
    for name, work in WORKS.items():
        rows, steep = [], 0
        for label, make in texts(options.pairs, options.seed):
            took = [seconds(work, make(n)) for n in LENGTHS[1:]]
            if took[1] > NOISE_S and math.log10(took[1] / max(took[0], 1e-5)) > SLOPE:
                # Whatever else this machine does, only adds.
                took = [min(seconds(work, make(n)) for _ in range(3)) for n in LENGTHS[1:]]
                slope = math.log10(took[1] / max(took[0], 1e-5))
                if slope > SLOPE and took[0] > NOISE_S:
                    steep += 1
                    print(f"<!-- {name}: {label}: {took[0]:.4f} s, {took[1]:.4f} s -->")
            rows.append((took[0], took[1], label, make))
        first, last, label, make = max(rows, key=lambda row: row[0])
        least = min(seconds(work, make(LENGTHS[0])) for _ in range(3))
        cells = " | ".join(f"{1000 * took:.1f}" for took in (least, first, last))
        slope = math.log10(last / max(first, 1e-5))
        print(
            f"| {name} | {label.replace('|', '¦')} | {cells} | {slope:.2f} | {steep} |", flush=True
        )


if __name__ == "__main__":
    main()
