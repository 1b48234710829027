r"""Where formulas stand in Markdown: `$x$`, `$$x$$`, `\(x\)`, `\[x\]`, `\begin{align}…`. Pure.

They are found before parsing, because a Markdown parser would remove the backslashes.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from bots.code import SPAN, closing, ticks

INLINE_CHARS = 200
DISPLAY_CHARS = 2_000
"""A formula that does not end within so many characters is none."""

# "$5 and $6", "$HOME:$PATH": a sign before a price or a name does not end a formula.
_INLINE = (
    rf"(?<![0-9A-Za-z])\$(?![\s$])([^$\n`]{{1,{INLINE_CHARS - 2}}})(?<![\s\\])\$(?![0-9A-Za-z])"
)
# What models write without signs around it (amsmath, section 3).
_ENVIRONMENT = (
    r"\\begin\{(?:(?:align|alignat|equation|gather|multline|flalign|eqnarray)\*?"
    r"|aligned|gathered|split|array|cases|[bBpvV]?matrix)\}"
)
_TOKEN = re.compile(rf"{_ENVIRONMENT}|\\.|{SPAN}|`+|{_INLINE}|\$+", re.DOTALL)
_SIGN = re.compile(r"[\\^_=]")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,32}|[\u2e80-\uffef]")
_EMPTY = re.compile(r"\n[> \t]*(?=\n)")
_OPERATOR = re.compile(r"[-+*/<>|]")
_CLOSING = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}
_BEGIN = "\\begin{"


class Formula(NamedTuple):
    """`text[start:end]` is a formula; *tex* is the text between its marks."""

    start: int
    end: int
    tex: str


def formulas(text: str) -> list[Formula]:
    """The formulas of *text*, in order, without those in code."""
    return [Formula(*found) for found in _marks(text, 0, len(text))]


def unfinished(text: str) -> int:
    """Where an unfinished formula begins; the end of *text* if there is none."""
    near = len(text) - DISPLAY_CHARS // 4
    for start, end, tex in _marks(text, text.rfind("\n\n") + 1, near + 1):
        left = len(text) - start
        if tex:
            continue
        mark = text[start:end]
        if _closing(mark) or (mark == "$" and left < INLINE_CHARS // 4 and _begins(text[end:])):
            return start
    return len(text)


def _closing(mark: str) -> str:
    """What ends a formula that *mark* opens; empty if it opens none with two signs."""
    if mark.startswith(_BEGIN):
        return mark.replace("begin", "end", 1)
    return _CLOSING.get(mark, "")


def _begins(rest: str) -> bool:
    """Whether *rest*, the text after an open sign, may be the beginning of a formula."""
    return (
        not rest[:1].isspace() and not rest[:1].isdigit() and "$" not in rest and "\n" not in rest
    )


def _marks(text: str, position: int, others_from: int) -> Iterator[tuple[int, int, str]]:
    """(start, end, tex) of each formula from *position* on.

    From *others_from* on, other marks come too, with an empty *tex*.
    """
    if not any(sign in text for sign in ("$", "\\(", "\\[", _BEGIN)):
        return
    runs = ticks(text)
    displays = _Displays(text)
    while (match := _TOKEN.search(text, position)) is not None:
        start, position = match.span()
        if match[1]:
            continue
        if tex := match[2]:
            if not _is_meant(tex):
                tex, position = "", start + 1
        elif text[start] == "`":
            position = closing(runs, match[0], start) or position
            continue
        elif formula := displays.at(start, match[0]):
            position, tex = formula
        if tex or start >= others_from:
            yield start, position, tex or ""


class _Displays:
    """The formulas with two signs on each side. Each end is searched for only once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._none_before: dict[str, int] = {}
        self._ends: dict[str, tuple[int, int]] = {}
        """For each closing mark: where the next one is, and from where on a formula may begin."""

    def at(self, start: int, mark: str) -> tuple[int, str] | None:
        """The end and tex of the formula that *mark* opens at *start*. *start* never decreases."""
        closing = _closing(mark)
        if not closing:
            return None
        begin = start + len(mark)
        end, least = self._ends.get(closing, (0, 0))
        if end < begin:
            most = start + DISPLAY_CHARS
            end = self._text.find(closing, max(begin, self._none_before.get(closing, 0)), most)
            if end < 0:
                self._none_before[closing] = most - 1  # Half a closing mark may stand there.
                return None
            least = self._least(begin, end)
            self._ends[closing] = end, least
        if begin < least:
            return None
        tex = self._text[begin:end].lstrip("> \t")
        if "\n" in tex:
            tex = "\n".join(line.lstrip("> \t") for line in tex.split("\n"))
        tex = tex.strip()
        if mark.startswith(_BEGIN):
            tex = f"{mark}{tex}{closing}"
        if not tex or (mark != "$$" and not _is_meant(tex)):
            return None
        return end + len(closing), tex

    def _least(self, begin: int, end: int) -> int:
        """The position after the last fence and the last empty line: both end a formula."""
        least = max(self._text.rfind("```", begin, end), self._text.rfind("~~~", begin, end))
        for match in _EMPTY.finditer(self._text, begin, end):
            least = max(least, match.start())
        return least + 1


def _is_meant(tex: str) -> bool:
    """Whether *tex* looks like a formula, and not like words between two signs."""
    if _SIGN.search(tex):
        return True
    if _WORD.search(tex):
        return False
    return len(tex.split()) < 2 or _OPERATOR.search(tex) is not None
