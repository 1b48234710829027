"""Formatting under fire: generated Markdown, cut anywhere, healed, converted, judged.

    python -m bench.formatting --texts 20000

TDLib's own parser judges what Telegram would get; Slack's limits and rules what Slack would.
No word may be lost, and no frame may show a mark that is only half there.
"""

import argparse
import itertools
import random
import re
import sys
import time
from collections import Counter

import pyromark
from msgspec.structs import asdict

from bots.slack import markup as slack
from bots.telegram.markup import fill, render
from core.live.markdown import heal
from core.live.pages import cut
from tests.servers.telegram import ApiError, check_entities

WORDS = [
    *("apple", "river", "quiet", "x1", "3.14", "don't", "e-mail", "naïve", "été"),
    *("你好", "世界", "こんにちは", "안녕", "مرحبا", "שלום", "👍", "👩\u200d👩\u200d👧", "🇩🇪"),
]
LANGUAGES = ("", "python", "c++", "sh")
MARKS = re.compile(r"\*\*|~~|\|\||\]\(|`|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")
_OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
    | pyromark.Options.ENABLE_MATH
)


class Writer:
    """Writes Markdown of every construct; `words` are the words that must be seen."""

    def __init__(self, seed):
        self._chance = random.Random(seed)
        self._numbers = itertools.count()
        self.words = []

    def text(self):
        blocks = [self._block() for _ in range(self._chance.randint(1, 8))]
        return "\n\n".join(blocks)

    def _word(self):
        # A number makes each word one of its kind.
        word = f"{self._chance.choice(WORDS)}w{next(self._numbers)}"
        self.words.append(word)
        return word

    def _words(self, most=6):
        return " ".join(self._word() for _ in range(self._chance.randint(1, most)))

    def _inline(self, depth=0):
        kinds = [self._words, self._words, self._words]
        if depth < 2:
            kinds += [
                lambda: f"**{self._words(2)} `{self._word()}` *{self._words(2)}* {self._word()}**",
                lambda: f"**{self._words(3)}**",
                lambda: f"*{self._words(3)}*",
                lambda: f"~~{self._words(3)}~~",
                lambda: f"`{self._words(2)}`",
                lambda: f"||{self._words(2)}||",
                lambda: f"[{self._words(2)}](https://example.org/{self._chance.randint(1, 99)})",
                lambda: f"${self._words(1)}$",
            ]
        parts = [self._chance.choice(kinds)() for _ in range(self._chance.randint(1, 4))]
        return " ".join(parts)

    def _block(self):
        return self._chance.choice(
            (
                self._inline,
                self._inline,
                lambda: f"{'#' * self._chance.randint(1, 4)} {self._words()}",
                self._list,
                self._quote,
                self._code,
                self._table,
                lambda: f"$$\n{self._words(2)}\n$$",
            )
        )()

    def _list(self):
        lines = []
        for number in range(self._chance.randint(1, 5)):
            mark = self._chance.choice(("-", "*", f"{number + 1}.", "- [ ]", "- [x]"))
            lines.append(f"{mark} {self._inline(1)}")
            if self._chance.random() < 0.3:
                lines.append(f"   - {self._inline(1)}")
        return "\n".join(lines)

    def _quote(self):
        return "\n".join(f"> {self._inline(1)}" for _ in range(self._chance.randint(1, 3)))

    def _code(self):
        lines = "\n".join(self._words(4) for _ in range(self._chance.randint(1, 5)))
        return f"```{self._chance.choice(LANGUAGES)}\n{lines}\n```"

    def _table(self):
        columns = self._chance.randint(2, 4)

        def row():
            return "| " + " | ".join(self._words(2) for _ in range(columns)) + " |"

        rule = "|" + "---|" * columns
        return "\n".join([row(), rule, *(row() for _ in range(self._chance.randint(1, 4)))])


def telegram_faults(markdown):
    """What is wrong with *markdown* as a Telegram message."""
    formatted = render(markdown)
    entities = [{**asdict(e), "url": e.extra, "language": e.extra} for e in formatted.entities]
    faults = []
    if fill(markdown) <= 1:
        try:
            check_entities(formatted.text, entities)
        except ApiError as error:
            faults.append(f"refused: {error}")
    shown = formatted.text.encode("utf-16-le")
    for e in sorted(formatted.entities, key=lambda e: -e.offset):
        if e.type in ("code", "pre"):
            shown = shown[: e.offset * 2] + shown[(e.offset + e.length) * 2 :]
    if found := MARKS.search(shown.decode("utf-16-le")):
        faults.append(f"dangling {found.group()!r}")
    return faults


def slack_faults(markdown):
    """What is wrong with *markdown* in a Slack block: limits, pings, half marks."""
    rendered = slack.render(markdown)
    faults = []
    if len(rendered) > 12_000:
        faults.append("too long")
    if re.search(r"<[!@#]", rendered):
        faults.append("a ping")
    code = 0
    for event in pyromark.events(rendered, options=_OPTIONS):
        kind, value = next(iter(event.items())) if isinstance(event, dict) else (event, None)
        inside = (isinstance(value, dict) and "CodeBlock" in value) or value == "CodeBlock"
        code += {"Start": 1, "End": -1}.get(kind, 0) if inside else 0
        if kind == "Text" and not code and re.search(r"\*\*|~~|\]\(|`", value):
            faults.append(f"dangling in {value!r}")
            break
    return faults


def lost(markdown, words):
    """The words of *markdown* that its pages do not show."""
    shown, rest = [], markdown
    while (page := cut(rest, 6_000, fill)) is not None:
        shown.append(render(page.head).text)
        rest = page.opening + rest[page.taken :]
    shown.append(render(rest).text)
    return [word for word in words if not any(word in page for page in shown)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--cuts", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    faults, examples, frames = Counter(), {}, 0
    began = time.monotonic()
    for number in range(options.texts):
        writer = Writer(options.seed * 10**7 + number)
        text = writer.text()
        chance = random.Random(number)
        cuts = [text[: chance.randrange(1, len(text))] for _ in range(options.cuts)]
        found = [f"lost {word} of {text!r}" for word in lost(text, writer.words)]
        found += [f"whole: {fault}" for fault in telegram_faults(text)]
        for part in cuts:
            frames += 1
            frame = heal(part)
            found += [f"{fault} | {part[-60:]!r}" for fault in telegram_faults(frame)]
            found += [f"Slack: {fault} | {part[-60:]!r}" for fault in slack_faults(frame)]
        for fault in found:
            kind = "lost" if fault.startswith("lost") else re.split(r"[:|]| in ", fault)[0][:40]
            faults[kind] += 1
            examples.setdefault(kind, fault)
    print(f"{options.texts} texts, {frames} cuts, {time.monotonic() - began:.0f} s")
    for kind, count in faults.most_common():
        print(f"{count:6}  {kind}: {examples[kind]}")
    print("faults:", sum(faults.values()))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
