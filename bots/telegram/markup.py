"""Markdown to Telegram's (text, entities). Pure.

Entities need no parse mode, so no text can be refused for its markup. Parsed
by pulldown-cmark (`pyromark`). `telegramify-markdown` stands on the same parser;
ours are a table that fits a phone and a link that says where it goes.

Source of entity rules: core.telegram.org/bots/api, MessageEntity and formatting
options. Offsets and lengths are UTF-16 code units.
"""

from functools import lru_cache

import pyromark

from bots.telegram.blocks import blocks
from bots.telegram.entities import Formatted, joined, units
from bots.telegram.writer import Writer

TEXT_UNITS = 4096
"""sendMessage, editMessageText: text, UTF-16 units after entities parsing."""
CAPTION_UNITS = 1024
"""sendPhoto: caption."""
MOST_ENTITIES = 100
"""Further ones are ignored by the server."""

_OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
    | pyromark.Options.ENABLE_MATH
)


def fits(markdown: str) -> bool:
    """Whether *markdown*, rendered, is one message."""
    if _surely_fits(markdown):
        return True
    formatted = render(markdown)
    return units(formatted.text) <= TEXT_UNITS and len(formatted.entities) <= MOST_ENTITIES


def _surely_fits(markdown: str) -> bool:
    """Without a look: short, with nothing that grows, and fewer marks than entities."""
    if len(markdown) * 2 > TEXT_UNITS or "|" in markdown or "](" in markdown:
        return False
    return sum(map(markdown.count, "*_`~>#$")) <= MOST_ENTITIES


@lru_cache(maxsize=128)
def render(markdown: str) -> Formatted:
    """*markdown* as text and entities; never empty unless *markdown* is blank."""
    # Telegram refuses NUL, and shows other control characters as nothing.
    markdown = markdown.replace("\0", "")
    parts = [part for block in blocks(markdown) if (part := render_block(block)).text]
    if not parts:
        # Only marks (such as "**"): better shown as they are than not at all.
        return Formatted(markdown.strip(), ())
    return parts[0] if len(parts) == 1 else joined(parts, "\n\n")


@lru_cache(maxsize=1024)
def render_block(block: str) -> Formatted:
    """One block: of a growing answer, all but the last have been rendered for an earlier frame."""
    writer = Writer()
    writer.take(pyromark.events(block, options=_OPTIONS))
    return writer.formatted()
