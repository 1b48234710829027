"""Splitting: a long answer over several posts, each readable alone.

A page is cut at the best boundary of its last part; a code fence that is open
there is closed, and opened again with its language on the next page.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from core.live.markdown import (
    FENCE,
    OpenFence,
    heal_behind,
    indent,
    is_table_rule,
    next_fence,
    open_fence,
)

HEAD_CHARS = 400
"""A longer head of a table, or line of a fence, is not repeated on the next page."""
LOOK_BACK = 0.35
"""How much of a full page may be given up for a better boundary."""

AIM, FULL = 0.98, 0.92
"""A page is aimed to be so full, and full enough with so much: each look renders the page. From the
third look on, half of that is enough, then a third, and so on."""
NEAR = 50
"""So small a part of it is not worth another look."""

_SENTENCE = re.compile(r"(?<=[.!?])\s|(?<=[。！？；])")


class Cut(NamedTuple):
    """*head* is the full page, *taken* the characters on it, *opening* begins the next page."""

    head: str
    taken: int
    opening: str


def cut(text: str, most_chars: int, fill: Callable[[str], float], likely: int = 0) -> Cut | None:
    """Cut the first page off *text*; None when all of *text* fits on one.

    Args:
        most_chars: no page is longer; *fill* is asked only below that.
        fill: how much of a post a page, rendered, takes: up to 1.0 it fits.
        likely: how long the page before was, if there was one.
    """
    most = min(most_chars, len(text))
    end = _longest(text, most, fill, min(2 * likely, most) or most)
    if end == len(text):
        return None
    return _page(text, _boundary(text, end))


class PagedText:
    """A growing text, of which full pages are taken off. Arguments as `cut`'s.

    Attributes:
        whole: all of it; may be replaced at any time.
        behind: how many of its characters stand on full pages.
    """

    def __init__(self, most_chars: int, fill: Callable[[str], float]) -> None:
        self._most_chars = most_chars
        self._fill = fill
        self._likely = 0
        self._opening = ""
        self._whole = ""
        self._written: Callable[[], str] | None = None
        self._read = self._stands = 0
        self._fence: OpenFence | None = None
        self.behind = 0

    @property
    def whole(self) -> str:
        if self._written is not None:
            self.whole = self._written()
        return self._whole

    @whole.setter
    def whole(self, text: str) -> None:
        self._written = None
        if not text.startswith(self._whole):
            self._look_again()
        self._whole = text

    def write(self, written: Callable[[], str]) -> None:
        """The newest text is what *written* gives when it is looked at."""
        self._written = written

    @property
    def page(self) -> str:
        """What stands on no full page."""
        return self._opening + self.whole[self.behind :]

    def frame(self, most_hidden: float) -> str:
        """The page, healed; up to *most_hidden* characters of a half line, sentence or word wait.

        What stands before the last empty line (and in a fence, before the last line) is not
        looked at again: an earlier frame has shown it.
        """
        page = self.page
        self._look_on(page)
        shown = clean_end(page, min(most_hidden, len(page) / 2))
        if self._stands > len(shown):
            return heal_behind(shown, 0, None)
        return heal_behind(shown, self._stands, self._fence, self._read)

    def _look_on(self, page: str) -> None:
        while (end := page.find("\n", self._read)) >= 0:
            line = page[self._read : end]
            before, self._fence = self._fence, next_fence(self._fence, line, self._read)
            if before or self._fence or not line.strip():
                self._stands = end + 1
            self._read = end + 1

    def _look_again(self) -> None:
        self._read = self._stands = 0
        self._fence = None

    def cut(self) -> Cut | None:
        """The page to finish first; None if there is room for all."""
        end = self.behind + self._most_chars + HEAD_CHARS + 1
        text = self._opening + self.whole[self.behind : end]
        return cut(text, self._most_chars, self._fill, self._likely)

    def cut_early(self) -> Cut:
        """The page to finish first, although there is room for more."""
        text = self.page
        return cut(text, max(1, len(text) - 1), self._fill) or Cut(text, len(text), "")

    def turn(self, page: Cut) -> None:
        """Take *page*, which is finished, off."""
        self.behind += page.taken - len(self._opening)
        self._opening, self._likely = page.opening, page.taken
        self._look_again()

    def begin_again(self) -> None:
        """Put all pages back."""
        self.behind, self._opening = 0, ""
        self._look_again()


def _page(text: str, end: int) -> Cut:
    head = text[:end]
    fence = open_fence(head)
    if fence is not None and len(fence.line) >= min(HEAD_CHARS, end):
        # The next page would begin with as much as this one held, and so on for ever.
        return Cut(head.rstrip("\n"), end, "")
    if fence is None:
        return Cut(head.rstrip("\n"), end, _table_head(text, end))
    return Cut(f"{head.rstrip()}\n{indent(fence.line)}{fence.marker}", end, f"{fence.line}\n")


def _table_head(text: str, end: int) -> str:
    """The head and rule of the table that a cut at *end* goes through; empty where it does not."""
    if text[end - 1] != "\n" or not _is_row(text[end : end + HEAD_CHARS]):
        return ""
    first = last = end
    while first > 0:
        start = text.rfind("\n", 0, first - 1) + 1
        if not _is_row(text[start:first]):
            break
        last, first = first, start
    head = text[first:end].split("\n", 2)[:2]
    # A page of one row must go on.
    if last == end or len(head) < 2 or not is_table_rule(head[1]):
        return ""
    opening = f"{head[0]}\n{head[1]}\n"
    return opening if len(opening) < min(HEAD_CHARS, end - first) else ""


def _is_row(line: str) -> bool:
    return line.lstrip().startswith("|")


def _longest(text: str, most: int, fill: Callable[[str], float], first: int) -> int:
    """How many characters make a full page; at least 1, so that splitting always ends.

    Looks at *first* characters before it looks at *most*. A page that is half as full again as
    may be is about that much too long: so few looks find the place.
    """
    low, low_share, high, high_share = 1, 0.0, most + 1, 0.0
    middle, looks = first, 0
    while True:
        share = fill(text if middle == len(text) else _page(text, middle).head)
        looks += 1
        if share <= 1:
            low, low_share = middle, share
            if share >= FULL / max(1, looks - 1) or low == most:
                return low
        else:
            high, high_share = middle, share
        if high - low <= max(1, low // NEAR):
            return low
        if not high_share:
            middle = most
        elif looks % 3 and high_share > low_share:
            steps = (high - low) * (AIM - low_share) / (high_share - low_share)
            middle = min(max(low + 1, low + int(steps)), high - 1)
        else:
            middle = (low + high) // 2


def _boundary(text: str, end: int) -> int:
    """The best place to cut at or before *end*: block, line, row, sentence, word, character."""
    if end >= len(text):
        return end
    least = max(1, int(end * (1 - LOOK_BACK)))
    blocks: list[int] = []
    lines: list[int] = []
    rows: list[int] = []
    inside: list[int] = []
    position, fence = 0, False
    for line in text[: end + 1].split("\n")[:-1]:
        after = position + len(line) + 1
        opens = bool(FENCE.match(line))
        if opens:
            fence = not fence
        row = _is_row(line) and not fence
        if least <= after <= end:
            if fence and not opens:
                inside.append(after)
            elif not fence:
                following = text[after : after + 1]
                if (not line.strip() or following == "\n") and not opens:
                    blocks.append(after)
                else:
                    (rows if row and following == "|" else lines).append(after)
        # A fence that would open as the last thing of a page belongs to the next one.
        if opens and fence and least <= position <= end:
            blocks.append(position)
        position = after
    for places in (blocks, lines, rows, inside):
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
