"""Any JSON, read as what was meant: numbers as text, halves of characters joined, counts bounded.

Servers that imitate an API get the kinds of its fields wrong in every way there is. What cannot
be meant is nothing; it is never an error.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence

import msgspec

from core.border import clean

MOST_TOKENS = 1_000_000_000
"""A count beyond it is no count."""
DEEP = 8
"""So deep inside a field, nothing is looked for."""
_json = json.JSONDecoder(parse_float=str, parse_int=str, strict=False)
"""Halves of characters and controls are let through, and numbers kept as they are written."""
_NEXT = re.compile(r"[^\s,\x1e]")
"""Where the next of several texts begins: behind space, a comma or a record separator."""
_SAID = ("text", "content", "value", "refusal")


def parse(data: bytes) -> object:
    """What *data* says.

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


def parse_all(data: bytes) -> list[object]:
    """What *data* says, which may be several texts, one behind the other.

    Raises:
        ValueError: it does not begin with JSON. What is none behind that is left out.
    """
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
    """*value*, if it is an object; else an empty one."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> list[Mapping[str, object]]:
    """The objects in *value*, which may be one itself."""
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text_of(value: object, keys: Sequence[str] = _SAID, depth: int = 0) -> str:
    """The text that *value* is, or holds under one of *keys*; of a list, all of its items'."""
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
    """The number that *value* is or spells; 0.0 where it is none, or negative, or endless."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) and 0 < number < MOST_TOKENS else 0.0


def count_of(value: object) -> int:
    """As `amount_of`, whole."""
    return math.ceil(amount_of(value))


class Joiner:
    """Joins the halves of a character that came in two pieces of text."""

    def __init__(self) -> None:
        self.half = ""

    def take(self, text: str) -> str:
        """*text* behind the half that is held; of a half at its end the other may come."""
        text, self.half = self.half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self.half = text[:-1], text[-1]
        return clean(text)

    def rest(self) -> str:
        """What stands for a half whose other never came."""
        half, self.half = self.half, ""
        return "\N{REPLACEMENT CHARACTER}" if half else ""
