"""Telegram's (text, entities): offsets and lengths in UTF-16 code units. Pure."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

_SPOILER = re.compile(r"\|\|(?=\S)([^|\n]+?)(?<=\S)\|\|")


class Entity(NamedTuple):
    """As Telegram's MessageEntity; *extra* is a link's address or a block's language."""

    type: str
    offset: int
    length: int
    extra: str = ""


class Formatted(NamedTuple):
    text: str
    entities: tuple[Entity, ...]


def units(text: str) -> int:
    """The length of *text* in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def with_spoilers(text: str, entities: Sequence[Entity]) -> Formatted:
    """Turn `||hidden||` into spoilers; the marks leave the text, so later offsets move."""
    if "||" not in text:
        return Formatted(text, tuple(entities))
    code = [(e.offset, e.offset + e.length) for e in entities if e.type in ("code", "pre")]
    removed: list[int] = []
    spoilers: list[Entity] = []
    pieces, last = [], 0
    place = seen = 0
    for match in _SPOILER.finditer(text):
        place += units(text[seen : match.start()])
        start, end = place, place + units(match.group())
        place, seen = end, match.end()
        if any(a < end and start < b for a, b in code):
            continue
        pieces += [text[last : match.start()], match.group(1)]
        last = match.end()
        removed += [start, start + 1, end - 2, end - 1]
        spoilers.append(Entity("spoiler", start - len(removed) + 4, end - start - 4))
    pieces.append(text[last:])

    def moved(offset: int) -> int:
        return offset - bisect_left(removed, offset)

    kept = [
        entity._replace(
            offset=moved(entity.offset),
            length=moved(entity.offset + entity.length) - moved(entity.offset),
        )
        for entity in entities
    ]
    every = [entity for entity in (*kept, *spoilers) if entity.length > 0]
    return Formatted("".join(pieces), tuple(sorted(every, key=lambda e: (e.offset, -e.length))))
