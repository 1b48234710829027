"""What happened in an hour or a day, of what was counted in it. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from core.cells import table
from core.counting import quantile
from core.messages import Spent
from core.store.use import Row
from core.words import undirected

TOP, SERIES = 20, 5
PARTS = (0.5, 0.95, 0.99)


def row_of(counted: Mapping[str, float]) -> dict[str, Any]:
    """What happened in one hour or day, of what was counted in it."""
    row: dict[str, Any] = {
        "questions": _sum(counted, "in", kept=("kept",)),
        "answered": _sum(counted, "turns", kept=("answered",)),
        "failed": _sum(counted, "turns", kept=("failed", "crashed", "postponed", "refused")),
        "pictures": _sum(counted, "pictures"),
        "tools": _sum(counted, "tools"),
        "tokens": _sum(counted, "tokens", kept=("prompt", "completion")),
        "usd": round(_sum(counted, "usd"), 6),
        "refusals": _by(counted, "updates", 0, kept=("refused",)),
        "models": _by(counted, "calls", 1),
        "model_usd": _by(counted, "usd", 0),
        "model_tokens": _by(counted, "tokens", 0, kept=("prompt", "completion")),
        "tool_calls": _by(counted, "tools", 0),
    }
    for kind in ("first", "whole", "lag", "word"):
        row[kind] = [quantile(counted, kind, part) for part in PARTS]
    return row


def top(spent: Iterable[Mapping[str, Row]]) -> dict[str, list[dict[str, Any]]]:
    """Who spent most in all of these days: people, places and models."""
    sums: dict[str, Spent] = {}
    names: dict[str, str] = {}
    for day in spent:
        for who, row in day.items():
            sums[who] = sums.get(who, Spent()) + row.spent
            names[who] = row.name or names.get(who, "")
    found: dict[str, list[dict[str, Any]]] = {"person": [], "place": [], "model": []}
    for who, one in sorted(sums.items(), key=lambda pair: (-pair[1].cost_usd, -_tokens(pair[1]))):
        kind, _, name = who.partition(" ")
        if kind in found and len(found[kind]) < TOP:
            told = {"who": name, "name": names[who], "usd": one.cost_usd, "tokens": _tokens(one)}
            found[kind].append({**told, "turns": one.turns, "pictures": one.pictures})
    return found


def plotted(
    spent: Sequence[Mapping[str, Row]], rest: str
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Dollars and tokens of each day, of the people and of the places with most.

    *rest*: how the others are called together.
    """
    measures: dict[str, Callable[[Spent], float]] = {
        "usd": lambda one: round(one.cost_usd, 6),
        "tokens": _tokens,
    }
    return {
        kind: {unit: _series(spent, f"{kind} ", of, rest) for unit, of in measures.items()}
        for kind in ("person", "place")
    }


def _series(
    spent: Sequence[Mapping[str, Row]], head: str, of: Callable[[Spent], float], rest: str
) -> dict[str, list[float]]:
    days = [
        {who: of(row.spent) for who, row in day.items() if who.startswith(head)} for day in spent
    ]
    sums: dict[str, float] = {}
    for day in days:
        for who, much in day.items():
            sums[who] = sums.get(who, 0) + much
    most = sorted((who for who in sums if sums[who]), key=lambda who: -sums[who])
    first = most if len(most) <= SERIES + 1 else most[:SERIES]
    names = {who: row.name for day in spent for who, row in day.items() if row.name}
    found = {}
    for who in first:
        one, name = who.removeprefix(head), undirected(names.get(who, ""))
        # Several people may be called the same.
        found[f"{name} ({one})" if name else one] = [day.get(who, 0) for day in days]
    if others := set(most[len(first) :]):
        found[rest] = [sum(much for who, much in day.items() if who in others) for day in days]
    return found


def costs_of(dates: Sequence[str], spent: Iterable[Mapping[str, Row]]) -> list[dict[str, Any]]:
    """One row for each person, place and model of each day."""
    return [
        {"day": day, "kind": who.partition(" ")[0], "id": who.partition(" ")[2], "name": row.name}
        | msgspec.structs.asdict(row.spent)
        for day, rows in zip(dates, spent, strict=True)
        for who, row in rows.items()
    ]


def _tokens(spent: Spent) -> int:
    return spent.prompt_tokens + spent.completion_tokens


def _sum(counted: Mapping[str, float], kind: str, kept: Sequence[str] = ()) -> float:
    return sum(_by(counted, kind, 0, kept).values())


def _by(
    counted: Mapping[str, float], kind: str, at: int, kept: Sequence[str] = ()
) -> dict[str, float]:
    """Sums by the label number *at*. *kept*: only of these last labels."""
    sums: dict[str, float] = {}
    for name, much in counted.items():
        first, *labels = name.split("|")
        if first == kind and len(labels) > at and (not kept or labels[-1] in kept):
            sums[labels[at]] = sums.get(labels[at], 0.0) + much
    return sums


def csv_of(rows: Sequence[Mapping[str, Any]], heads: Mapping[str, str] = {}) -> bytes:
    """*rows* as a table that spreadsheets read, and run nothing of.

    *heads*: how the columns are called; others have their own names.
    """
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    # `refusals telegram`, `first p95`: what it is, and of what.
    firsts = [name.split(" ", 1) for name in names]
    first = [" ".join([heads.get(one, one), *rest]) for one, *rest in firsts]
    return table([first, *([row.get(name, "") for name in names] for row in flat)])


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= {f"{name} {one}": much for one, much in value.items()}
        elif isinstance(value, list):
            flat |= {
                f"{name} p{round(100 * part)}": much
                for part, much in zip(PARTS, value, strict=True)
            }
        else:
            flat[name] = value
    return flat
