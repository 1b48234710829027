"""See the package's docstring."""

import argparse
import multiprocessing
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from statistics import mean

from bench.crowd import crowd, quiet
from bench.freshness.optimum import least_unseen
from bench.freshness.others import SCHEDULES, theirs
from bench.freshness.plot import bars
from bench.freshness.promises import Reached, report
from bench.freshness.traces import SPEEDS, make, recorded, usual_lengths
from bench.freshness.world import DELAY_S, PLACES, RULES, WORLDS, Asked, answered, run

DOCS = Path(__file__).parents[2] / "docs"
ANSWERS, FIRST, PAUSE_S = 40, 10, 60.0
"""So many answers in one place, in the first of which it is learned what passes there, with such
a pause after each: the place's minute is free again."""
CROWDS = tuple(product((20, 200), WORLDS))
"""So many people ask at once, in each world."""


def usual(speed):
    """Answers of usual lengths at *speed*."""
    lengths = usual_lengths(ANSWERS, seed=3)
    return [make(speed, chars, "steady", number) for number, chars in enumerate(lengths)]


def one_after_another(traces):
    """*traces* asked for in one place, each when the last one's minute is over."""
    at, asked = 0.0, []
    for trace in traces:
        asked.append(Asked(trace, at))
        at += trace.seconds + PAUSE_S
    return asked


def unseen(screens):
    return mean(one.area / one.trace.seconds for one in screens)


def figures(place, world, speed):
    """(offline optimum, optimum without foresight, ours, the others') of usual answers.

    *ours* are (unseen at first, unseen later over its optimum, refused calls).
    """
    traces, limits = usual(speed), WORLDS[world]()
    asked = one_after_another(traces)
    screens, _ = run(answered(place, limits, asked, lengths=usual_lengths(200, seed=2)))
    if not all(one.whole for one in screens):
        raise SystemExit("an answer is not whole")
    later = unseen(screens[FIRST:]) / least_unseen(traces[FIRST:], RULES[place, world], DELAY_S)
    others = {}
    for schedule in SCHEDULES:
        alone = [theirs(schedule, place, world, [trace], same_chat=True) for trace in traces]
        shown = [screen for (screen,), _ in alone]
        others[schedule.name] = unseen(shown), sum(refused for _, refused in alone)
    return (
        mean(least_unseen([trace], RULES[place, world], DELAY_S) for trace in traces),
        least_unseen(traces, RULES[place, world], DELAY_S),
        (unseen(screens), later, limits.refused),
        others,
    )


HEAD = (
    "| place | tokens/s | offline optimum | without foresight | Palaver | x | x later | refused |"
)


def table(world, rows, reached):
    """*rows*: {(place, speed): figures}, as lines."""
    lines = [f"**The {world} world**, {ANSWERS} answers of usual lengths in one place", "", HEAD]
    lines.append("|---|---|---|---|---|---|---|---|")
    for (place, speed), (best, blind, (ours, later, refused), _) in rows.items():
        lines.append(
            f"| {place} | {speed} | {best:.1f} | {blind:.1f} | {ours:.1f} "
            f"| {ours / blind:.2f} | {later:.2f} | {refused} |"
        )
    for place in dict.fromkeys(place for place, _ in rows):
        here = [row for (where, _), row in rows.items() if where == place]
        blind, ours = mean(row[1] for row in here), mean(row[2][0] for row in here)
        later = mean(row[2][1] for row in here)
        most = 1.2 if world == "loose" else 1.3
        reached.note(f"unseen characters over the optimum, {world}", most, ours / blind)
        lines.append(
            f"| {place} | all | | {blind:.1f} | {ours:.1f} | {ours / blind:.2f} | {later:.2f} | |"
        )
    return [*lines, ""]


def compare(pool, reached):
    """Usual answers in all places of both worlds: tables, and the plot of the strict world."""
    cases = [*product(PLACES, WORLDS, SPEEDS)]
    results = dict(zip(cases, pool.map(figures, *zip(*cases, strict=True)), strict=True))
    lines, plotted = [], {}
    for world in WORLDS:
        here = {
            (place, speed): results[place, world, speed] for place in PLACES for speed in SPEEDS
        }
        lines += table(world, here, reached)
    for place in PLACES:
        plotted[place] = plot_rows([results[place, "strict", speed] for speed in SPEEDS])
    (DOCS / "freshness.svg").write_text(bars(plotted))
    return lines[:-1]


