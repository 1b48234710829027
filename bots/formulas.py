r"""Where formulas stand in Markdown: `$x$`, `$$x$$`, `\(x\)`, `\[x\]`; prices are none. Pure.

A Markdown parser would take the backslashes for its own, and eat them.
"""

import re
from typing import NamedTuple

from bots.code import closing, ticks

INLINE_CHARS = 200
DISPLAY_CHARS = 2_000
"""What is longer without an end is no formula."""

_TOKEN = re.compile(r"\\.|`+|\$+", re.DOTALL)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,32}|[\u2e80-\uffef]")
_CLOSING = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}


class Formula(NamedTuple):
    """`text[start:end]` is a formula; *tex* is what stands between its marks."""

    start: int
    end: int
    tex: str


def formulas(text: str) -> list[Formula]:
    """The formulas of *text*, in order; what stands in code is none."""
    if "$" not in text and "\\(" not in text and "\\[" not in text:
        return []
    found: list[Formula] = []
    runs = ticks(text)
    none_before: dict[str, int] = {}
    position = 0
    while (match := _TOKEN.search(text, position)) is not None:
        mark, start, position = match.group(), match.start(), match.end()
        if mark[0] == "`":
            position = closing(runs, mark, start) or position
        elif formula := _formula(text, mark, start, none_before):
            found.append(formula)
            position = formula.end
    return found


def unfinished(text: str) -> int:
    """Where a formula begins that more text may finish; the end of *text* if none does."""
    if "$" not in text and "\\(" not in text and "\\[" not in text:
        return len(text)
    runs, position = ticks(text), text.rfind("\n\n") + 1
    none_before: dict[str, int] = {}
    while (match := _TOKEN.search(text, position)) is not None:
        mark, start, position = match.group(), match.start(), match.end()
        if mark[0] == "`":
            position = closing(runs, mark, start) or position
        elif formula := _formula(text, mark, start, none_before):
            position = formula.end
        elif mark in _CLOSING and len(text) - start < DISPLAY_CHARS // 4:
            return start
        elif mark == "$" and len(text) - start < INLINE_CHARS // 4:
            rest = text[start + 1 :]
            if (
                "$" not in rest
                and "\n" not in rest
                and not rest[:1].isspace()
                and not rest[:1].isdigit()
            ):
                return start
    return len(text)


def _formula(text: str, mark: str, start: int, none_before: dict[str, int]) -> Formula | None:
    """The formula that *mark* opens at *start*.

    *none_before* is kept from mark to mark: where no closing mark stands, it is not looked again.
    """
    if mark == "$":
        return _inline(text, start)
    closing = _CLOSING.get(mark)
    if closing is None:
        return None
    most = start + DISPLAY_CHARS
    end = text.find(closing, max(start + 2, none_before.get(closing, 0)), most)
    if end < 0:
        none_before[closing] = most - 1  # Half of one may stand there.
        return None
    tex = text[start + 2 : end]
    if not tex.strip() or "```" in tex or "~~~" in tex:
        return None
    lines = [line.lstrip("> \t") for line in tex.split("\n")]
    if any(not line for line in lines[1:-1]):
        return None  # An empty line ends a paragraph.
    if mark != "$$" and not _is_meant("\n".join(lines)):
        return None
    return Formula(start, end + 2, "\n".join(lines).strip())


def _inline(text: str, start: int) -> Formula | None:
    end = text.find("$", start + 1, start + INLINE_CHARS)
    if end < 0:
        return None
    tex = text[start + 1 : end]
    if "\n" in tex or "`" in tex or not tex or tex[0].isspace() or tex[-1].isspace():
        return None
    # "$5 and $6", "$HOME:$PATH": what a price or a name begins with ends no formula.
    around = text[max(0, start - 1) : start] + text[end + 1 : end + 2]
    if tex[-1] == "\\" or any(one.isascii() and one.isalnum() for one in around):
        return None
    return Formula(start, end + 1, tex) if _is_meant(tex) else None


def _is_meant(tex: str) -> bool:
    """Whether *tex* reads like a formula, and not like words between two signs."""
    if any(sign in tex for sign in "\\^_="):
        return True
    if _WORD.search(tex):
        return False
    return not any(map(str.isspace, tex.strip())) or any(sign in tex for sign in "+-*/<>|")
