"""Tables as text: monospaced if a phone has room for it, else a list. Pure."""

import unicodedata
from collections.abc import Sequence

from bots.telegram.lines import Lines

TABLE_COLUMNS = 48
"""Monospaced characters in one line of a phone. A wider table becomes a list."""


class Table:
    """Collects the cells of a table from the parser."""

    def __init__(self) -> None:
        self._rows: list[list[str]] = []

    def begin_row(self) -> None:
        self._rows.append([])

    def add(self, cell: str) -> None:
        if self._rows:
            self._rows[-1].append(cell.strip())

    def write(self, lines: Lines) -> None:
        lines.behind_block = True
        rows = [row for row in self._rows if any(row)]
        if not rows:
            return
        columns = max(map(len, rows))
        rows = [row + [""] * (columns - len(row)) for row in rows]
        if text := monospaced(rows):
            lines.wrap("pre", text)
            return
        head, *body = rows
        for index, row in enumerate(body or [head]):
            if index:
                lines.write("\n")
            lines.wrap("bold", ": ".join(filter(None, (head[0] if body else "", row[0]))) or "•")
            for name, cell in zip(head[1:], row[1:], strict=True):
                if cell:
                    lines.write(f"\n  {name}: {cell}" if name else f"\n  {cell}")


def monospaced(rows: Sequence[Sequence[str]]) -> str:
    """*rows* with aligned columns; empty if they are too wide. All have one length, head first."""
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
