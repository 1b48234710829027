"""Emphasis beside Chinese, Japanese and Korean, which CommonMark does not see. Pure.

By CommonMark's rule `**重点：**内容` is not bold: a mark opens and closes nothing when punctuation
stands inside it and a letter outside. A white space or punctuation mark outside helps.
Source: github.com/tats-u/markdown-cjk-friendly, specification.md (the flanking rule).
"""

import re
import unicodedata
from functools import lru_cache

_RUN = re.compile(r"[*~]+")
FIRST_CJK = "\u1100"


def friendly(text: str, helper: str) -> str:
    """*text*, with *helper* (white space or punctuation) where emphasis needs it."""
    if text.isascii() or ("*" not in text and "~" not in text):
        return text
    parts, last = [], 0
    for match in _RUN.finditer(text):
        start, end = match.span()
        before, after = text[start - 1] if start else " ", text[end] if end < len(text) else " "
        if before < FIRST_CJK and after < FIRST_CJK:
            continue
        before = _before(text, start)
        if not (_is_cjk(before) or _is_cjk(after)):
            continue
        opens = not after.isspace() and not _flanked(after, before)
        closes = not before.isspace() and not _flanked(before, after)
        if opens:
            parts += [text[last:start], helper]
            last = start
        if closes:
            parts += [text[last:end], helper]
            last = end
    return "".join([*parts, text[last:]]) if parts else text


def _before(text: str, at: int) -> str:
    if at and "\ufe00" <= text[at - 1] <= "\ufe0e":
        at -= 1  # A variation selector belongs to the character before it.
    return text[at - 1] if at else " "


def _flanked(inside: str, outside: str) -> bool:
    """CommonMark's rule for a mark; *inside* is the character on the side of the words."""
    return not _is_punctuation(inside) or outside.isspace() or _is_punctuation(outside)


@lru_cache(maxsize=4096)
def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


@lru_cache(maxsize=4096)
def _is_cjk(character: str) -> bool:
    if "\U000e0100" <= character <= "\U000e01ef" or "\u1100" <= character <= "\u11ff":
        return True
    # Emoji and symbols are wide too. CJK characters are letters or punctuation.
    wide = unicodedata.east_asian_width(character) in "WFH"
    return wide and not (character >= "\U0001f000" and unicodedata.category(character) == "So")
