"""Telegram's (text, entities): offsets and lengths in UTF-16 code units. Pure."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

_SPOILER = re.compile(r"\|\|(?=\S)[^|\n]+(?<=\S)\|\|")
_CALLS = re.compile(
    r"(?:https?://|www\.)(?a:[\w-]{1,63}(?:\.[\w-]{1,63}){0,7}\.[A-Za-z]{2,24}\b)(?::\d{1,5})?(?:[/?#](?a:[\w./?=&%#~+:@$-])*)?"
    r"|((?<!\w)@(?=[A-Za-z0-9_]{2})|(?<![\w/<>])/(?=[A-Za-z0-9_]{1,64}(?![A-Za-z0-9_/<>])))"
)
"""What the server turns into a mention or a command. Inside an address it does not.

Source: tdlib/td, MessageEntity.cpp, `match_mentions` and `match_bot_commands`.
"""
_DROPPED = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
_SPACED = dict.fromkeys([*range(10), *range(11, 13), *range(14, 32)], " ")
_DOUBLED = re.compile("[\u200e\u200f](?=[\u200e\u200f])")
_ALTERED = re.compile("[\x00-\x09\x0b-\x1f\u200e\u200f\u2028-\u202e\u0333\u033f\u030a]")
"""What the server removes or replaces by a space (tdlib/td, misc.cpp, `clean_input_string`)."""

_WIDE = re.compile("[\U00010000-\U0010ffff]")
"""Characters of two UTF-16 units."""


class Entity(msgspec.Struct, frozen=True, gc=False):
    """Like Telegram's MessageEntity. *extra* is a link's address or a code block's language."""

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
    """*parts* as one text, separated by *between*."""
    entities: list[Entity] = []
    at, step = 0, units(between)
    for text, found in parts:
        entities += [Entity(e.type, e.offset + at, e.length, e.extra) for e in found]
        at += units(text) + step
    return Formatted(between.join(part.text for part in parts), tuple(entities))


def formatted(text: str, entities: Iterable[Entity]) -> Formatted:
    """*text* with *entities* as Telegram counts them. Before, their offsets count characters.

    Turns `||hidden||` into spoilers. Makes sure that nothing calls a person or a command. Leaves
    out what Telegram would remove or change. The result is in order, outer entities first.
    """
    entities = list(entities)
    if "||" in text:
        text, entities = _with_spoilers(text, entities)
    if "@" in text or "/" in text:
        calls = [
            (match.end(), match.end(), "\u2060") for match in _CALLS.finditer(text) if match[1]
        ]
        text, entities = _edited(text, entities, _outside_code(calls, entities))
    if _ALTERED.search(text):
        text = _DOUBLED.sub("\u200c", text.translate(_SPACED))
        edits = [(match.start(), match.end(), "") for match in _DROPPED.finditer(text)]
        text, entities = _edited(text, entities, edits)
    if units(text) != len(text):
        entities = list(_in_units(text, entities))
    return Formatted(text, tuple(sorted(entities, key=_place)))


def _with_spoilers(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """*text* without the marks of spoilers, and with an entity for each."""
    matches = [(match.start(), match.end(), "") for match in _SPOILER.finditer(text)]
    found = _outside_code(matches, entities)
    spoilers = [Entity("spoiler", start + 2, end - start - 4) for start, end, _ in found]
    edits = [(at, at + 2, "") for start, end, _ in found for at in (start, end - 2)]
    return _edited(text, [*spoilers, *entities], edits)


Edit = tuple[int, int, str]
"""(start, end, new): the text from *start* to *end* is replaced by *new*."""


def _outside_code(edits: Sequence[Edit], entities: Sequence[Entity]) -> list[Edit]:
    """The *edits* that touch no code."""
    code = sorted((e.offset, e.offset + e.length) for e in entities if e.type in ("code", "pre"))
    starts = [start for start, _ in code]
    kept = []
    for edit in edits:
        # Code never stands in code. So only the last one that begins before the edit's end matters.
        before = bisect_left(starts, edit[1]) - 1
        if before < 0 or code[before][1] <= edit[0]:
            kept.append(edit)
    return kept


def _edited(
    text: str, entities: Sequence[Entity], edits: Sequence[Edit]
) -> tuple[str, list[Entity]]:
    """*text* after *edits*, with *entities* moved to fit. Edits are in order, and never overlap."""
    if not edits:
        return text, list(entities)
    parts: list[str] = []
    last, shift = 0, 0
    ends, shifts = [], [0]
    for start, end, new in edits:
        parts += [text[last:start], new]
        last = end
        shift += len(new) - (end - start)
        ends.append(end)
        shifts.append(shift)
    parts.append(text[last:])

    def moved(at: int) -> int:
        index = bisect_left(ends, at)
        inside = index < len(edits) and edits[index][0] < at
        return (edits[index][0] if inside else at) + shifts[index]

    every = []
    for one in entities:
        start, end = moved(one.offset), moved(one.offset + one.length)
        if end > start:
            every.append(Entity(one.type, start, end - start, one.extra))
    return "".join(parts), every


def _in_units(text: str, entities: Iterable[Entity]) -> Iterator[Entity]:
    wide = [match.start() for match in _WIDE.finditer(text)]
    for one in entities:
        start, end = one.offset, one.offset + one.length
        start, end = start + bisect_left(wide, start), end + bisect_left(wide, end)
        yield Entity(one.type, start, end - start, one.extra)


def _place(entity: Entity) -> tuple[int, int]:
    return entity.offset, -entity.length
