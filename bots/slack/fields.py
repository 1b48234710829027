"""Reads fields of JSON from outside. A value of another type counts as missing."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.border import set_aside


def string(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def scopes_of(headers: Mapping[str, Any]) -> frozenset[str]:
    """What the token of an answer with *headers* may do; empty if Slack does not say it."""
    sent = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), "")
    return frozenset(filter(None, (scope.strip() for scope in str(sent).split(","))))


def number(value: Mapping[str, Any], key: str) -> int:
    found = value.get(key)
    return int(found) if isinstance(found, int | float) and abs(found) < 1 << 60 else 0


def mapping(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def items(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in the list *key*. Other values in it are set aside."""
    return list(_objects(entries(value, key)))


def entries(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _objects(values: list[Any]) -> Iterator[dict[str, Any]]:
    for one in values:
        if isinstance(one, dict):
            yield one
        else:
            set_aside("slack.event", "not an object")
