"""Whether a group message calls the bot by one of its wake words."""

import re
import unicodedata
from collections.abc import Iterable

_AFTER_A_NAME = re.compile(r"\s*[,:;!.，：；！。、…]*\s*")
"""What stands between a name and what is said to it."""


def said_to(text: str, wake_words: Iterable[str]) -> str | None:
    """What *text* says behind the wake word that it begins with; None: it calls nobody.

    A word ends where no letter or digit follows. Chinese, Japanese and Korean (wide) characters
    follow words without a space, and need none behind a wake word of their own.
    """
    low = text.lower()
    for word in wake_words:
        rest = text[len(word) :]
        if low.startswith(word.lower()) and not _goes_on(word, rest):
            return _AFTER_A_NAME.sub("", rest, count=1).strip()
    return None


def _goes_on(word: str, rest: str) -> bool:
    return rest[:1].isalnum() and not (_wide(word[-1:]) or _wide(rest[:1]))


def _wide(character: str) -> bool:
    return character != "" and unicodedata.east_asian_width(character) in "WF"
