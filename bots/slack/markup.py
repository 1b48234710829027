"""Markdown for Slack's markdown blocks. Pure.

Source: docs.slack.dev, markdown block (12,000 characters in a whole payload) and "Formatting text"
(control sequences, escaping of &, <, >).
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pyromark

from bots.code import outside_code
from bots.emphasis import friendly
from bots.formulas import formulas, unfinished
from bots.latex import readable
from bots.links import host, misnames
from core.border import clean

BLOCK_CHARS = 11_000
"""A block takes 12,000. A payload fails near 13,200, and buttons need some of that."""
FALLBACK_CHARS = 300
"""chat.update refuses a `text` over 4,000 characters. Only notifications show it."""

PLAIN_CHARS = 9_000
SECTION_CHARS = 3_000
"""The longest text of a section block. Three of them stay well under the payload's limit."""

RENDERED_CHARS, HEADING_CHARS = 12_500, 100
"""Slack refuses a message near 13,200 rendered characters. It counts signs as entities, and about
100 more for a heading."""
MOST_PARTS = 48
"""Slack makes a block of each heading, fence, table, rule and the text between: 50 at most."""
_HAIR_SPACE = "\u200a"
_PART = re.compile(r"^ {0,3}(?:#{1,6} |```|~~~|---|\*\*\*|\|[ :|]*-)", re.MULTILINE)
_OPEN_END = re.compile(r"(?:[*~<]|(?<!\w)@[a-z]{0,8})+\Z")
LOOK_BACK = 60
"""An open end is taken off in pieces of at most so many characters."""
_PING = re.compile(r"<(?=[!@#])|(?<!\w)@(?=(?:channel|here|everyone)\b)")


def fill(markdown: str) -> float:
    """How much of one message the rendered *markdown* fills: up to 1.0 it fits."""
    rendered = render(markdown)
    parts = _PART.findall(rendered)
    headings = sum("#" in part for part in parts)
    fences = sum(part.strip() in ("```", "~~~") for part in parts)
    # A fence has two such lines. Text may stand before each part, and after the last one.
    shown_parts = 2 * (len(parts) - fences // 2) + 1
    signs = 4 * rendered.count("&") + 3 * (rendered.count("<") + rendered.count(">"))
    return max(
        len(rendered) / BLOCK_CHARS,
        shown_parts / MOST_PARTS,
        (len(rendered) + signs + HEADING_CHARS * headings) / RENDERED_CHARS,
    )


@lru_cache(maxsize=64)
def render(markdown: str) -> str:
    """*markdown* for Slack. Nothing in it calls a person, a channel or everyone."""
    markdown = outside_code(_told_links(clean(markdown)), _prose)
    return _PING.sub(lambda ping: f"{ping.group()}\u200b", markdown)


def settled(markdown: str) -> str:
    """*markdown* without an end that Slack would render differently when more text follows."""
    end = unfinished(markdown)
    while end and (match := _OPEN_END.search(markdown, max(0, end - LOOK_BACK), end)):
        end = match.start()
    return markdown[:end]


def _prose(text: str) -> str:
    parts, last = [], 0
    for formula in formulas(text):
        shown = readable(formula.tex).replace("\n", " ").replace("`", "'")
        parts += [text[last : formula.start], f"`{shown}`"]
        last = formula.end
    return friendly("".join([*parts, text[last:]]), _HAIR_SPACE)


def _told_links(markdown: str) -> str:
    """*markdown*; where a link's text names another site, the real site is added."""
    if "](" not in markdown:
        return markdown
    places: list[tuple[int, str]] = []
    target = ""
    said: list[str] = []
    event: Any
    for event, place in pyromark.events_with_range(markdown, merge_text=True):
        if isinstance(event, str):
            continue
        ((kind, value),) = event.items()
        if kind in ("Text", "Code"):
            said.append(value)
        elif kind == "End" and value == "Link":
            if misnames("".join(said), target):
                places.append((place["end"], f" ({host(target) or target})"))
        elif kind == "Start" and "Link" in value and not isinstance(value, str):
            target, said = value["Link"]["dest_url"], []
    if not places:
        return markdown
    # The parser counts positions in bytes.
    whole = markdown.encode()
    ends = [0, *(at for at, _ in places), len(whole)]
    told = [*(site for _, site in places), ""]
    pieces = (whole[start:end].decode() for start, end in pairwise(ends))
    return "".join(piece + site for piece, site in zip(pieces, told, strict=True))


def fallback(markdown: str) -> str:
    """What a notification shows of *markdown*."""
    return _shortened(_escaped(" ".join(render(markdown).split())), FALLBACK_CHARS)


def plain(markdown: str) -> str:
    """*markdown* as unformatted text, cut to what one message can hold."""
    return _shortened(markdown, PLAIN_CHARS)


def _shortened(text: str, most_chars: int) -> str:
    return text if len(text) <= most_chars else text[: most_chars - 1] + "…"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
