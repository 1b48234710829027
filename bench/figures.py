"""A figure of a bench: what was measured, how far its runs differ, and what was wanted."""

import json
import statistics
from dataclasses import asdict, dataclass, replace

HEAD = "| figure | measured | runs | target | floor or peer | met |\n|---|---|---|---|---|---|"
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14)
"""Student's t for 95% on both sides, by degrees of freedom from 1 on."""


def student(freedom):
    return STUDENT[min(freedom, len(STUDENT)) - 1]


@dataclass(frozen=True)
class Figure:
    """*values*: one for each run. *most*: the target, if there is one. *beside*: floor or peer.

    *step*: what the way of measuring cannot tell apart.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    most: float | None = None
    beside: str = ""
    step: float = 0.0

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def spread(self):
        """How far the mean of such runs may lie away (95%, Student's t); None for a single run."""
        if len(self.values) < 2:
            return None
        error = statistics.stdev(self.values) / len(self.values) ** 0.5
        return max(self.step, student(len(self.values) - 1) * error)

    @property
    def measured(self):
        spread = "" if self.spread is None else f" ± {short(self.spread)}"
        return f"{short(self.median)}{spread} {self.unit}"

    @property
    def met(self):
        return None if self.most is None else self.median <= self.most

    def agrees(self, other):
        """Whether the spreads of the two meet; None if one of them has none."""
        if self.spread is None or other.spread is None:
            return None
        return abs(self.median - other.median) <= self.spread + other.spread

    def row(self):
        """A row of the table under `HEAD`."""
        target = "" if self.most is None else f"≤ {short(self.most)} {self.unit}"
        met = {None: "", True: "yes", False: "**no**"}[self.met]
        runs = ", ".join(map(short, self.values))
        return f"| {self.name} | {self.measured} | {runs} | {target} | {self.beside} | {met} |"


def joined(figures):
    """*figures* in which those of one name are one figure of all their runs."""
    found = {}
    for one in figures:
        before = found.get(one.name)
        values = one.values if before is None else before.values + one.values
        found[one.name] = replace(one, values=values)
    return list(found.values())


def write(path, figures):
    """Add *figures* to the file at *path*."""
    if path is not None:
        with path.open("a") as file:
            file.writelines(json.dumps(asdict(one)) + "\n" for one in figures)


def read(path):
    """The figures in the file at *path*, which may not be there."""
    lines = path.read_text().splitlines() if path.exists() else ()
    return [figure_of(json.loads(line)) for line in lines]


def figure_of(fields):
    """The figure whose *fields* were written as JSON."""
    return Figure(**{**fields, "values": tuple(fields["values"])})


def short(value):
    """*value* in as few digits as tell something."""
    if abs(value) >= 20:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 2 else f"{value:.2f}"
