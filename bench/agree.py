"""Whether two results of `make bench` agree, row by row.

    python -m bench.agree A/performance.json B/performance.json

Two figures agree if their spreads meet. One with a single run has no spread, and is only shown.
"""

import argparse
import json
import sys
from pathlib import Path

from bench.figures import figure_of

HEAD = "| figure | first | second | agree |\n|---|---|---|---|"


def figures(path):
    return {one["name"]: figure_of(one) for one in json.loads(path.read_text())}


def shown(figure):
    return "not there" if figure is None else figure.measured


def verdicts(first, second):
    """(name, first, second, whether they agree; None: nobody can say) for each figure."""
    for name in first | second:
        one, other = first.get(name), second.get(name)
        there = one is not None and other is not None
        yield name, one, other, one.agrees(other) if there else False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    given = parser.parse_args()
    found = list(verdicts(figures(given.first), figures(given.second)))
    print(HEAD)
    for name, one, other, agree in found:
        told = {None: "one run only", True: "yes", False: "**no**"}[agree]
        print(f"| {name} | {shown(one)} | {shown(other)} | {told} |")
    apart = [name for name, *_, agree in found if agree is False]
    print(
        f"\n{len(found) - len(apart)} of {len(found)} agree." + "".join(f"\n- {n}" for n in apart)
    )
    sys.exit(1 if apart else 0)


if __name__ == "__main__":
    main()
