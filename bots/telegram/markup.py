"""Markdown to Telegram's (text, entities). Pure.

Entities need no parse mode, so no text can be refused for its markup. Parsed
by pulldown-cmark (`pyromark`). `telegramify-markdown` stands on the same parser;
ours are a table that fits a phone and a link that says where it goes.

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
"""sendMessage, editMessageText: text, UTF-16 units after entities parsing."""
CAPTION_UNITS = 1024
"""sendPhoto: caption."""
MOST_ENTITIES = 100
"""Further ones are ignored by the server."""

_OPTIONS = pyromark.Options.ENABLE_STRIKETHROUGH | pyromark.Options.ENABLE_TASKLISTS
_TABLES = pyromark.Options.ENABLE_TABLES
MOST_COLUMNS = 64
"""A wider table is none: its rows would be filled up with as many cells each."""
EVENTS_AT_ONCE = 256
ITEM_CHARS = 20
"""What the sign of a list may become at most."""


def fill(markdown: str) -> float:
    """How much of one message *markdown*, rendered, takes: up to 1.0 it is one."""
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
        return units(markdown) / TEXT_UNITS  # Only marks: shown as they are.
    # About, if it is too long: as if what was not looked at were of the same kind.
    return _share(chars - 2, entities) * max(1.0, len(markdown) / seen)


def _share(chars: int, entities: int) -> float:
    return max(chars / TEXT_UNITS, entities / MOST_ENTITIES)


def _surely_fits(markdown: str) -> float:
    """About as `fill`, without a look: short, with little that grows or is marked; else 0.0."""
    if "|" in markdown or "](" in markdown:
        return 0.0
    long = units(markdown)
    # An item of a list may be indented, a tab becomes spaces.
    most = 2 * long + ITEM_CHARS * sum(map(markdown.count, "-+*.)\t"))
    # A heading or a block of code may have no mark of its own, but a line.
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
        # Only marks (such as "**"): better shown as they are than not at all.
        return Formatted(plain(markdown), ())
    return parts[0] if len(parts) == 1 else joined(parts, "\n\n")


def plain(text: str) -> str:
    """*text* as it is, as a caption: it calls nobody, and sends no command at a tap."""
    return formatted(_clean(text), ()).text.strip()


class _Block:
    """One block, drawn as far as somebody has asked."""

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
        """Its units and entities; about, where they are far too many for one message."""
        while self._writer is not None and (some := list(islice(self._events, EVENTS_AT_ONCE))):
            self._writer.take(some)
            # What is taken out later, such as the marks of spoilers, is less than half.
            if _share(*self._writer.written) > 2:
                return self._writer.written
        shown = self.shown()
        return units(shown.text), len(shown.entities)


@lru_cache(maxsize=1024)
def drawn(markdown: str) -> _Block:
    """A block: of a growing answer, all but the last have been drawn for an earlier frame."""
    return _Block(markdown)


def _events(source: Source) -> Iterable[Any]:
    text = source.text
    wide = "|" in text and any(line.count("|") > MOST_COLUMNS for line in text.split("\n"))
    return pyromark.events(text, options=_OPTIONS if wide else _OPTIONS | _TABLES)


def _clean(markdown: str) -> str:
    """Without what Telegram refuses, and with accents as it keeps them."""
    if markdown.isascii():
        return markdown.replace("\0", "")
    markdown = clean(markdown).replace("\0", "")
    return unicodedata.normalize("NFC", markdown) if "\u030a" in markdown else markdown
