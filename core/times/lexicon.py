"""Words of time in each language: which word stands at a place of a text. Pure.

The words stand in the files of the languages (`times`), sorted by what they mean. Capitals, accents
and the width of letters do not count, and any script's digits are digits.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

from core.languages.catalogue import LANGUAGES, Language

_KANA = re.compile(r"[\u3040-\u30ff]")
_LOOSE = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts that put no space between words."""
_SPACE = re.compile(r"[\s,،、，]*")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::00)?(?![\d:])")
_HOURS = re.compile(r"(\d{1,2})h(\d{2})?(?![\d:a-z])")
_DOTTED_CLOCK = re.compile(r"(\d{1,2})\.(\d{2})(?![\d.])")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?![\w-])t?")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.(?:\s?(\d{4})(?!\w)|(?!\d))")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d{4}))?(?![\w/])")
_YEAR_FIRST = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?![\w/])")
_NUMBER = re.compile(r"(\d{1,12})((?:st|nd|rd|th|er|º|ª|\.)(?=[\s,]|$))?(?!\d)")


class Token(NamedTuple):
    """A piece of a text: what *kind* of word it is, and up to where it reaches.

    *numbers*: of a `number`, an `ordinal`, a `clock` (hour, minute) or a `date` (year or 0, month,
    day). Of a day of the week: (1,) if the word means every such day, as "mondays" does.
    """

    kind: str
    end: int
    numbers: tuple[int, ...] = ()


class Plain(NamedTuple):
    """A *text* without capitals and accents; *at*: where each of its characters came from."""

    text: str
    at: tuple[int, ...]


def plain(text: str) -> Plain:
    """*text* as the words of the lexicon are written."""
    found: list[str] = []
    at: list[int] = []
    for index, char in enumerate(text):
        for one in _plain_char(char):
            found.append(one)
            at.append(index)
    return Plain("".join(found), (*at, len(text)))


@lru_cache(maxsize=4096)
def _plain_char(char: str) -> str:
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if _KANA.match(char):
        return char
    bare = unicodedata.normalize("NFKD", char).casefold()
    return "".join(one for one in bare if not unicodedata.combining(one))


class Lexicon:
    """The words of one language. In its file, `|` stands between words for the same number, and
    `*` before a word for every such day.
    """

    def __init__(self, language: Language) -> None:
        self._words: dict[str, list[tuple[str, Token]]] = {}
        for kind, words in LANGUAGES[language].times.items():
            for number, word in enumerate(words, 1):
                for one in word.split("|"):
                    if kind == "numbers":
                        self._add(one, Token("number", 0, (number,)))
                    else:
                        self._add(one.lstrip("*"), Token(kind, 0, (1,) if "*" in one else ()))
        # The longest word that fits is meant.
        for some in self._words.values():
            some.sort(key=lambda one: -len(one[0]))
        self.month_first = language == "en"

    def _add(self, word: str, token: Token) -> None:
        text = plain(word).text
        self._words.setdefault(text[0], []).append((text, token))

    def token(self, text: str, start: int, kinds: Collection[str] = ()) -> Token | None:
        """The token at *start* of the plain *text*, behind spaces and commas, if it is of *kinds*.

        A word may be of several kinds, such as "jam", which is "at" and "hour".
        """
        space = _SPACE.match(text, start)
        start = space.end() if space else start
        if start >= len(text):
            return None
        if text[start].isdecimal():
            found = self._number(text, start)
            return found if found and (not kinds or found.kind in kinds) else None
        return self._word(text, start, kinds)

    def _word(self, text: str, start: int, kinds: Collection[str]) -> Token | None:
        longest = 0
        for word, token in self._words.get(text[start], ()):
            if len(word) < longest:
                break
            end = start + len(word)
            if text.startswith(word, start) and _ends(text, end):
                longest = len(word)
                if not kinds or token.kind in kinds:
                    return token._replace(end=end)
        return None

    def _number(self, text: str, start: int) -> Token | None:
        if match := _ISO.match(text, start) or _YEAR_FIRST.match(text, start):
            year, month, day = map(int, match.groups())
            return Token("date", match.end(), (year, month, day))
        if match := _DOTTED.match(text, start):
            day, month, year = (int(one or 0) for one in match.groups())
            return Token("date", match.end(), (year, month, day))
        if match := _SLASHED.match(text, start):
            one, two, year = (int(one or 0) for one in match.groups())
            month_first = two > 12 or (self.month_first and one <= 12)
            month, day = (one, two) if month_first else (two, one)
            return Token("date", match.end(), (year, month, day))
        if match := _CLOCK.match(text, start) or _HOURS.match(text, start):
            hour, minute = match.groups()
            # "2h" may also be two hours: the grammar decides.
            kind = "clock" if minute else "hours"
            return Token(kind, match.end(), (int(hour), int(minute or 0)))
        if match := _DOTTED_CLOCK.match(text, start):
            hour, minute = map(int, match.groups())
            return Token("clock", match.end(), (hour, minute)) if minute < 60 else None
        match = _NUMBER.match(text, start)
        if match is None:
            return None
        return Token("ordinal" if match[2] else "number", match.end(), (int(match[1]),))


@lru_cache
def lexicon(language: Language) -> Lexicon:
    return Lexicon(language)


def languages_to_try(preferred: Iterable[Language]) -> list[Language]:
    """All languages, those of *preferred* first, and English behind them."""
    return list(dict.fromkeys([*preferred, Language("en"), *LANGUAGES]))


def _ends(text: str, end: int) -> bool:
    """Whether a word may end at *end*."""
    if end >= len(text) or _LOOSE.match(text, end - 1) or _LOOSE.match(text, end):
        return True
    before, after = text[end - 1], text[end]
    return not ((before.isalpha() and after.isalpha()) or after == "_")
