"""Decides whether a message in a group is meant for the bot."""

import re
from collections.abc import Iterable

from core.words import joined

_AFTER_A_NAME = re.compile(r"\s*[,:;!.，：；！。、…]*")
"""What stands between a name and the message to it."""


def said_to(text: str, wake_words: Iterable[str]) -> str | None:
    """The rest of *text* after the wake word at its beginning; None if there is no wake word.

    A longer word that begins like a wake word is a different word.
    """
    low = text.lower()
    for word in wake_words:
        rest = text[len(word) :]
        if low.startswith(word.lower()) and not joined(word, rest):
            return _AFTER_A_NAME.sub("", rest, count=1).strip()
    return None


_ASKING = re.compile(
    r"(?:who|what|when|where|which|why|how|can|could|would|will|is|are|do|does|did|should"
    r"|explain|show|tell|give|make|write|rewrite|list|compare|translate|summari[sz]e|draft|fix"
    r"|find|create|add|remove|change|try|continue|go on|now|also|and now|shorter|longer"
    r"|请|帮|再|怎么|什么|为什么|谁|哪|能不能|可以|解释|翻译|总结|写|列|改|继续|给我)"
    r"(?![a-z])",
    re.IGNORECASE,
)
_PLEASE = re.compile(r"\bplease\b|[?\uff1f]|[吗呢]\s*(?:[。！!]\s*)?$|请", re.IGNORECASE)


_TOLD_OF = re.compile(
    r"(?:['’]s|\s+(?:said|says|thinks|is|was|has|had|asked|asks|wants|wrote|means|told))\b|\s*(?:说|的|问)",
    re.IGNORECASE,
)
"""After a name, these show that the message talks about somebody, not to them."""


def calls_one(text: str, others: Iterable[str]) -> bool:
    """Whether *text* speaks to one of *others*, by the first name or the whole one."""
    return any(_calls(text, called) for name in others for called in {name, name.partition(" ")[0]})


def for_us(text: str, others: Iterable[str]) -> bool:
    """Whether *text*, in a thread of the bot and *others*, asks the bot something.

    A message that calls one of the others is for them. Thanks, and talk without a question, are
    for nobody.
    """
    if calls_one(text, others):
        return False
    return bool(_ASKING.match(text.lstrip()) or _PLEASE.search(text))


def _calls(text: str, name: str) -> bool:
    """Whether *text* speaks to *name*: the name is first, after `@`, or last after a comma."""
    low, at = text.lower(), -1
    while name and (at := low.find(name.lower(), at + 1)) >= 0:
        before, after = low[:at].rstrip(), text[at + len(name) :]
        if joined(name, after):
            continue
        if before.endswith("@"):
            return True
        if not before and not _TOLD_OF.match(after):
            return True
        if before.endswith((",", "，")) and not any(map(str.isalnum, after)):
            return True
    return False
