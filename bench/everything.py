"""All benches of speed, with short settings, and what they tell in docs/performance.md.

    python -m bench.everything                      (make bench)
    python -m bench.everything --quick --to FOLDER  (whether all of it works, in three minutes)

Each part is a process of its own that ends in time, so one that fails or hangs costs no other.
Parts with figures run in rounds, so that the runs of a figure lie minutes apart and tell how far it
swings. What else the machine does makes it worse, so the page tells how much that was.
`python -m bench.agree` compares two results.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import figures
from bench.bare import KINDS
from bench.causes import CAUSES, causes, missed
from bench.figures import HEAD, Figure, joined, short
from bench.plot import bars
from bench.turn import PARTS, machine

ROOT = Path(__file__).parents[1]
ALL_S = 19 * 60
"""When so much time is over, nothing more begins."""
ROUNDS = 3
NUMBER = r"([\d,.]+)"


@dataclass(frozen=True)
class Part:
    """A bench of this folder. *rounds*: in how many rounds it runs. *titled*: what it says is shown
    under this title; without one only its figures are. *quick*: its arguments for a short try.
    """

    module: str
    arguments: tuple[str, ...] = ()
    titled: str = ""
    rounds: int = 1
    most_s: int = 150
    figures: bool = False
    quick: tuple[str, ...] | None = None


def rounds_of(name):
    """CPU of turns swings the most; a start is short."""
    return ROUNDS if name in KINDS or name == "start" else 2


PLAN = (
    *(
        Part("turn", (name, "--again", "1"), "", rounds_of(name), 180, figures=True)
        for name in PARTS
    ),
    Part(
        "many",
        ("--seconds", "15", "--hold", "4", "--again", "2"),
        "500 answers at once",
        most_s=200,
        figures=True,
        quick=("--most", "100", "--seconds", "3", "--hold", "2", "--again", "1"),
    ),
    Part("soak", (), "Memory over 5,000 turns", figures=True, quick=("--turns", "600")),
    Part("overload", (), "10,000 questions at once", 2, quick=("--questions", "500")),
    Part(
        "tools",
        ("--turns", "25", "--idle", "5", "--again", "2"),
        "What tools cost",
        figures=True,
        quick=("--turns", "8", "--idle", "1", "--again", "1"),
    ),
    Part("stream", (), "What a chunk costs the client", figures=True),
    Part("rendering", (), "What a frame costs"),
    Part("worst_case", ("--pairs", "20"), "The worst texts", quick=("--pairs", "2")),
    Part("turn_cost", (), "What a turn costs Redis"),
    Part("handover", ("--times", "1"), "Killed, and stopped"),
    Part("page", (), "The browser"),
)
READ = (
    ("overload", "10,000 questions at once, all answered", "s", r"all answered in, s \| "),
    ("overload", "... memory at most, with the model", "MB", r"memory at most, MB \| "),
)
"""(module, name, unit, what stands before the number)"""
GROUPS = (
    ("Turns", ("CPU of", "a turn in times", "Redis commands", "reads of Redis")),
    ("Memory and starts", ("memory", "start to ready", "KB of RSS", "how late the loop")),
    ("Many at once", ("",)),
)
"""(title, how the names of its figures begin)"""
INTRODUCTION = """\
Written by `make bench`. CPU is that of the program alone; the loopback servers, the scripted model
and Redis are other processes. CPU of a turn leaves out what the program takes when nobody asks. A
bare script hears of the same questions, asks the model the same, and makes the same calls of the
platform at the same times; it keeps nothing and obeys no limits (`bench/bare.py`).

