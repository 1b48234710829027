"""All benches of speed, with short settings, and what they tell in docs/performance.md.

    python -m bench.everything      (make bench)

It takes about a quarter of an hour on two cores. What else the machine does makes it worse, so the
page tells how much that was.
"""

import argparse
import asyncio
import logging
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

from bench import turn
from bench.figures import HEAD, Figure

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
LONGEST_S = 300
NUMBER = r"([\d,.]+)"
OTHERS = (
    ("What a chunk costs the client", "stream", ()),
    ("What a frame costs", "rendering", ()),
    ("The worst texts", "worst_case", ("--pairs", "20")),
    ("What a turn costs Redis", "turn_cost", ()),
    ("What tools cost", "tools", ("--turns", "40", "--idle", "10", "--again", "1")),
    ("10,000 questions at once", "overload", ()),
    ("Killed, and stopped", "handover", ("--times", "2")),
    ("The browser", "page", ()),
)
"""(title, module of this folder, its arguments)"""
READ = (
    ("overload", "10,000 questions at once, all answered", "s", r"all answered in, s \| "),
    ("overload", "... memory at most, with the model", "MB", r"memory at most, MB \| "),
    ("stream", "memory of an open stream", "KB", r"memory for an open stream: "),
    ("tools", "CPU of a step with a tool, beyond the tool", "ms", r"beyond the tool \| "),
)
"""(module, name, unit, what stands before the number)"""
INTRODUCTION = """\
Written by `make bench`. CPU is that of the program alone; the loopback servers, the scripted model
and Redis are other processes. CPU of a turn leaves out what the program takes when nobody asks. A
bare script hears of the same questions, asks the model the same, and makes the same calls of the
platform at the same times; it keeps nothing and obeys no limits (`bench/bare.py`)."""


def run(module, arguments):
    """What the bench *module* says, or why it says nothing."""
    command = [sys.executable, "-m", f"bench.{module}", *arguments]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"(it took more than {LONGEST_S} s)"
    if done.returncode:
        last = (done.stderr.strip() or "nothing said").splitlines()[-1]
        return f"{done.stdout.strip()}\n(it ended with {done.returncode}: {last})".replace(
            str(ROOT), ""
        ).strip()
    # Warnings of the program itself are no figures.
    return re.sub(r"^\d{4}-\d\d-\d\d .*\n", "", done.stdout, flags=re.MULTILINE).strip()


def read(said):
    """The figures that stand in what the other benches *said*."""
    for module, name, unit, before in READ:
        if found := re.search(before + NUMBER, said.get(module, "")):
            yield Figure(name, unit, (float(found[1].replace(",", "")),))


def machine():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores = f"{os.cpu_count()} cores" + (f" of {model[1]}" if model else "")
    return f"{cores}, Python {platform.python_version()}"


def page(figures, said, loads, took_s):
    """The text of docs/performance.md."""
    busy = ", ".join(f"{load:.1f}" for load in loads)
    met = [one.met for one in figures if one.met is not None]
    day, minutes = time.strftime("%Y-%m-%d", time.gmtime()), took_s / 60
    parts = [
        "# Performance",
        INTRODUCTION,
        f"{day}, {machine()}. Load at the start, in the middle and at the end: {busy}.\n"
        f"It took {minutes:.0f} minutes. {sum(met)} of {len(met)} targets are met.",
        "\n".join([HEAD, *(one.row() for one in figures)]),
        "The target of a figure with several runs is compared with their median.",
    ]
    for title, module, arguments in OTHERS:
        command = " ".join((f"python -m bench.{module}", *arguments))
        parts += [f"## {title}", f"`{command}`", said[module]]
    return "\n\n".join(parts) + "\n"


async def turns(count, again):
    found = []
    async for figure in turn.figures(count, again):
        print(figure.row(), flush=True)
        found.append(figure)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=16)
    parser.add_argument("--again", type=int, default=2)
    given = parser.parse_args()
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    began, loads, said = time.monotonic(), [os.getloadavg()[0]], {}
    figures = asyncio.run(turns(given.turns, given.again))
    loads.append(os.getloadavg()[0])
    for title, module, arguments in OTHERS:
        print(f"{title} ({time.monotonic() - began:.0f} s)", flush=True)
        said[module] = run(module, arguments)
    loads.append(os.getloadavg()[0])
    figures += read(said)
    PAGE.write_text(page(figures, said, loads, time.monotonic() - began))
    print(f"{PAGE.relative_to(ROOT)} is written")


if __name__ == "__main__":
    main()
