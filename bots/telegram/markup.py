"""Markdown to Telegram's (text, entities). Pure.

With entities, and without a parse mode, Telegram cannot refuse a text for its markup. The parser is
pulldown-cmark (`pyromark`), as in `telegramify-markdown`. We add tables that fit a phone, and
links that say where they go.

Source of entity rules: core.telegram.org/bots/api, MessageEntity and formatting
options. Offsets and lengths are UTF-16 code units.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Any

import pyromark

from bots.telegram.blocks import blocks
from bots.telegram.entities import Formatted, formatted, joined, units
from bots.telegram.source import Source
from bots.telegram.writer import Writer
from core.border import clean

TEXT_UNITS = 4096
"""sendMessage, editMessageText: the longest text, in UTF-16 units after parsing."""
CAPTION_UNITS = 1024
"""sendPhoto: the longest caption."""
MOST_ENTITIES = 100
"""The server ignores further ones."""

_OPTIONS = pyromark.Options.ENABLE_STRIKETHROUGH | pyromark.Options.ENABLE_TASKLISTS
_TABLES = pyromark.Options.ENABLE_TABLES
MOST_COLUMNS = 64
"""A wider table is not read as one: the parser would fill each row with so many cells."""
EVENTS_AT_ONCE = 256
ITEM_CHARS = 20
"""The longest text that a list sign can become."""


def fill(markdown: str) -> float:
    """How much of one message the rendered *markdown* fills: up to 1.0 it fits."""
    markdown = _clean(markdown)
    if surely := _surely_fits(markdown):
        return surely
    chars = entities = seen = 0
    for block in blocks(markdown):
        more_chars, more_entities = drawn(block).size()
        chars += more_chars + 2 * bool(more_chars)
        entities += more_entities
        seen += len(block) + 2
        if _share(chars - 2, entities) > 1:
            break
    if not chars:
        return units(markdown) / TEXT_UNITS  # Only marks. They are shown as they are.
    # For a long text this is an estimate: the rest is taken to be of the same kind.
    return _share(chars - 2, entities) * max(1.0, len(markdown) / seen)


def _share(chars: int, entities: int) -> float:
    return max(chars / TEXT_UNITS, entities / MOST_ENTITIES)


def _surely_fits(markdown: str) -> float:
    """An estimate of `fill` for a short text with few marks, without rendering; else 0.0."""
    if "|" in markdown or "](" in markdown:
        return 0.0
    long = units(markdown)
    # An item of a list may be indented, and a tab becomes spaces.
    most = 2 * long + ITEM_CHARS * sum(map(markdown.count, "-+*.)\t"))
    # Some headings and code blocks have no mark, only a line of their own.
    marks = sum(map(markdown.count, "*_`~>#$\\[<\n"))
    if most > TEXT_UNITS or marks > MOST_ENTITIES:
        return 0.0
    return min(0.9, _share(long + 1, marks))


@lru_cache(maxsize=128)
def render(markdown: str) -> Formatted:
    """*markdown* as text and entities; never empty unless *markdown* is blank."""
    markdown = _clean(markdown)
    parts = [part for block in blocks(markdown) if (part := drawn(block).shown()).text.strip()]
    if not parts:
        # Only marks (such as "**"). It is better to show them than nothing.
        return Formatted(plain(markdown), ())
    return parts[0] if len(parts) == 1 else joined(parts, "\n\n")


def plain(text: str) -> str:
    """*text* as a caption, unformatted. It calls nobody, and a tap sends no command."""
    return formatted(_clean(text), ()).text.strip()


class _Block:
    """One block. It is drawn only as far as needed."""

    def __init__(self, markdown: str) -> None:
        source = Source(markdown)
        self._events = iter(_events(source))
        self._writer: Writer | None = Writer(source)
        self._shown = Formatted("", ())

    def shown(self) -> Formatted:
        if self._writer is not None:
            self._writer.take(self._events)
            self._shown, self._writer = self._writer.formatted(), None
        return self._shown

    def size(self) -> tuple[int, int]:
        """Its units and entities; an estimate, if they are far too many for one message."""
        while self._writer is not None and (some := list(islice(self._events, EVENTS_AT_ONCE))):
            self._writer.take(some)
            # Less than half is removed later, such as the marks of spoilers.
            if _share(*self._writer.written) > 2:
                return self._writer.written
        shown = self.shown()
        return units(shown.text), len(shown.entities)


@lru_cache(maxsize=1024)
def drawn(markdown: str) -> _Block:
    """A block, kept for later. In a growing answer only the last block is new in each frame."""
    return _Block(markdown)


def _events(source: Source) -> Iterable[Any]:
    text = source.text
    wide = "|" in text and any(line.count("|") > MOST_COLUMNS for line in text.split("\n"))
    return pyromark.events(text, options=_OPTIONS if wide else _OPTIONS | _TABLES)


def _clean(markdown: str) -> str:
    """*markdown* without what Telegram refuses, and with accents as Telegram stores them."""
    if markdown.isascii():
        return markdown.replace("\0", "")
    markdown = clean(markdown).replace("\0", "")
    return unicodedata.normalize("NFC", markdown) if "\u030a" in markdown else markdown