A figure is the median of its runs, and is compared with its target. What stands behind ± is its
spread: so far the mean of as many runs may lie away, in 95 of 100 cases (Student's t of its own
runs), and never less than what the way of measuring can tell apart. Two runs of `make bench` agree
where their spreads meet; `python -m bench.agree A B` compares the `performance.json` of both."""


class Run:
    """One run of all parts: what they said, which figures they found, and what went wrong."""

    def __init__(self, quick, parts):
        self.quick, self.parts = quick, parts
        self.began, self.loads = time.monotonic(), [os.getloadavg()[0]]
        self.said, self.figures, self.faults = {}, [], []

    @property
    def took_s(self):
        return time.monotonic() - self.began

    def all(self):
        """Run each part, those of the first round first."""
        for number in range(1 if self.quick else ROUNDS):
            for part in self.parts:
                if number < part.rounds:
                    self.one(part, number + 1)
            self.loads.append(os.getloadavg()[0])

    def one(self, part, number):
        name = self._command(part).removeprefix("python -m bench.")
        print(f"{self.took_s:4.0f} s  round {number}  {name}", flush=True)
        left_s = ALL_S - self.took_s
        if left_s <= 0:
            self.faults.append(f"`{name}`, round {number}: no time was left")
            return
        with tempfile.TemporaryDirectory() as folder:
            said, fault = self._process(part, Path(folder), min(part.most_s, left_s))
            found = [*figures.read(Path(folder) / "figures"), *read(part.module, said)]
        if fault:
            self.faults.append(f"`{name}`, round {number}: {fault}")
        self.figures += found
        if not fault or part not in self.said:
            self.said[part] = f"`{self._command(part)}`\n\n{said}"
        for one in found:
            print(f"        {one.name}: {short(one.median)} {one.unit}", flush=True)

    def _arguments(self, part):
        return part.quick if self.quick and part.quick is not None else part.arguments

    def _command(self, part):
        return " ".join((f"python -m bench.{part.module}", *self._arguments(part)))

    def _process(self, part, folder, most_s):
        """What *part* says, and what went wrong."""
        command = [sys.executable, "-m", f"bench.{part.module}", *self._arguments(part)]
        command += ["--figures", str(folder / "figures")] if part.figures else []
        with (folder / "said").open("w+") as said, (folder / "errors").open("w+") as errors:
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=said, stderr=errors, start_new_session=True
            )
            fault = ""
            try:
                if process.wait(most_s):
                    errors.seek(0)
                    last = (errors.read().strip() or "nothing said").splitlines()[-1]
                    fault = f"it ended with {process.returncode} ({last.replace(str(ROOT), '')})"
            except subprocess.TimeoutExpired:
                fault = f"it took more than {most_s:.0f} s"
            with suppress(ProcessLookupError):
                # With all that it started, and left.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            said.seek(0)
            # Warnings of the program itself are no figures.
            told = re.sub(r"^\d{4}-\d\d-\d\d .*\n", "", said.read(), flags=re.MULTILINE)
        return told.strip(), fault


def read(module, said):
    """The figures that stand in what *module* *said*."""
    for wanted, name, unit, before in READ:
        if module == wanted and (found := re.search(before + NUMBER, said)):
            yield Figure(name, unit, (float(found[1].replace(",", "")),))


def grouped(found):
    """(title, figures) for each of `GROUPS`; each figure in the first that takes it."""
    left = list(found)
    for title, starts in GROUPS:
        mine = [one for one in left if one.name.startswith(starts)]
        left = [one for one in left if one not in mine]
        yield title, mine


def _file_of(title):
    return f"performance-{title.split()[0].lower()}.svg"


def plots(found):
    """(file, drawing) of the figures of each group against their targets."""
    for title, mine in grouped(found):
        rows = [
            (
                one.name,
                one.median / one.most,
                f"{short(one.median)} of {short(one.most)} {one.unit}",
            )
            for one in mine
            if one.most
        ]
        if rows:
            yield _file_of(title), bars(f"{title}, against targets", rows)


def page(run, found):
    """The text of docs/performance.md."""
    busy = ", ".join(f"{load:.1f}" for load in run.loads)
    met = [one.met for one in found if one.met is not None]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    parts = [
        "# Performance",
        INTRODUCTION,
        f"{day}, {machine()}. Load at the start and after each round: {busy}.\n"
        f"It took {run.took_s / 60:.0f} minutes. {sum(met)} of {len(met)} targets are met.",
    ]
    if run.faults:
        parts.append("What failed:\n\n" + "\n".join(f"- {one}" for one in run.faults))
    drawn = dict(plots(found))
    for title, mine in grouped(found):
        if not mine:
            continue
        file = _file_of(title)
        parts.append(f"## {title}")
        parts += [f"![{title}, against targets]({file})"] if file in drawn else []
        parts.append("\n".join([HEAD, *(one.row() for one in mine)]))
    if lacking := list(missed(found, causes(CAUSES.read_text()))):
        parts += ["## What is missed", *lacking]
    for part in run.parts:
        if part.titled and run.said.get(part):
            parts += [f"## {part.titled}", run.said[part]]
    return "\n\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--only", nargs="*", help="the modules to run")
    parser.add_argument("--to", type=Path, default=ROOT / "docs")
    given = parser.parse_args()
    parts = [one for one in PLAN if given.only is None or one.module in given.only]
    run = Run(given.quick, parts)
    run.all()
    found = joined(run.figures)
    given.to.mkdir(exist_ok=True)
    (given.to / "performance.json").write_text(
        json.dumps([asdict(one) for one in found], indent=1) + "\n"
    )
    for name, drawing in plots(found):
        (given.to / name).write_text(drawing)
    (given.to / "performance.md").write_text(page(run, found))
    print(f"{given.to / 'performance.md'} is written, after {run.took_s / 60:.1f} minutes")


if __name__ == "__main__":
    main()
