"""
The shapes that people send: what the model sees of each, and what the person sees.

Cases of every platform, one list each; `docs/shapes.md` is their table, written by
`python -m tests.contracts.shapes`. A platform joins with a module whose `CASES` is named here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "shapes.md"
ANSWER, NOTHING = "an answer", "nothing"
_HEAD = """# What people send, and what becomes of it

Written by the tests (`python -m tests.contracts.shapes`): each row is a test, which sends the
shape through the platform's own protocol. A dash: the model is not asked.

| platform | what is sent | what the model sees of it | what the person sees |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Case:
    """
    One shape.

    *sent* is its name; *send* does it with a driver (and may be a coroutine); *sees* stands in what
    the model is asked, empty where it is not asked; *shows* is `ANSWER`, `NOTHING` or a sentence.
    """

    platform: str
    sent: str
    send: Callable[[Any], object]
    sees: tuple[str, ...] = ()
    shows: str = ANSWER
    place: str = "dm"
    not_seen: str = ""


def all_cases():
    from tests.contracts import shapes_slack, shapes_telegram

    return [*shapes_telegram.CASES, *shapes_slack.CASES]


def table(cases):
    def cell(text):
        return text.replace("|", "\\|").replace("\n", " ⏎ ")

    rows = [
        f"| {case.platform} | {cell(case.sent)} | "
        f"{' … '.join(f'`{cell(part)}`' for part in case.sees) or '–'} | {cell(case.shows)} |\n"
        for case in cases
    ]
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(table(all_cases()))
