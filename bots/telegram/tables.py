"""Tables as monospaced text. Pure."""

import unicodedata
from collections.abc import Sequence

TABLE_COLUMNS = 48
"""What a phone shows of monospaced text in one line; a wider table becomes a list."""


def monospaced(rows: Sequence[Sequence[str]]) -> str:
    """*rows* (of one length, the head first) with aligned columns; empty if they are too wide."""
    sizes = [[_columns(cell) for cell in row] for row in rows]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    if sum(widths) + 3 * (len(widths) - 1) > TABLE_COLUMNS:
        return ""
    lines = [
        " | ".join(
            cell + " " * (width - size) for cell, size, width in zip(row, has, widths, strict=True)
        )
        for row, has in zip(rows, sizes, strict=True)
    ]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