def plot_rows(rows):
    """(name, ratio to the optimum without foresight, refused calls) of *rows*' means."""
    best = mean(blind for _, blind, _, _ in rows)
    ours = mean(own for _, _, (own, _, _), _ in rows)
    named = [("the optimum without foresight", 1.0, 0)]
    named.append(("Palaver", ours / best, sum(refused for _, _, (_, _, refused), _ in rows)))
    for schedule in SCHEDULES:
        theirs_ = [row[3][schedule.name] for row in rows]
        named.append(
            (schedule.name, mean(one for one, _ in theirs_) / best, sum(n for _, n in theirs_))
        )
    return named


def recordings():
    """The recorded traces one by one, each in a new place: the mean of unseen characters."""
    yield "| place | world | trace | s | characters | the offline optimum | Palaver |"
    yield "|---|---|---|---|---|---|---|"
    for place, world, trace in product(PLACES, WORLDS, recorded()):
        best = least_unseen([trace], RULES[place, world], DELAY_S)
        ours = unseen(run(answered(place, WORLDS[world](), [Asked(trace)]))[0])
        about = place, world, trace.name, f"{trace.seconds:.1f}", str(trace.total)
        yield f"| {' | '.join(about)} | {best:.1f} | {ours:.1f} |"


def crowds(results, reached):
    """*results*: {(people, world): the end of a run of `bench.crowd`}, as lines."""
    yield "| people who ask at once | world | calls for answers | notices | refused | last, s | x |"
    yield "|---|---|---|---|---|---|---|"
    for (people, world), task in results.items():
        one = task.result()
        if one.answered < people:
            raise SystemExit("an answer of the crowd is not whole")
        if people == 20:
            reached.note("20 askers: the last over what the budget forces", 1.3, one.times)
        else:
            reached.note("200 askers: calls for answers, %", 90, 100 * one.share, least=True)
            reached.note("200 askers: notices", 3, one.notices)
        yield (
            f"| {people} | {world} | {one.answers} ({one.share:.1%}) | {one.notices} "
            f"| {one.refused} | {one.last_s:.0f} | {one.times:.2f} |"
        )


def floods(answers):
    """*answers* answers, 1, 5 and 50 at once in one group: how many calls are refused."""
    for world, (at_once, share) in product(WORLDS, ((1, 0.34), (5, 0.33), (50, 0.34))):
        refused = whole = 0
        total = int(answers * share)
        for batch in range(total // at_once):
            chance = random.Random(batch)
            asked = [
                Asked(
                    make(
                        chance.choice(SPEEDS), chance.randint(50, 3000), "bursts", batch * 100 + n
                    ),
                    chance.uniform(0, 10),
                )
                for n in range(at_once)
            ]
            limits = WORLDS[world]()
            screens, _ = run(answered("Telegram, group", limits, asked))
            refused += limits.refused
            whole += sum(one.whole for one in screens)
        print(
            f"{world}: {total // at_once * at_once} answers, {at_once} at once: "
            f"{whole} whole, {refused} refused calls"
        )


def write(page, blocks):
    """Put the lines of *blocks* between the marks on *page* that name them."""
    text = page.read_text("utf-8")
    for name, lines in blocks.items():
        before, mark, rest = text.partition(f"<!-- figures: {name} -->\n")
        _, end, after = rest.partition("<!-- end of figures -->")
        if not (mark and end):
            raise SystemExit(f"{page} has no place for {name}")
        text = "\n".join([before + mark, *lines, "", end + after])
    page.write_text(text, "utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--floods", action="store_true")
    parser.add_argument("--answers", type=int, default=10_000)
    options = parser.parse_args()
    quiet()
    if options.floods:
        floods(options.answers)
        return
    began = time.monotonic()
    reached, spawned = Reached(), multiprocessing.get_context("spawn")
    # The crowds run by the clock and mostly wait. The others take what is left of the processors.
    with (
        ProcessPoolExecutor(len(CROWDS), spawned, quiet) as alone,
        ProcessPoolExecutor(initializer=os.nice, initargs=(10,)) as pool,
    ):
        tasks = {case: alone.submit(crowd, *case) for case in CROWDS}
        blocks = {"usual": compare(pool, reached), "promises": report(reached)}
        blocks["recorded"] = [*recordings()]
        blocks["crowds"] = [*crowds(tasks, reached)]
    blocks["reached"] = [*reached.table(), "", f"One run of {time.monotonic() - began:.0f} s."]
    for name, lines in blocks.items():
        print("\n".join(["", f"## {name}", "", *lines]))
    write(DOCS / "live-text.md", blocks)


if __name__ == "__main__":
    main()
