"""Healing of half-written Markdown, so that no frame shows an unclosed mark. Pure.

`heal` looks only at what a cut can leave open: a fence, a table row, a formula, and the inline
marks of the last block. A text in which nothing is open stays as it is. The time grows in
proportion to the text.
"""

import re
from bisect import bisect_right
from typing import NamedTuple

FENCE = re.compile(r"^ {0,3}(?:> ?)*(?:[-*+] {1,4}|\d{1,9}[.)] {1,4})?(`{3,}|~{3,})([^\n]*)$")
_BLOCK_START = re.compile(r"(?:#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s|>)")
_PARTIAL_START = re.compile(r"#{1,6}|[-*+_=>]|\d{1,9}[.)]|`{1,2}|[-*_=~`]{2,}|~")
_INLINE = re.compile(r"\\.|`+|\*+|_+|~~|\|\||\$\$|!?\[|\]\(|\]", re.DOTALL)

BLOCK_CHARS = 4_000
"""Of a longer block only so much of its end is looked at."""
MOST_OPEN = 16
"""If more marks than this are open, none is meant as a mark."""
FORMULA_CHARS = 500
"""A formula must end within so many characters."""


class OpenFence(NamedTuple):
    """An open code fence: its marker (such as three backticks), its line, where the line begins."""

    marker: str
    line: str
    start: int = 0


class _Open(NamedTuple):
    """An inline mark that nothing has closed yet."""

    mark: str
    start: int
    end: int


def next_fence(fence: OpenFence | None, line: str, start: int) -> OpenFence | None:
    """The fence that is open after *line*, if *fence* was open before it.

    *start* is where *line* begins.
    """
    if "```" not in line and "~~~" not in line:
        return fence
    match = FENCE.match(line)
    if match is None:
        return fence
    marker, rest = match.group(1), match.group(2)
    if fence is None:
        # CommonMark: an info string after backticks holds no backtick.
        return None if marker[0] == "`" and "`" in rest else OpenFence(marker, line, start)
    closes = marker[0] == fence.marker[0] and len(marker) >= len(fence.marker) and not rest.strip()
    return None if closes else fence


def open_fence(text: str) -> OpenFence | None:
    """The fence that is open at the end of *text*, if any."""
    if "```" not in text and "~~~" not in text:
        return None
    fence, start = None, 0
    for line in text.split("\n"):
        fence = next_fence(fence, line, start)
        start += len(line) + 1
    return fence


def heal(text: str) -> str:
    """*text*, which may be cut anywhere: what is open is closed, what is half there is hidden."""
    return heal_behind(text, 0, None)


def heal_behind(text: str, stands: int, fence: OpenFence | None, read: int = 0) -> str:
    """As `heal`, for a *text* whose beginning was looked at before.

    Args:
        stands: where the part that was looked at ends; the end of a line. If *fence* is None, an
            empty line or the end of a fence is just before it.
        fence: the fence that is open at *stands*.
        read: the begin of a line. No fence begins or ends between *stands* and it.
    """
    start = max(stands, min(read, text.rfind("\n") + 1))
    rest = text[start:]
    if fence is not None or "```" in rest or "~~~" in rest:
        for line in rest.split("\n"):
            fence = next_fence(fence, line, start)
            start += len(line) + 1
    if fence is not None:
        return _close_fence(text, fence)
    return _heal_end(text, stands)


def _heal_end(text: str, stands: int) -> str:
    """As `heal_behind`, if no fence is open."""
    rest = text[stands:]
    if len(rest) > BLOCK_CHARS:
        # Only whole lines of its end. A text without line ends stays as it is.
        behind = rest.find("\n", len(rest) - BLOCK_CHARS) + 1 or len(rest)
        stands, rest = stands + behind, rest[behind:]
    rest = _without_half_table(rest)
    body, _, last = rest.rpartition("\n")
    # A fence in this line closes one, because none is open behind it.
    if last and _PARTIAL_START.fullmatch(last.strip()) and not FENCE.match(last):
        rest = body
    block = _last_block(rest)
    return text[:stands] + rest[:block] + _Inline(rest[block:]).healed()


def _close_fence(text: str, fence: OpenFence) -> str:
    inside = text[fence.start + len(fence.line) + 1 :]
    body, _, last = inside.rpartition("\n")
    if last.strip() and set(last.strip()) <= {fence.marker[0]}:
        inside = body
    if not inside.strip():
        # Hide the opening line, which may still lack its language.
        return _heal_end(text[: fence.start].rstrip("\n"), 0)
    return (
        f"{text[: fence.start]}{fence.line}\n{inside.rstrip()}\n{indent(fence.line)}{fence.marker}"
    )


def indent(line: str) -> str:
    """The spaces that *line* begins with."""
    return line[: len(line) - len(line.lstrip(" "))]


def is_table_rule(line: str) -> bool:
    """Whether *line* is the rule between a table's head and its rows."""
    cells = line.strip().strip("|").split("|")
    return "|" in line and all(_is_rule_cell(cell.strip()) for cell in cells)


def _is_rule_cell(cell: str) -> bool:
    return bool(cell) and not cell.removeprefix(":").removesuffix(":").strip("-") and "-" in cell


