"""Telegram's (text, entities): offsets and lengths in UTF-16 code units. Pure."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

_SPOILER = re.compile(r"\|\|(?=\S)([^|\n]+?)(?<=\S)\|\|")

_WIDE = re.compile("[\U00010000-\U0010ffff]")
"""Two units each."""


class Entity(msgspec.Struct, frozen=True, gc=False):
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


def joined(parts: Sequence[Formatted], between: str) -> Formatted:
    """*parts*, with *between* between them."""
    entities: list[Entity] = []
    at, step = 0, units(between)
    for text, found in parts:
        entities += [Entity(e.type, e.offset + at, e.length, e.extra) for e in found]
        at += units(text) + step
    return Formatted(between.join(part.text for part in parts), tuple(entities))


def formatted(text: str, entities: Iterable[Entity]) -> Formatted:
    """*text* with *entities*, whose offsets and lengths are characters so far.

    Turns `||hidden||` into spoilers. The entities come out in order, outer ones first.
    """
    if "||" in text:
        text, entities = _with_spoilers(text, entities)
    if units(text) != len(text):
        entities = _in_units(text, entities)
    return Formatted(text, tuple(sorted(entities, key=_place)))


def _with_spoilers(text: str, entities: Iterable[Entity]) -> tuple[str, list[Entity]]:
    """The marks leave the text, so what stands behind them moves."""
    entities = list(entities)
    code = [(e.offset, e.offset + e.length) for e in entities if e.type in ("code", "pre")]
    removed: list[int] = []
    every: list[Entity] = []
    pieces, last = [], 0
    for match in _SPOILER.finditer(text):
        start, end = match.span()
        if any(a < end and start < b for a, b in code):
            continue
        pieces += [text[last:start], match.group(1)]
        last = end
        removed += [start, start + 1, end - 2, end - 1]
        every.append(Entity("spoiler", start - len(removed) + 4, end - start - 4))
    pieces.append(text[last:])
    for one in entities:
        start, end = one.offset, one.offset + one.length
        start, end = start - bisect_left(removed, start), end - bisect_left(removed, end)
        if end > start:
            every.append(Entity(one.type, start, end - start, one.extra))
    return "".join(pieces), every


def _in_units(text: str, entities: Iterable[Entity]) -> Iterator[Entity]:
    wide = [match.start() for match in _WIDE.finditer(text)]
    for one in entities:
        start, end = one.offset, one.offset + one.length
        start, end = start + bisect_left(wide, start), end + bisect_left(wide, end)
        yield Entity(one.type, start, end - start, one.extra)


def _place(entity: Entity) -> tuple[int, int]:
    return entity.offset, -entity.length
