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
EVENTS_AT_ONCE = 512


def fits(markdown: str) -> bool:
    """Whether *markdown*, rendered, is one message."""
    if _surely_fits(markdown):
        return True
    chars = entities = 0
    for block in blocks(_clean(markdown)):
        if _surely_too_long(block):
            return False
        shown = render_block(block)
        chars += units(shown.text) + 2 * bool(chars and shown.text)
        entities += len(shown.entities)
        if chars > TEXT_UNITS or entities > MOST_ENTITIES:
            return False
    return True


def _surely_too_long(block: str) -> bool:
    """Whether *block* is so much longer than one message that it need not be read to its end."""
    if len(block) < TEXT_UNITS:
        return False
    source = Source(block)
    writer = Writer(source)
    events = iter(_events(source))
    while some := list(islice(events, EVENTS_AT_ONCE)):
        writer.take(some)
        chars, entities = writer.written
        # What is taken out later, such as the marks of spoilers, is less than half.
        if chars > 2 * TEXT_UNITS or entities > 2 * MOST_ENTITIES:
            return True
    return False


def _surely_fits(markdown: str) -> bool:
    """Without a look: short, with nothing that grows, and fewer marks than entities."""
    if len(markdown) * 2 > TEXT_UNITS or "|" in markdown or "](" in markdown:
        return False
    return sum(map(markdown.count, "*_`~>#$")) <= MOST_ENTITIES


@lru_cache(maxsize=128)
def render(markdown: str) -> Formatted:
    """*markdown* as text and entities; never empty unless *markdown* is blank."""
    markdown = _clean(markdown)
    parts = [part for block in blocks(markdown) if (part := render_block(block)).text.strip()]
    if not parts:
        # Only marks (such as "**"): better shown as they are than not at all.
        return Formatted(plain(markdown), ())
    return parts[0] if len(parts) == 1 else joined(parts, "\n\n")


def plain(text: str) -> str:
    """*text* as it is, as a caption: it calls nobody, and sends no command at a tap."""
    return formatted(_clean(text), ()).text.strip()


@lru_cache(maxsize=1024)
def render_block(block: str) -> Formatted:
    """One block: of a growing answer, all but the last have been rendered for an earlier frame."""
    source = Source(block)
    writer = Writer(source)
    writer.take(_events(source))
    return writer.formatted()


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
