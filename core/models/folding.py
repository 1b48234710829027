"""Spellings of one word that look the same, made the same, each character where it was. Pure.

Full-width letters, ligatures and composed characters become their plain forms (NFKC); what
shows as nothing (zero-width spaces, selectors, tags) is left out, and so are marks on Latin,
Greek and Cyrillic letters that no letter of those has (crossed-out and heaped ones).
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_IGNORED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u2800\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Unicode's Default_Ignorable_Code_Point, DerivedCoreProperties.txt; and controls, the empty
pattern of Braille, and the marks of interlinear notes, which show as nothing either."""
_BROKEN = re.compile("[\ud800-\udfff]")
_MARKED = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0900-\u0d7f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
"""Marks that may stand on any letter; and the scripts of India, whose marks may too."""
_LAST_EUROPEAN = "\u058f"
MOST_MARKS = 8
"""More marks on one letter are no letter of any language."""


class Folded(NamedTuple):
    """*plain* is normal, *low* in lower case too; `at[n]` is where character *n* was.

    *at* is one longer: what is left out belongs to what stands before it.
    """

    plain: str
    low: str
    at: Sequence[int]


def fold(text: str) -> Folded:
    text = _BROKEN.sub("\ufffd", text)
    if not (_IGNORED.search(text) or _MARKED.search(text)):
        lower = text.lower()
        if len(lower) == len(text) and unicodedata.is_normalized("NFKC", text):
            return Folded(text, lower, range(len(text) + 1))
    plain: list[str] = []
    low: list[str] = []
    at: list[int] = []
    start = 0
    while start < len(text):
        end = start + 1
        european = text[start] <= _LAST_EUROPEAN
        while end < len(text) and (_goes_on(text[end]) or (european and _is_mark(text[end]))):
            end += 1
        shown, small = _cluster(text[start:end])
        plain.append(shown)
        low.append(small)
        at += [start] * len(shown)
        start = end
    at.append(len(text))
    return Folded("".join(plain), "".join(low), at)


@lru_cache(maxsize=8192)
def _goes_on(character: str) -> bool:
    """Whether *character* belongs to the one before it, whatever that is."""
    return bool(unicodedata.combining(character) or _IGNORED.match(character)) or (
        "\u1160" <= character <= "\u11ff"  # Vowels and finals of Korean syllables.
    )


@lru_cache(maxsize=8192)
def _is_mark(character: str) -> bool:
    """Marks of any kind; in Indic words some of them are letters of their own."""
    return unicodedata.category(character).startswith("M")


def _cluster(cluster: str) -> tuple[str, str]:
    if len(cluster) > MOST_MARKS:
        cluster = _IGNORED.sub("", cluster)[:MOST_MARKS]
    return _folded(cluster)


@lru_cache(maxsize=8192)
def _folded(cluster: str) -> tuple[str, str]:
    shown = unicodedata.normalize("NFKC", _IGNORED.sub("", cluster))
    if shown and shown[0] <= _LAST_EUROPEAN:
        shown = "".join(one for one in shown if not unicodedata.category(one).startswith("M"))
    low = shown.lower()
    if len(low) != len(shown):
        low = "".join(one.lower() if len(one.lower()) == 1 else one for one in shown)
    return shown, low


def last_seen(text: str, end: int) -> str:
    """The last character before *end* that shows as something; empty if none is near."""
    for at in range(end - 1, max(-1, end - 64), -1):
        if not _IGNORED.match(text[at]):
            return text[at]
    return ""
