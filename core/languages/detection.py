"""Decides in which language the bot speaks to a person.

It is the language that they chose, else the one they write in, else their client's. A script says
much: kana is Japanese, Han letters without kana are Chinese. Latin letters say little. There, only
the short words in a language's file (`words`) count more than the client's language.
"""

import re
from collections.abc import Mapping

from core.languages.catalogue import CATALOGUE, LANGUAGES, SOURCE, Language, Locale

_NO_PROSE = re.compile(
    # Code, addresses, mentions; and what holds a digit: ids and codes have letters by chance.
    r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|[@#/<]\S+|(?<![!-~])[!-/:-~]{0,64}\d[!-~]*",
    re.DOTALL,
)
_LATIN_WORD = re.compile(r"[a-z\u00df-\u00f6\u00f8-\u017f]+")
_KANA = re.compile(r"[\u3041-\u30fa]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTERS = {
    "Cyrl": re.compile(r"[\u0400-\u052f]"),
    "Arab": re.compile(r"[\u0620-\u06d5\u0750-\u077f]"),
}
_FOREIGN = {
    # Letters that Russian lacks: Ukrainian, Belarusian, Serbian, Macedonian, Kazakh and others.
    "Cyrl": re.compile(r"[^\u0410-\u044f\u0401\u0451]"),
    # Letters of Urdu, Pashto, Kurdish, Sindhi and Uyghur.
    "Arab": re.compile(
        r"[\u0679\u0688\u0691\u06ba\u06be\u06c1\u06d2\u0695\u06b5\u06ce\u06d5\u06c6"
        r"\u067c\u0689\u0693\u0696\u069a\u06ab\u06bc\u06cd\u06d0\u067f\u0684]"
    ),
}
_NEIGHBOURS = {
    "Cyrl": {"uk", "be", "bg", "sr", "mk", "kk", "ky", "mn", "tg"},
    "Arab": {"ur", "ps", "ckb", "ku", "sd", "ug", "pa"},
}
"""Languages in the same script as ours. A person whose client has one does not write ours."""
_ENOUGH_WORDS = 2
_ENOUGH_LETTERS = 2
_JAPANESE_WORD = 10
"""A text with so many different Han letters and no kana is not Japanese."""


def language_of(text: str, preferred: str, hint: str) -> Language:
    """The language to speak: chosen (*preferred*), else written in, else the client's (*hint*)."""
    if preferred and CATALOGUE.speaks(preferred):
        return CATALOGUE.best(preferred)
    return written_in(text, hint) or CATALOGUE.best(hint)


def says_something(text: str) -> bool:
    """Whether *text* has enough letters to be in some language."""
    return sum(map(str.isalpha, _NO_PROSE.sub(" ", text))) >= _ENOUGH_LETTERS


def written_in(text: str, hint: str = "") -> Language | None:
    """The language of *text*; None if that is not clear. *hint*, the client's, breaks ties."""
    if not says_something(text):
        return None
    prose = _NO_PROSE.sub(" ", text)
    if (by_words := _by_words(prose)) is not None:
        return by_words
    if _KANA.search(prose):
        return _of_script("Jpan")
    if han := set(_HAN.findall(prose)):
        return _chinese(han, hint)
    for script, letters in _LETTERS.items():
        if found := letters.findall(prose):
            return _alphabetic(script, "".join(found), hint)
    # Latin letters: the client's language if it uses them too, else English.
    if _LATIN_WORD.search(prose.lower()):
        return SOURCE if LANGUAGES[CATALOGUE.best(hint)].script != "Latn" else None
    return None


def _by_words(prose: str) -> Language | None:
    """The language in Latin letters that has most of its short words in *prose*, at least two."""
    written = set(_LATIN_WORD.findall(prose.lower()))
    hits = sorted(
        ((len(written.intersection(locale.words)), tag) for tag, locale in LANGUAGES.items()),
        reverse=True,
    )
    (most, best), (next_most, _) = hits[:2]
    return best if most >= _ENOUGH_WORDS and most > next_most else None


def _chinese(han: set[str], hint: str) -> Language | None:
    """Simplified or traditional: as the client, else by letters that only one of them has."""
    if _primary(hint) == "zh" and hint.lower() != "zh":
        return CATALOGUE.best(hint)
    if _primary(hint) == "ja" and len(han) < _JAPANESE_WORD:
        return _of_script("Jpan")
    scores = {
        tag: len(han.intersection(locale.letters))
        for tag, locale in _of_scripts("Hans", "Hant").items()
    }
    best = max(scores, key=lambda tag: scores[tag], default=None)
    return best if best and scores[best] else CATALOGUE.best("zh")


def _alphabetic(script: str, letters: str, hint: str) -> Language | None:
    """The language of *script* whose own letters occur, else the client's, else the first."""
    if _FOREIGN[script].search(letters) or _primary(hint) in _NEIGHBOURS[script]:
        return None
    ours = _of_scripts(script)
    scores = {tag: sum(map(letters.count, locale.letters)) for tag, locale in ours.items()}
    best = max(scores, key=lambda tag: scores[tag], default=None)
    if best is None or scores[best]:
        return best
    client = CATALOGUE.best(hint)
    return client if client in ours else best


def _primary(tag: str) -> str:
    return tag.replace("_", "-").lower().split("-")[0]


def _of_script(script: str) -> Language | None:
    return next(iter(_of_scripts(script)), None)


def _of_scripts(*scripts: str) -> Mapping[Language, Locale]:
    return {tag: locale for tag, locale in LANGUAGES.items() if locale.script in scripts}