def _without_half_table(text: str) -> str:
    first = end = len(text)
    while first > 0:
        start = text.rfind("\n", 0, end) + 1
        if not text[start:end].lstrip().startswith("|"):
            break
        first, end = start, start - 1
    if first == len(text):
        return text
    rows = text[first:].split("\n")
    if len(rows) < 3 or not _may_be_rule(rows[1]):
        # Without its rule and a first row, the head would be shown as a line of pipes.
        return text[:first].rstrip("\n") if len(rows) < 3 else text
    if not rows[-1].rstrip().endswith("|") or rows[-1].count("|") < rows[0].count("|"):
        return text[: text.rfind("\n")]
    return text


def _may_be_rule(line: str) -> bool:
    return "-" in line and not line.strip(" \t|:-")


def _last_block(text: str) -> int:
    """Where the last paragraph, list item, heading or quote begins."""
    end = len(text)
    while end >= 0:
        start = text.rfind("\n", 0, end) + 1
        line = text[start:end]
        if not line.strip() or FENCE.match(line):
            return min(end + 1, len(text))
        if _BLOCK_START.match(line.lstrip()):
            return start
        end = start - 1
    return 0


class _Inline:
    """Reads the inline marks of one block, once, from its beginning to its end."""

    def __init__(self, block: str) -> None:
        self._block = block
        self._opened: list[_Open] = []
        self._brackets: list[int] = []
        """The indexes of the brackets in `_opened`."""
        self._last_paren = block.rfind(")")
        self._ticks = _runs_of_ticks(block) if "`" in block else {}

    def healed(self) -> str:
        position = 0
        while (match := _INLINE.search(self._block, position)) is not None:
            mark, start, end = match.group(), match.start(), match.end()
            position = end
            if mark[0] == "\\" or mark == "$$":
                close = _formula_end(self._block, mark, end)
                if close is None:
                    return _closed(self._block[:start], self._opened)
                position = close
            elif mark[0] == "`":
                # A run after a backslash begins one character later than it seems.
                runs = self._ticks.get(len(mark), [])
                later = bisect_right(runs, start)
                if later == len(runs):
                    self._opened.append(_Open(mark, start, end))
                    break
                position = runs[later] + len(mark)
            elif mark in ("[", "!["):
                self._brackets.append(len(self._opened))
                self._opened.append(_Open(mark, start, end))
            elif mark[0] == "]":
                if mark == "](" and end <= self._last_paren:
                    position = self._block.index(")", end) + 1
                elif self._brackets and (mark == "](" or end == len(self._block)):
                    return self._half_link(start)
                self._close_bracket()
            else:
                self._mark(mark, start, end)
        return _closed(self._block, self._opened)

    def _close_bracket(self) -> None:
        if self._brackets:
            del self._opened[self._brackets.pop() :]

    def _half_link(self, close: int) -> str:
        """The address of a link is not whole yet: show only its text, and nothing of an image."""
        index = self._brackets[-1]
        mark, start, end = self._opened[index]
        shown = "" if mark == "![" else self._block[end:close]
        return _closed(self._block[:start] + shown, self._opened[:index])

    def _mark(self, mark: str, start: int, end: int) -> None:
        """Open or close emphasis, strikethrough or a spoiler, by CommonMark's flanking rule."""
        block, opened = self._block, self._opened
        before = block[start - 1] if start else " "
        after = block[end] if end < len(block) else " "
        can_open = not after.isspace()
        can_close = not before.isspace()
        if mark[0] == "_":
            can_open = can_open and not before.isalnum()
            can_close = can_close and not after.isalnum()
        rest = len(mark)
        while rest and can_close and opened:
            top = opened[-1].mark
            if top[0] != mark[0] or len(top) > rest or top[0] in "[!`":
                break
            opened.pop()
            rest -= len(top)
        if rest and (can_open or end == len(block)):
            if mark[0] in "*_" and rest >= 3:
                opened += [_Open(mark[0] * 2, start, end), _Open(mark[0], start, end)]
            else:
                opened.append(_Open(mark[0] * rest, start, end))


def _runs_of_ticks(block: str) -> dict[int, list[int]]:
    """Where the runs of backticks begin, by length."""
    runs: dict[int, list[int]] = {}
    for match in re.finditer("`+", block):
        runs.setdefault(match.end() - match.start(), []).append(match.start())
    return runs


def _formula_end(block: str, mark: str, at: int) -> int | None:
    """Where the formula ends that *mark* opens; None: not yet. *mark* ends at *at*."""
    closing = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}.get(mark)
    if closing is None:
        return at
    close = block.find(closing, at, at + FORMULA_CHARS)
    if close >= 0:
        return close + 2
    return None if len(block) - at < FORMULA_CHARS else at


def _closed(block: str, opened: list[_Open]) -> str:
    # No word stands behind this place.
    words_end = len(block.rstrip(" *_~|`["))
    closing, brackets = [], []
    for mark, start, end in opened:
        if mark in ("[", "!["):
            brackets.append((start, end))
        elif words_end <= end:
            # No word follows the mark yet: hide it and all behind it.
            block = block[:start]
            break
        else:
            closing.append(mark)
    if len(closing) > MOST_OPEN:
        closing = []
    block = _without(block, brackets)
    if closing and closing[-1] in ("~~", "||"):
        block = block.removesuffix(closing[-1][0])  # Half of the closing mark.
    # After a space a mark would not close.
    return block.rstrip() + "".join(reversed(closing)) if closing else block


def _without(block: str, places: list[tuple[int, int]]) -> str:
    parts, last = [], 0
    for start, end in places:
        if start < len(block):
            parts.append(block[last:start])
            last = end
    return "".join([*parts, block[last:]])
