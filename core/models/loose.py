"""Tolerant reading of JSON: numbers as text, split characters joined, counts limited.

Servers that imitate an API often send fields of a wrong type. Each value is read as it was
probably meant. A value that makes no sense counts as missing, and is never an error.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence

import msgspec

from core.border import clean, crowded

MOST_TOKENS = 1_000_000_000
"""A larger count makes no sense."""
DEEP = 8
"""How deep a field is searched."""
_json = json.JSONDecoder(parse_float=str, parse_int=str, strict=False)
"""It accepts half characters and control characters, and keeps numbers as they are written."""
_NEXT = re.compile(r"[^\s,\x1e]")
"""The beginning of the next text, after space, a comma or a record separator."""
_SAID = ("text", "content", "value", "refusal")


def parse(data: bytes) -> object:
    """The JSON value of *data*.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        return _json.decode(_text(data))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def parse_few(data: bytes) -> object:
    """As `parse`, for a payload of a stranger. Raises `ValueError` for too many values, too."""
    _check(data)
    return parse(data)


def _check(data: bytes) -> None:
    if crowded(data):
        raise ValueError("too many values")


def parse_all(data: bytes) -> list[object]:
    """The JSON values in *data*, which may hold several one after the other.

    A part behind the first value that is no JSON is left out.

    Raises:
        ValueError: it does not begin with JSON, or holds too many values.
    """
    _check(data)
    try:
        return [parse(data)]
    except ValueError:
        text = _text(data)
    found: list[object] = []
    at = 0
    while begins := _NEXT.search(text, at):
        try:
            said, at = _json.raw_decode(text, begins.start())
        except (ValueError, RecursionError) as error:
            if not found:
                raise ValueError("no JSON") from error
            break
        found.append(said)
    return found


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def record(value: object) -> Mapping[str, object]:
    """*value* if it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> list[Mapping[str, object]]:
    """The objects in the list *value*, or *value* itself if it is an object."""
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text_of(value: object, keys: Sequence[str] = _SAID, depth: int = 0) -> str:
    """*value* as text: itself, or its text under one of *keys*, or the texts of all its items."""
    if isinstance(value, str):
        return value
    if value is None or depth > DEEP:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return "".join(text_of(one, keys, depth + 1) for one in value)
    if isinstance(value, dict):
        for key in keys:
            if value.get(key) is not None:
                return text_of(value[key], keys, depth + 1)
    return ""


def amount_of(value: object) -> float:
    """The number that *value* is or spells; 0.0 if it is no number, negative or infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) and 0 < number < MOST_TOKENS else 0.0


def count_of(value: object) -> int:
    """As `amount_of`, rounded up to a whole number."""
    return math.ceil(amount_of(value))


class Joiner:
    """Joins the halves of a character that came in two pieces of text."""

    def __init__(self) -> None:
        self.half = ""

    def take(self, text: str) -> str:
        """*text* with the half that was held before it. A half at its end is held now."""
        text, self.half = self.half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self.half = text[:-1], text[-1]
        return clean(text)

    def rest(self) -> str:
        """A replacement for the half that is still held, at the end of the text."""
        half, self.half = self.half, ""
        return "\N{REPLACEMENT CHARACTER}" if half else ""
