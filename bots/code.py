"""Where code stands in Markdown. Pure, linear."""

import re
from bisect import bisect_right
from collections.abc import Callable

SPAN = r"((?<!`)`[^`]+`(?!`))"
"""Code between two single backticks, which is the usual form."""
_RUN = re.compile(rf"\\.|{SPAN}|`+|^~~~+", re.DOTALL | re.MULTILINE)


def ticks(text: str) -> dict[int, list[int]]:
    """Where runs of backticks begin: for each length of a run, the positions in order."""
    runs: dict[int, list[int]] = {}
    for match in re.finditer("`+", text):
        runs.setdefault(len(match.group()), []).append(match.start())
    return runs


def closing(runs: dict[int, list[int]], mark: str, start: int) -> int | None:
    """Where the code ends that *mark*, a run of backticks at *start*, opens."""
    same = runs.get(len(mark), [])
    later = bisect_right(same, start)
    return same[later] + len(mark) if later < len(same) else None


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """*text*, with *change* applied to everything outside code."""
    if "`" not in text and "~~~" not in text:
        return change(text)
    runs = ticks(text)
    parts: list[str] = []
    last = position = 0
    end: int | None
    while (match := _RUN.search(text, position)) is not None:
        mark, start, position = match.group(), match.start(), match.end()
        if match[1]:
            end = position
        elif mark[0] == "`":
            end = closing(runs, mark, start)
            if end is None and len(mark) >= 3:  # An open fence.
                end = len(text)
        elif mark[0] == "~":
            closes = text.find(f"\n{mark}", position)
            end = len(text) if closes < 0 else closes + 1 + len(mark)
        else:
            continue
        if end is not None:
            parts += [change(text[last:start]) if last < start else "", text[start:end]]
            last = position = end
    return "".join([*parts, change(text[last:])])
