"""Tables that spreadsheets read, and run nothing of (OWASP, CSV injection)."""

import csv
import io
import re
from collections.abc import Iterable

_FORMULA = re.compile('(?:^|[;,|])(?=[ "]*[-=+@\uff0d\uff1d\uff0b\uff20])')
"""Where a formula could begin: also behind what separates cells in other countries, and with wide
signs."""
_BREAKS = str.maketrans("\t\r\n\v\f\x85\u2028\u2029", " " * 8)


def cell(value: object) -> str:
    """*value* as a cell: a number as it is, a text in one line that is no formula."""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return str(value)
    text = "" if value is None else str(value)
    return _FORMULA.sub(r"\g<0>'", text.translate(_BREAKS))


def table(rows: Iterable[Iterable[object]]) -> bytes:
    """*rows* of cells, the heads first, as a file."""
    text = io.StringIO()
    csv.writer(text).writerows(map(cell, row) for row in rows)
    # Without the mark, a spreadsheet takes the text for one of its own encoding.
    return text.getvalue().encode("utf-8-sig")
