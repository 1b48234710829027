"""Web addresses in text, made comparable."""

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any

from core.errors import AddressRefused
from core.net.urls import read_url

_ADDRESS = re.compile(r"(?i:https?://|www\.)[^\s<>\"'`{}|\\^\u3000-\u303f\uff00-\uff5f]{3,2000}")
_BARE = re.compile(
    r"(?<![\w@/.:-])(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_]{2,24}(?::\d{1,5})?(?![\w@])"
    r"(?:/[^\s<>\"'`{}|\\^\u3000-\u303f\uff00-\uff5f]{0,2000})?"
)
"""An address as people say it: `example.org/page`."""
_ODD = re.compile(
    r"(?i:\b(?:https?|s?ftps?|wss?|ssh|git|svn|rsync|ldaps?|smb|nfs|gopher|dict|telnet)):\S|"
    r"(?<![\w/\\:])[\\/]{2}[\w\[]|(?i:\bwww\.)|"
    r"(?:(?<![\w/.:-])(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_]{2,24}|(?:\d{1,3}\.){3}\d{1,3})"
    r"(?::\d{1,5})?[/?#\\]"
)
"""What may be read as an address by whatever a tool is made of."""
_CLOSING = {")": "(", "]": "["}
_TRAILING = ".,;:!?*_~)]'\"。，！？“”„‘’‚«»‹›…"
MOST = 500


def addresses_in(texts: Iterable[str]) -> frozenset[str]:
    """The web addresses that stand in *texts*, each as `same` writes it; at most `MOST`."""
    found: dict[str, None] = {}
    for text in texts:
        for address in _spelled(text):
            found[address] = None
            if len(found) >= MOST:
                return frozenset(found)
    return frozenset(found)


def said_in(texts: Iterable[str]) -> frozenset[str]:
    """As `addresses_in`, for words of a person: they need not say `https://`."""
    texts = list(texts)
    bare = (f"https://{match[0]}" for text in texts for match in _BARE.finditer(text))
    return addresses_in(texts) | addresses_in(islice(bare, MOST))


def builds(arguments: Mapping[str, Any], known: AbstractSet[str]) -> bool:
    """Whether *arguments* hold something that may be read as an address, and is none of *known*.

    It finds too much rather than too little: also addresses that no browser would open.
    """
    named = set(map(alike, known))

    def unless_named(match: re.Match[str]) -> str:
        spelled = next(_spelled(match[0]), "")
        return " " if spelled and alike(spelled) in named else match[0]

    # Not as JSON, which would write a backslash twice.
    return any(_ODD.search(_ADDRESS.sub(unless_named, text)) for text in _texts(arguments))


def _texts(value: object) -> Iterator[str]:
    """All texts in *value*, however deep: arguments of a call are JSON."""
    left = [value]
    while left:
        match left.pop():
            case str() as text:
                yield text
            case dict() as fields:
                left += [*fields, *fields.values()]
            case list() as values:
                left += values


def alike(address: str) -> str:
    """*address* without what a model may change: the scheme, and the slash at its end."""
    return address.partition("://")[2].rstrip("/")


def same(address: str) -> str:
    """*address* as one spelling of it, without the part behind `#`. Empty: it is none."""
    full = address if "://" in address else f"https://{address}"
    try:
        url = read_url(full)
    except AddressRefused:
        return ""
    return str(url.with_fragment(None).with_path(url.path or "/", keep_query=True))


def _spelled(text: str) -> Iterator[str]:
    for match in _ADDRESS.finditer(text):
        address = match[0]
        while address and address[-1] in _TRAILING:
            # A bracket that was opened in the address belongs to it.
            opening = _CLOSING.get(address[-1])
            if opening and address.count(opening) >= address.count(address[-1]):
                break
            address = address[:-1]
        if spelled := same(address):
            yield spelled
