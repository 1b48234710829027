"""JSON from Telegram, or from somebody who says so."""

import json
import re
from typing import Any

from core.border import clean

DEPTH = 64
_LONE = re.compile(rb"\\u[dD][89a-fA-F]")

Json = dict[str, Any]


def read_json(payload: bytes) -> Any:
    """The JSON of *payload*; every text in it can be encoded again.

    Raises:
        ValueError: it is not JSON, or it is nested deeper than `DEPTH`.
    """
    try:
        value = json.loads(payload.decode(errors="replace"))
    except RecursionError:
        raise ValueError("too deep") from None
    return _cleaned(value, DEPTH) if _LONE.search(payload) else value


def _cleaned(value: Any, depth: int) -> Any:
    if depth == 0:
        raise ValueError("too deep")
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean(key): _cleaned(one, depth - 1) for key, one in value.items()}
        case list():
            return [_cleaned(one, depth - 1) for one in value]
        case _:
            return value
