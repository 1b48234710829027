"""Changes Markdown before it is parsed, and undoes the changes after. Pure.

A formula becomes two characters that the parser leaves alone, because the parser would remove its
backslashes. So do the marks inside a bare address: they are a part of it, and would make half of
it bold (spec of GitHub Flavored Markdown, 6.9: where such an address ends). Beside Chinese,
Japanese and Korean, a sign that nobody writes makes emphasis work.
"""

import re

from bots.emphasis import friendly
from bots.formulas import formulas
from bots.latex import readable

HELPER = "\U0001bc9f"
"""A punctuation mark of a script that nobody uses."""
SIGN = "\ue000"
_HIDDEN = str.maketrans("*_~", "\ue001\ue002\ue003")
_SHOWN = str.maketrans("\ue001\ue002\ue003", "*_~")
_ADDRESS = re.compile(r"\b(?:https?://|www\.)[!#-;=?-Z^_a-z{}~]+", re.ASCII | re.IGNORECASE)
_AFTER = "?!.,:*_~'\")"
"""What stands behind an address, and is no part of it."""
_FIRST = 0xE100
_MOST = 5_000
"""Only so many formulas of a block get a private-use character."""
_PLACE = re.compile(f"{SIGN}([\ue100-\uf7ff])")
_OURS = re.compile(f"[{SIGN}-\ue003{HELPER}]")


class Source:
    """A block of Markdown. *text* is given to the parser."""

    def __init__(self, block: str) -> None:
        self.text = block
        self._written: list[str] = []
        self._shown: list[str] = []
        if block.isascii() or not _OURS.search(block):
            self.text = friendly(_ADDRESS.sub(_hidden, self._without_formulas(block)), HELPER)
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
        value = self._unchanged(value)
        if self._written and SIGN in value:
            value = _PLACE.sub(lambda place: self._written[ord(place[1]) - _FIRST], value)
        return value

    def pieces(self, value: str) -> list[str]:
        """*value*, a text from the parser, in pieces. Every second piece is a readable formula."""
        value = self._unchanged(value)
        if not self._written or SIGN not in value:
            return [value]
        pieces = _PLACE.split(value)
        pieces[1::2] = [self._shown[ord(place) - _FIRST] for place in pieces[1::2]]
        return pieces

    def _unchanged(self, value: str) -> str:
        value = value.replace(HELPER, "") if self._helped else value
        return value.translate(_SHOWN) if self.changed else value


def _hidden(address: re.Match[str]) -> str:
    """The *address*, with signs that the parser takes for letters in place of its marks."""
    whole = address[0].rstrip(_AFTER)
    return whole.translate(_HIDDEN) + address[0][len(whole) :]
