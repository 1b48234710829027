"""What the worst texts cost on their way to the screen and to the model, and how that grows.

    python -m bench.worst_case

Each text is a fragment again and again: what was found to be slow once, and what is of its kind.
The slope says how the time grows from 10,000 to 100,000 characters: 1 is in proportion.
"""

import argparse
import math
import random
import time
from functools import partial

from bots.latex import readable
from bots.slack import markup as slack
from bots.telegram import markup as telegram
from core.live.markdown import heal
from core.live.pages import PagedText
from core.models.filter import Filter, Rule
from core.turn.generation import Generation

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
    *(
        "$a$*b*",
        "$a$@bc ",
        "$a$\n\n",
        "\\(x\\)",
        "\\[x\\]",
        "$$x$$",
        "`$`",
        "\\[\n\n",
        ">- ",
        "~~~\na\n",
        "a~~~\n",
        "```x`\n",
    ),
    *(
        "👨\u200d👩\u200d👧",
        "👍🏽",
        "שלום ",
        "a\u030a",
        "中*",
        "[b.c](http://d.e)",
        "|a|b|\n|-|-|\n",
        "*a*/b ",
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
    for number in range(pairs // 10):
        pool = chance.sample(FRAGMENTS, 8)
        soup = "".join(chance.choices(pool, k=2_000))
        yield f"soup {number} of {pool!r}", lambda n, t=soup: (t * (n // len(t) + 1))[:n]
    yield "formulas, each another one", lambda n: "".join(f"$x_{k}$" for k in range(n // 8))
    yield "formulas that an empty line forbids", lambda n: ("\\[" * 900 + "\n\n\\]") * (n // 1_804)
    yield "a table of 24 blank cells", lambda n: "| a " * (n // 8) + "|\n" + "|  " * (n // 6) + "|"
    yield "marks, then brackets", lambda n: "*a " * (n // 6) + "]" * (n // 2)
    yield "nested lists", lambda n: "".join("  " * (k % 50) + "- a\n" for k in range(n // 54))


FILTER = Filter([Rule("mask", ["bomb", "坏人"], [r"\d{4}-\d{4}"])])


def grow(text):
    """An answer that comes in pieces of 40 characters and is looked at after every fortieth."""
    page, generation = PagedText(10**6, lambda _: 0.0), Generation("")
    for number, at in enumerate(range(0, len(text), 40)):
        generation.think(text[at : at + 40], aloud=True)
        generation.add(text[at : at + 40])
        page.write(lambda: generation.text)
        if number % 40 == 0:
            page.frame(20)


def paginate(text, most_chars=6_000):
    """All pages of *text*, as Telegram takes them."""
    pages = PagedText(most_chars, telegram.fill)
    pages.whole = text
    while (page := pages.cut()) is not None:
        pages.turn(page)


def frame(text, most_chars, port):
    """All that is done at once for a frame: what stands on its page is found, healed and drawn."""
    page = PagedText(most_chars, port.fill)
    page.whole = text
    cut = page.cut()
    port.render(cut.head if cut is not None else f"{page.frame(100)} ▍")


WORKS = {
    "heal": heal,
    "Telegram": telegram.render,
    "Telegram, a frame": partial(frame, most_chars=6_000, port=telegram),
    "Slack": slack.render,
    "Slack, a frame": partial(frame, most_chars=slack.BLOCK_CHARS, port=slack),
    "pages": paginate,
    "growing": grow,
    "filter": FILTER.screen,
    "formula": readable,
}


def forget():
    """As if nothing had been drawn before."""
    for remembers in (telegram.render, telegram.drawn, slack.render, readable):
        remembers.cache_clear()


def seconds(work, text):
    forget()
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
            if took[0] > max((row[0] for row in rows), default=0.0):
                took[0] = min(took[0], *(seconds(work, make(LENGTHS[1])) for _ in range(4)))
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
