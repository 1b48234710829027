"""A figure of a bench: what was measured, how far the runs differ, and what was wanted."""

import statistics
from dataclasses import dataclass

HEAD = "| figure | measured (all runs) | target | floor or peer | met |\n|---|---|---|---|---|"


@dataclass(frozen=True)
class Figure:
    """*values*: one for each run. *most*: the target, if there is one. *beside*: floor or peer."""

    name: str
    unit: str
    values: tuple[float, ...]
    most: float | None = None
    beside: str = ""

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def met(self):
        return None if self.most is None else self.median <= self.most

    def row(self):
        """A row of the table under `HEAD`."""
        low, high = short(min(self.values)), short(max(self.values))
        runs = "" if low == high else f" ({low} to {high})"
        target = "" if self.most is None else f"≤ {short(self.most)} {self.unit}"
        met = {None: "", True: "yes", False: "**no**"}[self.met]
        said = f"{short(self.median)} {self.unit}{runs}"
        return f"| {self.name} | {said} | {target} | {self.beside} | {met} |"


def short(value):
    """*value* in as few digits as tell something."""
    if abs(value) >= 20:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 2 else f"{value:.2f}"
