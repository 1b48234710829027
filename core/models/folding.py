"""Makes spellings that look the same equal, and remembers where each character was. Pure.

Full-width letters, ligatures and composed characters become their plain forms (NFKC). Left out are:
- invisible characters (zero-width spaces, selectors, tags);
- marks on letters of another script (crossed-out letters, letters under many marks);
- marks that a script may leave out (vowels of Arabic and Hebrew, the line that stretches a word).
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import regex

_IGNORED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u2800\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f"
    "\u0640\u07fa\ue000-\uf8ff\U000f0000-\U0010ffff]+"
)
"""Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt). Other invisible characters:
controls, the empty pattern of Braille, the marks of interlinear notes. Characters without a meaning
of their own: format characters, lines that stretch a word, private characters."""
_BROKEN = re.compile("[\ud800-\udfff]")
_PLAIN = {
    # Marks for voiced kana: as separate characters, and in half width.
    0x309B: "\u3099",
    0x309C: "\u309a",
    0xFF9E: "\u3099",
    0xFF9F: "\u309a",
    # White letters in black circles and squares.
    **{start + n: chr(ord("A") + n) for start in (0x1F150, 0x1F170) for n in range(26)},
}
_BARE = frozenset(["LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "HEBREW", "ARABIC", "SYRIAC"]) | {
    *("HANGUL", "HIRAGANA", "KATAKANA", "CJK")
}
"""Scripts in which all marks that NFKC leaves may be left out."""
MOST_MARKS = 8
"""No language has more marks on one letter."""


_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]+"
)
"""Characters that no text needs, and that can hide words from a person: direction marks, zero-width
spaces, tags. Joiners stay, because scripts and emoji need them."""


def visible(text: str) -> str:
    """*text* without characters that a person would not see, but a model would read."""
    return _UNSEEN.sub("", text)


class Folded(NamedTuple):
    """*plain* is the folded text, *low* the same in lower case.

    `at[n]` is where character *n* was in the original. `at` has one more entry, for the end. A
    character that is left out belongs to the one before it.
    """

    plain: str
    low: str
    at: Sequence[int]


@lru_cache(maxsize=1)
def _marked() -> "regex.Pattern[str]":
    """Marks, some of which may be left out, and characters with a plain form that NFKC lacks."""
    import regex  # noqa: PLC0415 - a megabyte, for who filters

    return regex.compile(
        r"[\p{M}\u309b\u309c\uff9e\uff9f\U0001f150-\U0001f169\U0001f170-\U0001f189]"
    )


def fold(text: str) -> Folded:
    text = _BROKEN.sub("\ufffd", text)
    if not (_IGNORED.search(text) or _marked().search(text)):
        lower = text.lower()
        if len(lower) == len(text) and unicodedata.is_normalized("NFKC", text):
            return Folded(text, lower, range(len(text) + 1))
    plain: list[str] = []
    low: list[str] = []
    at: list[int] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and (_goes_on(text[end]) or _strange(text[start], text[end])):
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
    """Whether *character* always belongs to the one before it."""
    return bool(unicodedata.combining(character) or _IGNORED.match(character)) or (
        "\u1160" <= character <= "\u11ff"  # Vowels and finals of Korean syllables.
        or character in "\u309b\u309c\uff9e\uff9f"
    )


@lru_cache(maxsize=8192)
def _strange(letter: str, mark: str) -> bool:
    """Whether *mark* is a mark that does not belong to *letter*. Some Indic marks are letters."""
    if not unicodedata.category(mark).startswith("M"):
        return False
    script = _script(letter)
    return script in _BARE or script != _script(mark)


@lru_cache(maxsize=8192)
def _script(character: str) -> str:
    """The script of *character*: the first word of its Unicode name."""
    return re.split("[ -]", unicodedata.name(character, ""))[0]


def _cluster(cluster: str) -> tuple[str, str]:
    if len(cluster) > MOST_MARKS:
        cluster = _IGNORED.sub("", cluster)[:MOST_MARKS]
    return _folded(cluster)


@lru_cache(maxsize=8192)
def _folded(cluster: str) -> tuple[str, str]:
    shown = unicodedata.normalize("NFKC", _IGNORED.sub("", cluster).translate(_PLAIN))
    if shown:
        shown = shown[0] + "".join(one for one in shown[1:] if not _strange(shown[0], one))
    low = shown.lower()
    if len(low) != len(shown):
        low = "".join(one.lower() if len(one.lower()) == 1 else one for one in shown)
    return shown, low


def last_seen(text: str, end: int) -> str:
    """The last visible character before *end*; empty if none is near."""
    for at in range(end - 1, max(-1, end - 64), -1):
        if not _IGNORED.match(text[at]):
            return text[at]
    return ""
