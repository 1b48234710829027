"""Cues: what the first words of a message say about its place in a talk, in every language. Pure.

Each language's file has its words (`cues`), by what they do:

- `greets` and `opens`: somebody begins to talk, and has asked nothing yet ("hey", "a question");
- `corrects`: the message corrects the one before it ("no, I meant"); so does a word that
  `refuses`, with a comma behind it ("no, in Spain");
- `goes_on`: it goes on from the one before it ("and", "in short please");
- `asks`: it may ask something ("how", "does anybody know");
- `glad`: it thanks, congratulates, or says that something is done or went well;
- `recaps` and `here`: it wants to be told in short what was said in this place.

All languages are looked at: people greet in one and ask in another. Capitals, accents and
punctuation do not count.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from core.languages.catalogue import LANGUAGES
from core.words import joined

Cue = Literal["greets", "opens", "corrects", "refuses", "goes_on", "asks", "glad", "recaps", "here"]
OPENER_CHARS = 80
"""A longer text asks or tells something, whatever its words are."""
NAME_CHARS = 20
RECAP_CHARS = 120
GLAD_CHARS = 200
"""A longer text says more than that."""
_SEEN_CHARS = 400
"""Cues stand at the beginning."""
_OPEN_ENDS = (":", "：", "...", "…", ",", "，", "、", "،", " -", "–", "—", "(", "（")
_CHEERS = re.compile(
    r"[\U0001f389\U0001f38a\U0001f973\U0001f64f\U0001f64c\U0001f44f\U0001f680\u2764\u2705]"
    r"|:(?:tada|heart|pray|clap|rocket|raised_hands|white_check_mark|partying_face):"
)
"""Emoji, and the names by which Slack tells them."""
_ASKS = re.compile(r"[?？؟]|[か吗呢嗎][。.!！]?\s*$")
_STARRED = re.compile(r"\*\w+(?: \w+)?\s*$|\w{1,30}\*\s*$")
"""`*word` or `word*` corrects a word, in chats of all languages."""
_FIRST_WORD = re.compile(r"\s*(\w{1,12})\s*[,.:;!\u2026，。、！،—–-]")
_FULL_STOPS = (".", "!", "。", "！", "؟", "?", "？")
_FRAGMENT_WORDS, _FRAGMENT_CHARS = 3, 5
"""A fragment has so many words at most; without spaces between words, so many characters."""


def _plain(text: str) -> str:
    """The words of *text* in small letters, without accents, with one space between them."""
    bare = unicodedata.normalize("NFKD", text[:_SEEN_CHARS].casefold())
    spelled = (one for one in bare if not unicodedata.combining(one))
    return " ".join("".join(one if one.isalnum() else " " for one in spelled).split())


def _phrases(*cues: Cue) -> frozenset[str]:
    return frozenset(
        plain
        for locale in LANGUAGES.values()
        for cue in cues
        for phrase in locale.cues.get(cue, ())
        if (plain := _plain(phrase))
    )


_GREETINGS = _phrases("greets")
_OPENERS = _phrases("greets", "opens")
_CORRECTIONS = _phrases("corrects")
_CORRECTING = frozenset(one for one in _CORRECTIONS if " " in one or one >= "\u2e80")
"""Those that stand for themselves, so that any word may be before them."""
_REFUSALS = _phrases("refuses")
_MORE = _phrases("goes_on")
_QUESTIONS = _phrases("asks")
_GLAD = _phrases("glad")
_RECAPS, _HERE = _phrases("recaps"), _phrases("here")
_LONGEST = max(map(len, _OPENERS | _CORRECTIONS | _MORE | _QUESTIONS | _GLAD | _RECAPS | _HERE))


def _ends_of_phrases(text: str, start: int, phrases: Iterable[str]) -> list[int]:
    """Where in *text* a phrase that begins at *start* may end."""
    most = min(len(text), start + _LONGEST)
    return [
        end
        for end in range(start + 1, most + 1)
        if text[start:end] in phrases and not joined(text[:end], text[end:])
    ]


def asks_nothing(text: str) -> bool:
    """Whether *text* holds openers only, perhaps with a name behind a greeting."""
    plain = _plain(text)
    if len(text.strip()) > OPENER_CHARS:
        return False
    reached, greeted = {0}, False
    for at in range(len(plain)):
        if at not in reached:
            continue
        if plain[at] == " ":
            reached.add(at + 1)
            continue
        ends = _ends_of_phrases(plain, at, _OPENERS)
        reached.update(ends)
        greeted = greeted or any(plain[at:end] in _GREETINGS for end in ends)
        name = plain[at:]
        if greeted and at and not ends and " " not in name and len(name) <= NAME_CHARS:
            return name.isalpha()
    return len(plain) in reached


def ends_open(text: str) -> bool:
    """Whether *text* stops in the middle, so that more must come."""
    return text.rstrip().endswith(_OPEN_ENDS)


def is_fragment(text: str) -> bool:
    """Whether *text* is a few words that are no sentence: it may belong to what is beside it."""
    plain = _plain(text)
    if _ASKS.search(text) or text.rstrip().endswith(_FULL_STOPS) or not plain:
        return False
    # A number or a code is a whole request more often.
    if any(map(str.isdigit, plain)):
        return False
    spaced = plain < "\u2e80"
    return len(plain.split()) <= _FRAGMENT_WORDS if spaced else len(plain) <= _FRAGMENT_CHARS


def corrects(text: str) -> bool:
    """Whether *text* corrects what its writer said before it."""
    word, rest = _STARRED.match(text), _FIRST_WORD.match(text)
    refuses = rest is not None and _plain(rest[1]) in _REFUSALS
    if word or refuses or _begins(text, _CORRECTIONS):
        return True
    if rest is not None and _begins(text[rest.end() :], _CORRECTING):
        return True  # "Quatsch, ich meinte Italien."
    # "Non pardon, je voulais dire l'Italie."
    plain, at = _plain(text), 0
    while ends := _ends_of_phrases(plain, at, _REFUSALS):
        at = ends[-1] + 1
    return at > 0 and bool(_ends_of_phrases(plain, at, _CORRECTIONS))


def goes_on(text: str) -> bool:
    """Whether *text* goes on from what its writer said before it."""
    return _begins(text, _MORE)


def asks(text: str) -> bool:
    """Whether *text* may be a question."""
    return bool(_ASKS.search(text) or _found(_plain(text), _QUESTIONS))


def glad(text: str) -> bool:
    """Whether *text* may thank or cheer, and ask nothing besides."""
    if len(text) > GLAD_CHARS or _ASKS.search(text):
        return False
    plain = _plain(text)
    cheers = _found(plain, _GLAD)
    for start, end in cheers:
        plain = plain[:start] + " " * (end - start) + plain[end:]
    return bool(cheers or _CHEERS.search(text)) and not _found(plain, _QUESTIONS)


def wants_recap(text: str) -> bool:
    """Whether *text* asks to tell in short what was said in the place where it stands."""
    plain = _plain(text)
    return len(text) <= RECAP_CHARS and bool(_found(plain, _RECAPS) and _found(plain, _HERE))


def _found(plain: str, phrases: Iterable[str]) -> list[tuple[int, int]]:
    """Where whole words of *plain* are one of *phrases*."""
    starts = [at for at in range(len(plain)) if not at or not joined(plain[:at], plain[at:])]
    return [(at, end) for at in starts for end in _ends_of_phrases(plain, at, phrases)]


def _begins(text: str, phrases: Iterable[str]) -> bool:
    return bool(_ends_of_phrases(_plain(text), 0, phrases))
