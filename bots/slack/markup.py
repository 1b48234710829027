"""Markdown for Slack's markdown blocks. Pure.

Source: docs.slack.dev, markdown block (12,000 characters in all of a payload)
and "Formatting text" (control sequences, escaping of &, <, >).
"""

import re

BLOCK_CHARS = 11_000
"""The block takes 12,000, the whole payload fails near 13,200; buttons need some of it."""
FALLBACK_CHARS = 300
"""chat.update: `text` over 4,000 characters is refused; it is only the notification's text."""

PLAIN_CHARS = 9_000
SECTION_CHARS = 3_000
"""A section block holds so much text; three of them stay well under the payload's limit."""

_PING = re.compile(r"<(?=[!@#])|(?<!\w)@(?=(?:channel|here|everyone)\b)")


def fits(markdown: str) -> bool:
    """Whether *markdown* is one message."""
    return len(render(markdown)) <= BLOCK_CHARS


def render(markdown: str) -> str:
    """*markdown* as Slack may show it: nothing in it calls a person, a channel or everyone."""
    return _PING.sub(lambda ping: f"{ping.group()}\u200b", markdown)


def fallback(markdown: str) -> str:
    """What a notification shows of *markdown*."""
    return _shortened(_escaped(" ".join(render(markdown).split())), FALLBACK_CHARS)


def plain(markdown: str) -> str:
    """*markdown* as unformatted text, as much of it as one message can hold."""
    return _shortened(markdown, PLAIN_CHARS)


def _shortened(text: str, most_chars: int) -> str:
    return text if len(text) <= most_chars else text[: most_chars - 1] + "…"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
