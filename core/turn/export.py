"""Exports: what is kept, as Markdown to read and as JSON to use elsewhere. Pure."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from core.messages import ConversationId, Exchange, Summary
from core.words import quoted

PART_BYTES = 8 * 1024 * 1024
"""A larger export comes in several files. Telegram takes files of 50 MB."""


class Told(NamedTuple):
    """What is exported of one conversation. *chosen*: model, system text and the like."""

    conversation: ConversationId
    exchanges: Sequence[Exchange]
    summary: Summary = Summary()
    chosen: Mapping[str, Any] = {}
    overheard: Sequence[Any] = ()


class File(NamedTuple):
    name: str
    data: bytes
    mime: str


def files(told: Sequence[Told], person: Mapping[str, Any], now: datetime.datetime) -> list[File]:
    """The files of an export. *person*: what is kept of the person beside conversations."""
    parts = list(_parts(told))
    found = []
    for number, part in enumerate(parts, 1):
        name = f"palaver-{now:%Y-%m-%d}" + (f"-{number}" if len(parts) > 1 else "")
        own = person if number == 1 else {}
        found += [
            File(f"{name}.md", _markdown(part, own).encode(), "text/markdown"),
            File(f"{name}.json", _json(part, own, now), "application/json"),
        ]
    return found


def _parts(told: Sequence[Told]) -> Iterator[list[Told]]:
    """*told* in parts of about `PART_BYTES`."""
    part: list[Told] = []
    size = 0
    for one in told:
        some: list[Exchange] = []
        head = one
        for exchange in one.exchanges:
            some.append(exchange)
            size += len(exchange.question) + len(exchange.answer) + 200
            if size >= PART_BYTES:
                yield [*part, head._replace(exchanges=some)]
                part, some, size = [], [], 0
                head = Told(one.conversation, ())
        if some or head is one:
            part.append(head._replace(exchanges=some))
    if part or not told:
        yield part


def _json(told: Iterable[Told], person: Mapping[str, Any], now: datetime.datetime) -> bytes:
    value = {
        "version": 1,
        "made_at": now.isoformat(timespec="seconds"),
        **person,
        "conversations": [one._asdict() for one in told],
    }
    return msgspec.json.format(msgspec.json.encode(value), indent=1)


def _markdown(told: Iterable[Told], person: Mapping[str, Any]) -> str:
    lines = ["# Palaver", "", *_of_person(person)]
    for one in told:
        lines += [f"## {one.conversation}", ""]
        if one.chosen:
            lines += [*(f"- {name}: {_line(value)}" for name, value in one.chosen.items()), ""]
        if one.summary.text:
            lines += [quoted(one.summary.text), ""]
        for exchange in one.exchanges:
            lines += [f"### {_at(exchange.at)}, {exchange.speaker}", ""]
            lines += [quoted(exchange.question), "", exchange.answer or exchange.notes, ""]
        for said in one.overheard:
            lines += [f"### {_at(said.at)}, {said.author} (overheard)", "", quoted(said.text), ""]
    return "\n".join(lines)


def _of_person(person: Mapping[str, Any]) -> Iterator[str]:
    """What is kept of the person beside conversations, in lines."""
    memory = person.get("memory", {})
    parts = {
        "Memory": [_line(fact["text"]) for fact in memory.get("facts", ())],
        "Proposed": [_line(fact["text"]) for fact in [memory.get("proposed")] if fact],
        "Reminders": [f"{_at(one['due'])}: {_line(one['text'])}" for one in _reminders(person)],
        "Used": [f"{name}: {much}" for name, much in person.get("spent", {}).items()],
        "Signed in": [_line(one) for one in person.get("signed_in", ())],
    }
    for head, rows in parts.items():
        if rows:
            yield from (f"## {head}", "", *(f"- {row}" for row in rows), "")


def _reminders(person: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = person.get("reminders", ())
    return sorted(found, key=lambda one: float(one["due"]))


def _at(seconds: float) -> str:
    at = datetime.datetime.fromtimestamp(min(max(0.0, seconds), 2.5e11), datetime.UTC)
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _line(value: object) -> str:
    return " ".join(str(value).split())
