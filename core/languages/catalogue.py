"""The catalogue: every sentence, button, menu line and page text, in each language.

A language is one file, `<tag>.json`, named by its IETF tag. It holds the names of the language,
how it is written, and its sentences by key. Nothing else has to be edited for a new language.

- `{name}` is replaced by a value. A list is a text of several lines.
- `{waiting:questions}` is a counted word. The key `questions` holds an object with one text for
  each of CLDR's plural categories. `plural` says which number belongs to which category, in
  CLDR's own syntax (unicode.org/reports/tr35/tr35-numbers.html, for whole numbers).
- If a file lacks a key, the next language of the chain is asked. English has all keys.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from string import Formatter
from typing import Any, Literal, NewType, Protocol

import msgspec

from core.errors import ModelError, Overloaded, Refused

Language = NewType("Language", str)
"""The tag of a language that has a file."""

SOURCE = Language("en")
"""The language that has all sentences. Every chain ends with it."""
_TRADITIONAL = {"hant", "tw", "hk", "mo"}
_OTHER_NAMES = {"in": "id", "cmn": "zh", "yue": "zh-hant", "prs": "fa"}
"""Old names that some clients still send, and languages whose readers also read another one."""
_CODE = re.compile(r"`[^`\n]+`")
_CONDITION = re.compile(r"n(?: % (\d+))? (!?=) ([\d.,]+)")

Sentence = str | list[str] | dict[str, str]


class Speak(Protocol):
    """A sentence of the catalogue, in *language* (an IETF tag) or the nearest one that it has."""

    def __call__(self, name: str, language: str, /, **values: object) -> str: ...


class Locale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language's file.

    Attributes:
        names: its name in the language itself, then its other names.
        letters: letters that other languages of the same *script* lack.
        words: short words that most of its sentences have.
        pointing: beginnings of words that mean a picture, a sound or another file.
        cues: what the first words of a message say about its place in a talk, see `cues.py`.
        times: words about time by what they mean, such as `tomorrow`, for `core.times`. The first
            word of a day of the week is its name. `numbers` begins with one.
    """

    names: tuple[str, ...]
    script: str
    sentences: dict[str, Sentence]
    direction: Literal["ltr", "rtl"] = "ltr"
    plural: dict[str, str] = {}
    letters: str = ""
    words: tuple[str, ...] = ()
    pointing: dict[Literal["image", "audio", "file"], tuple[str, ...]] = {}
    cues: dict[str, tuple[str, ...]] = {}
    times: dict[str, tuple[str, ...]] = {}

    @property
    def name(self) -> str:
        return self.names[0]

    def category(self, number: int) -> str:
        """The plural category of *number*."""
        found = (name for name, rule in self.plural.items() if _holds(rule, number))
        return next(found, "other")


