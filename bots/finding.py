"""What `palaver check` found: one line of it."""

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """*level*: `ok`, `FAIL` (it does not work) or `note` (it works, but may surprise).
    *part*: what it is about, if it is only a part of what was tried.
    """

    level: Literal["ok", "FAIL", "note"]
    text: str
    part: str = ""
