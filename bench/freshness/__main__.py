"""See the package's docstring."""

import argparse
import random
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from statistics import mean

from bench.freshness.optimum import least_unseen
from bench.freshness.others import SCHEDULES, theirs
from bench.freshness.plot import bars
from bench.freshness.promises import report
from bench.freshness.traces import SPEEDS, make, recorded, usual_lengths
from bench.freshness.world import DELAY_S, PLACES, RULES, WORLDS, Asked, answered, run
from core.telemetry import set_up_logs

DOCS = Path(__file__).parents[2] / "docs"
ANSWERS, FIRST, PAUSE_S = 40, 10, 60.0
"""So many answers in one place, in the first of which it is learned what passes there, with such
a pause after each: the place's minute is free again."""
LONG_CHARS = 8_000
"""In private much is learned where answers last for minutes: *after long answers* has six such
before."""


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


def figures(place, world, speed, long=0):
    """(offline optimum, optimum without foresight, ours, the others') of usual answers.

    *ours* are (unseen at first, unseen later over its optimum, refused calls); *long*: so many
    long answers are asked for before.
    """
    traces, limits = usual(speed), WORLDS[world]()
    before = [make(20, LONG_CHARS, "steady", number) for number in range(long)]
    asked = one_after_another([*before, *traces])
    screens, _ = run(answered(place, limits, asked, lengths=usual_lengths(200, seed=2)))
    if not all(one.whole for one in screens):
        raise SystemExit("an answer is not whole")
    screens = screens[long:]
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


def table(name, rows):
    """*rows*: {(place, speed): figures}."""
    print(f"\n{name}\n\n{HEAD}\n|---|---|---|---|---|---|---|---|")
    for (place, speed), (best, blind, (ours, later, refused), _) in rows.items():
        print(
            f"| {place} | {speed} | {best:.1f} | {blind:.1f} | {ours:.1f} "
            f"| {ours / blind:.2f} | {later:.2f} | {refused} |"
        )
    for place in dict.fromkeys(place for place, _ in rows):
        here = [row for (where, _), row in rows.items() if where == place]
        blind, ours = mean(row[1] for row in here), mean(row[2][0] for row in here)
        later = mean(row[2][1] for row in here)
        print(
            f"| {place} | all | | {blind:.1f} | {ours:.1f} | {ours / blind:.2f} | {later:.2f} | |"
        )


def compare():
    """Usual answers in all places of both worlds: tables, and the plot of the strict world."""
    cases = [*product(PLACES, WORLDS, SPEEDS, (0,))]
    cases += [("Telegram, private", world, speed, 6) for world in WORLDS for speed in SPEEDS]
    with ProcessPoolExecutor() as pool:
        results = dict(zip(cases, pool.map(figures, *zip(*cases, strict=True)), strict=True))
    plotted = {}
    for world in WORLDS:
        rows = {
            (place, speed): figure
            for (place, where, speed, long), figure in results.items()
            if where == world and not long
        }
        table(f"**The {world} world**, {ANSWERS} answers of usual lengths in one place", rows)
        rows = {
            (place, speed): figure
            for (place, where, speed, long), figure in results.items()
            if where == world and long
        }
        table("The same after long answers", rows)
    for place in PLACES:
        plotted[place] = plot_rows([results[place, "strict", speed, 0] for speed in SPEEDS])
    (DOCS / "freshness.svg").write_text(bars(plotted))


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
    print("\n**Recorded**, in a new place: unseen characters, mean\n")
    print("| place | world | trace | s | characters | the offline optimum | Palaver |")
    print("|---|---|---|---|---|---|---|")
    for place, world, trace in product(PLACES, WORLDS, recorded()):
        best = least_unseen([trace], RULES[place, world], DELAY_S)
        ours = unseen(run(answered(place, WORLDS[world](), [Asked(trace)]))[0])
        about = place, world, trace.name, f"{trace.seconds:.1f}", str(trace.total)
        print(f"| {' | '.join(about)} | {best:.1f} | {ours:.1f} |")


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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--floods", action="store_true")
    parser.add_argument("--answers", type=int, default=10_000)
    options = parser.parse_args()
    set_up_logs("ERROR", as_json=False)
    if options.floods:
        floods(options.answers)
        return
    compare()
    report()
    recordings()


if __name__ == "__main__":
    main()
