"""The pages that an answer is based on, as links under it. Pure.

Addresses and titles are strangers' words. An address is shown only if it is read strictly, and
nothing in it ends a link; a title has no marks of its own.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from core.errors import AddressRefused
from core.languages.catalogue import Language, say
from core.models.chunks import Source
from core.models.folding import visible
from core.net.urls import read_url

MOST = 12
TITLE_CHARS = 70
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)
_MARK = re.compile(r"\[(\d{1,2})\](?![(\[:])")
_ENDS_LINK = re.compile(r"[()<>\[\]`\"|\\\s]")


class _Link(NamedTuple):
    address: str
    title: str


def with_links(text: str, sources: Sequence[Source]) -> str:
    """*text*, with `[1]` as a link to the first of *sources*. Code is not changed."""
    links = list(map(_link, sources))
    if not any(links):
        return text

    def link(mark: re.Match[str]) -> str:
        number = int(mark[1])
        found = links[number - 1] if 0 < number <= len(links) else None
        return f"[{number}]({found.address})" if found else mark[0]

    parts = _CODE.split(text)
    return "".join(part if at % 2 else _MARK.sub(link, part) for at, part in enumerate(parts))


def listed(text: str, sources: Sequence[Source], language: Language) -> str:
    """*sources* as a list, each page once. If *text* names some by number, only those."""
    used = {int(number) for number in _MARK.findall(_CODE.sub("", text))}
    numbered = [(number, link) for number, one in enumerate(sources, 1) if (link := _link(one))]
    named = [(number, link) for number, link in numbered if number in used]
    first: dict[str, tuple[int, _Link]] = {}
    for number, link in named or numbered:
        first.setdefault(link.address.partition("#")[0].rstrip("/"), (number, link))
    shown = list(first.values())[:MOST]
    # A list of Markdown counts on by itself, so numbers with a gap cannot be one.
    gaps = any(after != before + 1 for (before, _), (after, _) in pairwise(shown))
    mark = "({})" if gaps else "{}."
    lines = [f"{mark.format(number)} [{link.title}]({link.address})" for number, link in shown]
    return "\n".join([say("sources", language), *lines]) if lines else ""


def _link(source: Source) -> _Link | None:
    """*source* as a link; None if its address is not to be shown."""
    try:
        url = read_url(source.url)
    except AddressRefused:
        return None
    address = _ENDS_LINK.sub(lambda one: f"%{ord(one[0]):02X}", str(url))
    host = (url.host or "").removeprefix("www.")
    title = source.title or f"{host}{url.path}"
    title = " ".join(re.sub(r"[\[\]`*_~<>|\\]", " ", visible(title)).split()) or host
    return _Link(address, title if len(title) <= TITLE_CHARS else f"{title[:TITLE_CHARS]}…")
