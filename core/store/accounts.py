"""Accounts: what was spent and reserved of each budget, and the bill that a turn pays.

Why reserve: many turns that ask at once would each see the same rest of a budget. So before a
model is called, one script reserves an upper estimate in all accounts, or in none. The commit pays
the real costs and gives the hold back, in the same step.

Why nothing stays reserved: a hold belongs to a lane with mail. Such a lane is always served again,
whatever dies, and the next try takes the hold over. Each script that ends a turn gives it back.
"""

import time
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import NamedTuple

import msgspec

from core.messages import ConversationId, Sender, Spent, place_id
from core.people.budgets import Account, Limit
from core.people.roles import tenant_of
from core.store import keys
from core.store.turns import accounts_of
from core.store.values import read

KEPT_S = 2 * 24 * 3600
"""How long an account is kept after its period: zones differ by a day, and turns may run late."""
SPENT_S = 400 * 24 * 3600
"""How long the costs of somebody who asks no more are kept."""
TALLY_S = 100 * 24 * 3600
"""How long the tally of a month, or of a day, is kept after its last new row: until the third month
has passed."""
MOST_ROWS = 10_000
"""How many people, places and models a tally has rows for. The rest share one of each kind."""


class Refused(NamedTuple):
    """The *account* that has too little left. *most* contains what admins granted.

    *held*: what others have reserved. *first*: 1 if nobody was told in this period, else 0.
    """

    account: Account
    spent: int
    held: int
    most: int
    first: int


class Bill(NamedTuple):
    """What a turn or an extra of it pays: JSON for `pay` in `bill.lua`, and the keys in it."""

    keys: Sequence[str]
    json: bytes
    accounts: Sequence[Account]


class _Hold(msgspec.Struct):
    accounts: dict[str, dict[str, float]] = {}


class _Row(Spent, frozen=True):
    name: str = ""


_hold = msgspec.json.Decoder(_Hold)
_row = msgspec.json.Decoder(_Row, strict=False)
_limits: msgspec.json.Decoder[tuple[Limit, ...]] = msgspec.json.Decoder(tuple[Limit, ...])


def key_of(account: Account) -> str:
    limit = account.limit
    kind = f"{limit.of}:{limit.per}" + (f":{limit.model}" if limit.model else "")
    return keys.account(account.who, kind, account.name)


def entries(amounts: Sequence[tuple[Account, int]], sure: Sequence[int] = ()) -> bytes:
    """For each account: its key, unit, how much, the most, when to forget it; what is *sure*."""
    return msgspec.json.encode(
        [
            (
                key_of(one),
                one.limit.unit,
                much,
                one.limit.most,
                int(one.until.timestamp()) + KEPT_S,
                spent,
            )
            for (one, much), spent in zip(amounts, sure or repeat(0), strict=False)
        ]
    )


def bill_of(
    conversation: ConversationId,
    person: Sender,
    spent: Mapping[str, Spent],
    accounts: Sequence[Account] = (),
    *,
    place_name: str = "",
) -> Bill:
    """The bill for *spent*, by model, of *person* in *conversation*, called *place_name*."""
    tenant, place = tenant_of(person.id or conversation), place_id(conversation)
    now = time.gmtime()
    tallies = [keys.tally(tenant, time.strftime(form, now)) for form in ("%Y-%m", "%Y-%m-%d")]
    pays = {
        keys.spent(who): cost for who, cost in accounts_of(conversation, person.id, spent).items()
    }
    total = sum(spent.values(), Spent())
    rows: dict[str, object] = {}
    if spent:
        named = {"name": person.name} if person.name else {}
        rows[f"person {person.id}"] = {**msgspec.to_builtins(total), **named}
        called = {"name": place_name} if place_name else {}
        rows[f"place {place}"] = {**msgspec.to_builtins(total), **called}
        rows |= {f"model {model}": cost for model, cost in spent.items()}
    paying = [(one, much) for one in accounts if (much := one.limit.of_spent(spent))]
    bill = {
        "spent": pays if spent else {},
        "spent_ttl": SPENT_S,
        "tallies": tallies,
        "tally_ttl": TALLY_S,
        "most_rows": MOST_ROWS,
        "rows": rows,
        "accounts": msgspec.Raw(entries(paying)),
    }
    named_keys = [*(pays if spent else ()), *tallies, *(key_of(one) for one, _ in paying)]
    return Bill(named_keys, msgspec.json.encode(bill), [one for one, _ in paying])


def read_row(raw: bytes | None) -> tuple[Spent, str] | None:
    """What a row of a tally tells: what was spent, and the name of who or what spent it."""
    row = read(_row, raw, "store.tally")
    if row is None:
        return None
    return Spent(*(getattr(row, name) for name in Spent.__struct_fields__)), row.name


def read_hold(raw: bytes | None) -> Sequence[str]:
    """The keys of the accounts that a hold names."""
    found = read(_hold, raw, "store.hold") if raw else None
    ours = f"{keys.TAG}:account:"
    return tuple(one for one in found.accounts if one.startswith(ours)) if found is not None else ()


def read_limits(fields: Sequence[bytes | None]) -> tuple[Limit, ...]:
    """The limits that admins set, in the order of *fields*."""
    found: list[Limit] = []
    for raw in fields:
        some = read(_limits, raw, "store.limits") if raw else None
        found += some or ()
    return tuple(found)