class Catalogue:
    """The languages of one folder."""

    def __init__(self, folder: Traversable) -> None:
        files = [one for one in folder.iterdir() if one.name.endswith(".json")]
        self.locales = {
            Language(one.name.removesuffix(".json")): _read(one.read_bytes())
            for one in sorted(files, key=lambda one: one.name)
        }
        self._tags = {tag.lower(): tag for tag in self.locales}
        self._kin = lru_cache(maxsize=500)(self._find_kin)

    def chain(self, tag: str) -> list[Language]:
        """The languages in which to look for a sentence for a reader of *tag*, the best first."""
        return [*self._kin(tag), *([] if SOURCE in self._kin(tag) else [SOURCE])]

    def best(self, tag: str) -> Language:
        """The language for a reader of *tag*."""
        return self.chain(tag)[0]

    def speaks(self, tag: str) -> bool:
        """Whether *tag*, or a close relative of it, has a file."""
        return bool(self._kin(tag))

    def _find_kin(self, tag: str) -> Sequence[Language]:
        """The files for *tag*: as asked, by script, the language alone, then its other files."""
        first, *rest = tag.replace("_", "-").lower().split("-")
        first, *more = [*_OTHER_NAMES.get(first, first).split("-"), *rest]
        wanted = ["-".join([first, *more])]
        if first == "zh":
            hant = "hans" not in more and not _TRADITIONAL.isdisjoint(more)
            wanted.append("zh-hant" if hant else "zh-hans")
        siblings = sorted(one for one in self._tags if one.split("-")[0] == first)
        return [
            self._tags[one]
            for one in dict.fromkeys([*wanted, first, *siblings])
            if one in self._tags
        ]

    def named(self, text: str) -> Language | None:
        """The language with the tag or the name *text*."""
        asked = _plain(text)
        for tag, locale in self.locales.items():
            if asked in {tag.lower(), *map(_plain, locale.names)}:
                return tag
        return self.best(asked) if asked and self.speaks(asked) else None

    def names(self) -> set[str]:
        """All names that `named` knows, in small letters, with and without accents."""
        names = {
            name.lower()
            for tag, locale in self.locales.items()
            for name in (tag, tag.split("-")[0], *locale.names)
        }
        return names | set(map(_plain, names))

    def menu(self, names: Iterable[str], language: str) -> dict[str, str]:
        """A line for each of the commands *names*."""
        return {name: self.say(f"menu_{name}", language) for name in names}

    def say(self, name: str, language: str, /, **values: object) -> str:
        """The sentence *name* in *language* (any IETF tag), filled with *values*."""
        tag, sentence = self._find(name, language)
        text = "\n".join(sentence) if isinstance(sentence, list) else str(sentence)
        filled = _Filler(self, tag).vformat(text, (), values)
        # Without isolation, a command would move the marks around it to its other side.
        return _isolated(filled) if self.locales[tag].direction == "rtl" else filled

    def count(self, name: str, language: str, number: int) -> str:
        """The counted word *name* with its number, such as "3 questions"."""
        tag, forms = self._find(name, language)
        if not isinstance(forms, dict):
            raise TypeError(name)
        text = forms.get(self.locales[tag].category(number), forms["other"])
        return text.format(n=number)

    def texts(self, language: str, *beginnings: str) -> dict[str, Sentence]:
        """The sentences of a page as they stand in the file: those with these *beginnings*."""
        keys = self.locales[SOURCE].sentences
        return {key: self._find(key, language)[1] for key in keys if key.startswith(beginnings)}

    def _find(self, name: str, language: str) -> tuple[Language, Sentence]:
        for tag in self.chain(language):
            if name in self.locales[tag].sentences:
                return tag, self.locales[tag].sentences[name]
        raise KeyError(name)


def _read(data: bytes) -> Locale:
    locale = msgspec.json.decode(data, type=Locale)
    # Twelve files have the same keys: kept once, they take half a megabyte less.
    shared = {sys.intern(key): sentence for key, sentence in locale.sentences.items()}
    return msgspec.structs.replace(locale, sentences=shared)


class _Filler(Formatter):
    def __init__(self, catalogue: Catalogue, language: Language) -> None:
        self._catalogue, self._language = catalogue, language

    def format_field(self, value: Any, format_spec: str) -> str:
        if not format_spec:
            return str(value)
        return self._catalogue.count(format_spec, self._language, value)


def accepted(header: str) -> Iterator[str]:
    """The tags of an `Accept-Language` header, the preferred first (RFC 9110, 12.5.4)."""
    ranked = []
    for one in header[:1_000].split(","):
        tag, _, weight = one.replace(" ", "").partition(";q=")
        try:
            ranked.append((-float(weight or 1), tag))
        except ValueError:
            continue
    yield from (tag for rank, tag in sorted(ranked, key=lambda one: one[0]) if tag and rank < 0)


def _isolated(text: str) -> str:
    return _CODE.sub("\u2066\\g<0>\u2069", text)


def _plain(text: str) -> str:
    """*text* without case and accents."""
    bare = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(one for one in bare if not unicodedata.combining(one)).replace("_", "-")


def _holds(rule: str, number: int) -> bool:
    return any(
        all(_met(condition, number) for condition in alternative.split(" and "))
        for alternative in rule.split(" or ")
    )


def _met(condition: str, number: int) -> bool:
    parts = _CONDITION.fullmatch(condition)
    if parts is None:
        raise ValueError(condition)
    modulus, sign, ranges = parts.groups()
    value = number % int(modulus) if modulus else number
    ends = (one.partition("..") for one in ranges.split(","))
    found = any(int(low) <= value <= int(high or low) for low, _, high in ends)
    return found == (sign == "=")


CATALOGUE = Catalogue(resources.files("core.languages"))
LANGUAGES: Mapping[Language, Locale] = CATALOGUE.locales
say = CATALOGUE.say


def failure(error: ModelError, language: Language) -> str:
    """A sentence for the person whose answer failed with *error*."""
    if isinstance(error, Refused):
        return say(f"refused_{error.reason}", language)
    return say("overloaded" if isinstance(error, Overloaded) else "interrupted", language)
