"""What `palaver check` found: one line of it."""

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """*level*: `ok`; `FAIL`: it does not work; `note`: it works, and may surprise.
    *part*: what it is about, where that is not the whole of what was looked at.
    """

    level: Literal["ok", "FAIL", "note"]
    text: str
    part: str = ""
