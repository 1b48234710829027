"""Splitting: a long answer over several posts, each readable alone.

A page is cut at the best boundary of its last part; a code fence that is open
there is closed, and opened again with its language on the next page.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from core.live.markdown import FENCE, open_fence

LOOK_BACK = 0.35
"""How much of a full page may be given up for a better boundary."""

_ROW = re.compile(r"^\s*\|.*$")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])")


class Cut(NamedTuple):
    """*head* is the full page, *taken* the characters on it, *opening* begins the next page."""

    head: str
    taken: int
    opening: str


def cut(text: str, most_chars: int, fits: Callable[[str], bool]) -> Cut | None:
    """Cut the first page off *text*; None when all of *text* fits on one.

    Args:
        most_chars: no page is longer; *fits* is asked only below that.
        fits: whether a page, rendered, is within the platform's limit.
    """
    if len(text) <= most_chars and fits(text):
        return None
    end = _longest(text, min(most_chars, len(text)), fits)
    end = _boundary(text, end)
    return _page(text, end)


class PagedText:
    """A growing text, of which full pages are taken off. Arguments as `cut`'s.

    Attributes:
        whole: all of it; may be replaced at any time.
        behind: how many of its characters stand on full pages.
    """

    def __init__(self, most_chars: int, fits: Callable[[str], bool]) -> None:
        self._most_chars = most_chars
        self._fits = fits
        self._opening = ""
        self.whole = ""
        self.behind = 0

    @property
    def page(self) -> str:
        """What stands on no full page."""
        return self._opening + self.whole[self.behind :]

    def cut(self) -> Cut | None:
        """The page to finish first; None if there is room for all."""
        return cut(self.page, self._most_chars, self._fits)

    def cut_early(self) -> Cut:
        """The page to finish first, although there is room for more."""
        text = self.page
        return cut(text, max(1, len(text) - 1), self._fits) or Cut(text, len(text), "")

    def turn(self, page: Cut) -> None:
        """Take *page*, which is finished, off."""
        self.behind += page.taken - len(self._opening)
        self._opening = page.opening

    def begin_again(self) -> None:
        """Put all pages back."""
        self.behind, self._opening = 0, ""


def _page(text: str, end: int) -> Cut:
    head = text[:end]
    fence = open_fence(head)
    if fence is None:
        return Cut(head.rstrip("\n"), end, "")
    indent = fence.line[: len(fence.line) - len(fence.line.lstrip(" "))]
    return Cut(f"{head.rstrip()}\n{indent}{fence.marker}", end, f"{fence.line}\n")


def _longest(text: str, most: int, fits: Callable[[str], bool]) -> int:
    """The most characters whose page fits; at least 1, so that splitting always ends."""
    low, high = 1, most
    if fits(_page(text, high).head):
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if fits(_page(text, middle).head):
            low = middle
        else:
            high = middle - 1
    return low


def _boundary(text: str, end: int) -> int:
    """The best place to cut at or before *end*: block, line, sentence, word, character."""
    if end >= len(text):
        return end
    least = max(1, int(end * (1 - LOOK_BACK)))
    blocks, lines, inside = [], [], []
    position, fence = 0, False
    for line in text[: end + 1].split("\n")[:-1]:
        after = position + len(line) + 1
        opens = bool(FENCE.match(line))
        if opens:
            fence = not fence
        row = bool(_ROW.match(line)) and not fence
        if least <= after <= end:
            if fence and not opens:
                inside.append(after)
            elif not fence:
                following = text[after : after + 1]
                if (not line.strip() or following == "\n") and not opens:
                    blocks.append(after)
                elif not (row and following == "|"):
                    lines.append(after)
        # A fence that would open as the last thing of a page belongs to the next one.
        if opens and fence and least <= position <= end:
            blocks.append(position)
        position = after
    for places in (blocks, lines, inside):
        if places:
            return places[-1]
    start = text.rfind("\n", 0, end) + 1
    sentences = [m.end() for m in _SENTENCE.finditer(text, max(start, least), end)]
    if sentences:
        return sentences[-1]
    space = text.rfind(" ", least, end)
    if space > 0:
        return space + 1
    return _between_characters(text, end)


def _between_characters(text: str, end: int) -> int:
    """Not before a mark that belongs to the character in front of it (accents, joiners, skins)."""
    place = end
    while place > max(1, end - 16) and (
        text[place] in "\u200d\ufe0f\u20e3"
        or text[place - 1] == "\u200d"
        or "\u0300" <= text[place] <= "\u036f"
        or "\U0001f3fb" <= text[place] <= "\U0001f3ff"
    ):
        place -= 1
    return place


def clean_end(text: str, most_chars: float) -> str:
    """*text* up to its last line, sentence or word, if at most *most_chars* stand behind that."""
    least = max(0, len(text) - int(most_chars))
    if line := text.rfind("\n", least) + 1:
        return text[:line]
    if sentences := [m.end() for m in _SENTENCE.finditer(text, least)]:
        return text[: sentences[-1]]
    last = text[-1:]
    if not last.isalnum() or last > "\u2e7f":  # No spaces stand between words from there on.
        return text
    return text[: text.rfind(" ", least) + 1] or text
