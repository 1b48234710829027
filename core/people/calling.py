"""Whether a group message calls the bot by one of its wake words."""

import re
from collections.abc import Iterable

from core.words import joined

_AFTER_A_NAME = re.compile(r"\s*[,:;!.，：；！。、…]*\s*")
"""What stands between a name and what is said to it."""


def said_to(text: str, wake_words: Iterable[str]) -> str | None:
    """What *text* says behind the wake word that it begins with; None: it calls nobody.

    A longer word that begins like a wake word is another one.
    """
    low = text.lower()
    for word in wake_words:
        rest = text[len(word) :]
        if low.startswith(word.lower()) and not joined(word, rest):
            return _AFTER_A_NAME.sub("", rest, count=1).strip()
    return None
