r"""Where formulas stand in Markdown: `$x$`, `$$x$$`, `\(x\)`, `\[x\]`; prices are none. Pure.

A Markdown parser would take the backslashes for its own, and eat them.
"""

import re
from bisect import bisect_right
from typing import NamedTuple

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
    ticks = _ticks(text)
    position = 0
    while (match := _TOKEN.search(text, position)) is not None:
        mark, start, position = match.group(), match.start(), match.end()
        if mark[0] == "`":
            runs = ticks.get(len(mark), [])
            later = bisect_right(runs, start)
            if later < len(runs):
                position = runs[later] + len(mark)
        elif formula := _formula(text, mark, start):
            found.append(formula)
            position = formula.end
    return found


def _ticks(text: str) -> dict[int, list[int]]:
    runs: dict[int, list[int]] = {}
    for match in re.finditer("`+", text):
        runs.setdefault(len(match.group()), []).append(match.start())
    return runs


def _formula(text: str, mark: str, start: int) -> Formula | None:
    if mark == "$":
        return _inline(text, start)
    closing = _CLOSING.get(mark)
    if closing is None:
        return None
    end = text.find(closing, start + 2, start + DISPLAY_CHARS)
    tex = text[start + 2 : end]
    if end < 0 or not tex.strip() or "```" in tex or "~~~" in tex:
        return None
    lines = [line.lstrip("> \t") for line in tex.split("\n")]
    if any(not line for line in lines[1:-1]):
        return None  # An empty line ends a paragraph.
    if mark != "$$" and not _is_meant("\n".join(lines)):
        return None
    return Formula(start, end + 2, "\n".join(lines).strip())


def _inline(text: str, start: int) -> Formula | None:
    end = text.find("$", start + 1, start + INLINE_CHARS)
    tex = text[start + 1 : end]
    if end < 0 or "\n" in tex or "`" in tex or not tex or tex[0].isspace() or tex[-1].isspace():
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
