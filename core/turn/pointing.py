"""Which files of what was said before a question it asks about. Pure.

A question asks about a file if it holds the file's name or most words of it, or a word for files of
its kind ("what is in the picture?"). Then the newest of them are opened, and the others are only
named.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Literal

from core.languages.catalogue import LANGUAGES
from core.messages import Attachment
from core.said import Said

MOST = 3
"""So many of a kind are opened, and so many by their names."""
NAME_CHARS = 5
"""A shorter name is found only with its ending."""
ENDING_CHARS = 4
"""Behind the beginning of a word there are at most so many letters more."""


_PARTS = re.compile(r"[^\W_]{2,}")
_WHOLE = re.compile(r"[\w-]+")
_VERSION = re.compile(r"v?\d+")
Kind = Literal["image", "audio", "file"]


def _pattern(kind: Kind) -> re.Pattern[str]:
    words = {word for one in LANGUAGES.values() for word in one.pointing.get(kind, ())}
    # In scripts without spaces, or with articles that join the word, it may begin anywhere.
    spaced = [re.escape(word) for word in sorted(words) if word[0] < "\u0590"]
    anywhere = [re.escape(word) for word in sorted(words) if word[0] >= "\u0590"]
    starts = rf"(?<!\w)(?:{'|'.join(spaced)})\w{{0,{ENDING_CHARS}}}(?!\w)"
    return re.compile(f"{starts}|{'|'.join(anywhere)}", re.IGNORECASE)


_WORDS: Mapping[Kind, re.Pattern[str]] = {
    "image": _pattern("image"),
    "audio": _pattern("audio"),
    "file": _pattern("file"),
}


def pointed_at(
    question: str, said: Sequence[Said], own: Iterable[Attachment] = ()
) -> Sequence[Attachment]:
    """The files of *said* (oldest first) that *question* asks about, oldest first.

    *own*: the files that come with the question. A word for files of their kind means them.
    """
    newest = [file for one in reversed(said) for file in reversed(one.attachments)]
    asked = question.casefold()
    if named := [file for file in newest if _names(asked, file)][:MOST]:
        return named[::-1]
    found: set[Attachment] = set()
    for kind in _WORDS.keys() - {file.kind for file in own}:
        if _WORDS[kind].search(question):
            found |= {*[file for file in newest if file.kind == kind][:MOST]}
    return [file for file in dict.fromkeys(reversed(newest)) if file in found]


def _names(asked: str, file: Attachment) -> bool:
    name = file.name.casefold()
    stem = PurePath(name).stem
    if name and name != stem and name in asked:
        return True
    if len(stem) >= NAME_CHARS and _stands(stem, asked):
        return True
    # "What does the Q3 report say?" asks about Q3_report-final.pdf.
    parts = {one for one in _PARTS.findall(stem) if not _VERSION.fullmatch(one)}
    found = parts & set(_WHOLE.findall(asked))
    telling = len(found) > 1 or any(len(one) >= NAME_CHARS for one in found)
    return telling and 2 * len(found) >= len(parts)


def _stands(word: str, text: str) -> bool:
    """Whether *word* stands in *text* by itself."""
    at = text.find(word)
    while at >= 0:
        around = text[max(0, at - 1) : at] + text[at + len(word) : at + len(word) + 1]
        if not any(map(str.isalnum, around)):
            return True
        at = text.find(word, at + 1)
    return False
