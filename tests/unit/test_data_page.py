"""`docs/data.md` tells of every kind of key, and of no other."""

import inspect
import re
from pathlib import Path

from core.store import keys

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def kinds_told():
    rows = [line.split("|")[1] for line in PAGE.read_text("utf-8").splitlines() if "|" in line]
    return {kind for row in rows for kind in re.findall(r"`:?([a-z-]+)`", row)}


def kinds_in_code():
    made = []
    for value in vars(keys).values():
        if inspect.isfunction(value) and value.__module__ == keys.__name__:
            made.append(value(*["x"] * len(inspect.signature(value).parameters)))
        elif isinstance(value, str) and value.startswith(f"{keys.TAG}:"):
            made.append(value)
    return {name.removeprefix(f"{keys.TAG}:").partition(":")[0] for name in made}


def test_every_kind_of_key_is_told_of():
    # `aside` is made where a key is put aside (`core.store.values`).
    assert kinds_told() == kinds_in_code() | {"aside"}


def forever():
    """The kinds that may stand without an end, by the page."""
    rows = [line.split("|") for line in PAGE.read_text("utf-8").splitlines() if line.count("|") > 3]
    ends = ("for ever", "until")
    return {
        kind
        for row in rows
        if any(row[3].strip().startswith(end) for end in ends)
        for kind in re.findall(r"`:?([a-z-]+)`", row[1])
    }


def test_what_stays_has_a_reason():
    for line in PAGE.read_text("utf-8").splitlines():
        if "for ever" in line:
            assert re.search(r"for ever: \w+", line)
    assert {"secret", "moved", "mail"} <= forever()
