"""Changes Markdown before it is parsed, and undoes the changes after. Pure.

A formula becomes two characters that the parser leaves alone, because the parser would remove its
backslashes. Beside Chinese, Japanese and Korean, a sign that nobody writes makes emphasis work.
"""

import re

from bots.emphasis import friendly
from bots.formulas import formulas
from bots.latex import readable

HELPER = "\U0001bc9f"
"""A punctuation mark of a script that nobody uses."""
SIGN = "\ue000"
_FIRST = 0xE100
_MOST = 5_000
"""Only so many formulas of a block get a private-use character."""
_PLACE = re.compile(f"{SIGN}([\ue100-\uf7ff])")


class Source:
    """A block of Markdown. *text* is given to the parser."""

    def __init__(self, block: str) -> None:
        self.text = block
        self._written: list[str] = []
        self._shown: list[str] = []
        if SIGN not in block and HELPER not in block:
            self.text = friendly(self._without_formulas(block), HELPER)
        self.changed = self.text != block
        self._helped = self.changed and HELPER in self.text

    def _without_formulas(self, block: str) -> str:
        parts, last = [], 0
        for formula in formulas(block)[:_MOST]:
            parts += [block[last : formula.start], SIGN, chr(_FIRST + len(self._written))]
            self._written.append(block[formula.start : formula.end])
            self._shown.append(readable(formula.tex))
            last = formula.end
        return "".join([*parts, block[last:]])

    def as_written(self, value: str) -> str:
        """*value*, a text from the parser, as it stood in the block."""
        if self._helped:
            value = value.replace(HELPER, "")
        if self._written and SIGN in value:
            value = _PLACE.sub(lambda place: self._written[ord(place[1]) - _FIRST], value)
        return value

    def pieces(self, value: str) -> list[str]:
        """*value*, a text from the parser, in pieces. Every second piece is a readable formula."""
        if self._helped:
            value = value.replace(HELPER, "")
        if not self._written or SIGN not in value:
            return [value]
        pieces = _PLACE.split(value)
        pieces[1::2] = [self._shown[ord(place) - _FIRST] for place in pieces[1::2]]
        return pieces
