"""Splitting: a long answer becomes several posts, and each can be read alone. Pure.

A page is cut at the best boundary in its last part. If a code fence is open there, it is closed,
and opened again with its language on the next page.
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
"""The head of a table, or the line that opens a fence, is repeated on the next page if it is no
longer than this."""
LOOK_BACK = 0.35
"""A better boundary may cost this part of a full page."""

AIM, FULL = 0.98, 0.92
"""The search for a page's length aims at `AIM` and stops at `FULL`, because each look renders the
page. At the third look half of `FULL` is enough, then a third of it, and so on."""
NEAR = 50
"""The search also stops when what is left to search is one part in so many of the page."""

_SENTENCE = re.compile(r"(?<=[.!?])\s|(?<=[。！？；])")


class Cut(NamedTuple):
    """*head* is the full page, *taken* how many characters it took, *opening* begins the next."""

    head: str
    taken: int
    opening: str


def cut(text: str, most_chars: int, fill: Callable[[str], float], likely: int = 0) -> Cut | None:
    """Cut the first page off *text*; None when all of *text* fits on one.

    Args:
        most_chars: no page is longer. *fill* is asked only for shorter texts.
        fill: which part of a post a page takes when it is rendered. Up to 1.0 it fits.
        likely: how long the page before was; 0 if there was none.
    """
    most = min(most_chars, len(text))
    end = _longest(text, most, fill, min(2 * likely, most) or most)
    if end == len(text):
        return None
    return _page(text, _boundary(text, end))


class PagedText:
    """A growing text that gives off full pages. Its arguments are those of `cut`.

    Attributes:
        whole: the whole text. It may be replaced at any time.
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
        self._framed = ("", -1.0, "")
        """The last frame, and what it was made of: each update asks for it three times."""
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
        """Set the newest text. *written* builds it when it is needed."""
        self._written = written

    @property
    def page(self) -> str:
        """The text behind the full pages."""
        return self._opening + self.whole[self.behind :]

    def frame(self, most_hidden: float) -> str:
        """The page, healed. Up to *most_hidden* characters of a half line or word are hidden.

        Only the text behind the last empty line is looked at (in a fence, the last line): an
        earlier frame has dealt with the rest.
        """
        page = self.page
        if self._framed[:2] != (page, most_hidden):
            self._framed = page, most_hidden, self._healed(page, most_hidden)
        return self._framed[2]

    def _healed(self, page: str, most_hidden: float) -> str:
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
        """The page to finish next; None if all fits in one post."""
        end = self.behind + self._most_chars + HEAD_CHARS + 1
        text = self._opening + self.whole[self.behind : end]
        return cut(text, self._most_chars, self._fill, self._likely)

    def cut_early(self) -> Cut:
        """The page to finish next, although it seems to have room for more."""
        text = self.page
        return cut(text, max(1, len(text) - 1), self._fill) or Cut(text, len(text), "")

    def turn(self, page: Cut) -> None:
        """*page* is finished: the text behind it is the next page."""
        self.behind += page.taken - len(self._opening)
        self._opening, self._likely = page.opening, page.taken
        self._look_again()

    def begin_again(self) -> None:
        """Forget that pages were finished."""
        self.behind, self._opening = 0, ""
        self._look_again()


def _page(text: str, end: int) -> Cut:
    head = text[:end]
    fence = open_fence(head)
    if fence is not None and len(fence.line) >= min(HEAD_CHARS, end):
        # Repeated, this line would fill the next page too, and so on for ever.
        return Cut(head.rstrip("\n"), end, "")
    if fence is None:
        return Cut(head.rstrip("\n"), end, _table_head(text, end))
    return Cut(f"{head.rstrip()}\n{indent(fence.line)}{fence.marker}", end, f"{fence.line}\n")


def _table_head(text: str, end: int) -> str:
    """The head and rule of the table that a cut at *end* divides; empty if it divides none."""
    if text[end - 1] != "\n" or not _is_row(text[end : end + HEAD_CHARS]):
        return ""
    first = last = end
    while first > 0:
        start = text.rfind("\n", 0, first - 1) + 1
        if not _is_row(text[start:first]):
            break
        last, first = first, start
    head = text[first:end].split("\n", 2)[:2]
    # If the page holds one row only, a repeated head would stop all progress.
    if last == end or len(head) < 2 or not is_table_rule(head[1]):
        return ""
    opening = f"{head[0]}\n{head[1]}\n"
    return opening if len(opening) < min(HEAD_CHARS, end - first) else ""


def _is_row(line: str) -> bool:
    return line.lstrip().startswith("|")


def _longest(text: str, most: int, fill: Callable[[str], float], first: int) -> int:
    """How many characters make a full page; at least 1, so that splitting always ends.

    It tries *first* characters before *most*. A page that fills its post one and a half times is
    about one and a half times too long, so a few tries find the length.
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
    """The best place to cut, at or before *end*.

    The end of a block is best, then of a line, a row, a sentence, a word, a character.
    """
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
        # A fence that opens at the end of a page belongs to the next page.
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
    """*end*, moved so that accents, joiners and skin tones stay with their character."""
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
    """*text* up to the end of its last whole line, sentence or word.

    At most *most_chars* characters are cut off; if more would be, *text* stays as it is.
    """
    least = max(0, len(text) - int(most_chars))
    if line := text.rfind("\n", least) + 1:
        return text[:line]
    if sentences := [m.end() for m in _SENTENCE.finditer(text, least)]:
        return text[: sentences[-1]]
    last = text[-1:]
    if not last.isalnum() or last > "\u2e7f":  # Scripts from here on have no spaces between words.
        return text
    return text[: text.rfind(" ", least) + 1] or text
