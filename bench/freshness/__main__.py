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

DOCS = Path(__file__).parents[2] / "docs"
ANSWERS, PAUSE_S = 40, 60.0
"""So many answers in one place, with such a pause after each: the place's minute is free again."""


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
    """(offline optimum, optimum without foresight, ours, the others') of usual answers."""
    traces, limits = usual(speed), WORLDS[world]()
    lengths = usual_lengths(200, seed=2)
    screens, _ = run(answered(place, limits, one_after_another(traces), lengths=lengths))
    if not all(one.whole for one in screens):
        raise SystemExit("an answer is not whole")
    others = {}
    for schedule in SCHEDULES:
        alone = [theirs(schedule, place, world, [trace], same_chat=True) for trace in traces]
        shown = [screen for (screen,), _ in alone]
        others[schedule.name] = unseen(shown), sum(refused for _, refused in alone)
    return (
        mean(least_unseen([trace], RULES[place, world], DELAY_S) for trace in traces),
        least_unseen(traces, RULES[place, world], DELAY_S),
        (unseen(screens), limits.refused),
        others,
    )


def compare():
    """Usual answers in all places of both worlds: tables, and the plot of the strict world."""
    plotted = {}
    cases = list(product(WORLDS, PLACES, SPEEDS))
    with ProcessPoolExecutor() as pool:
        results = dict(
            zip(
                cases,
                pool.map(figures, *zip(*((p, w, s) for w, p, s in cases), strict=True)),
                strict=True,
            )
        )
    for world in WORLDS:
        print(f"\n**The {world} world**, {ANSWERS} answers of usual lengths in one place\n")
        print(
            "| place | tokens/s | the offline optimum | without foresight | Palaver | x | refused |"
        )
        print("|---|---|---|---|---|---|---|")
        for place in PLACES:
            rows = [results[world, place, speed] for speed in SPEEDS]
            for speed, (best, blind, (ours, refused), _) in zip(SPEEDS, rows, strict=True):
                print(
                    f"| {place} | {speed} | {best:.1f} | {blind:.1f} | {ours:.1f} "
                    f"| {ours / blind:.2f} | {refused} |"
                )
            blind, ours = mean(row[1] for row in rows), mean(row[2][0] for row in rows)
            print(f"| {place} | mean | | {blind:.1f} | {ours:.1f} | {ours / blind:.2f} | |")
            if world == "strict":
                plotted[place] = plot_rows(rows)
    (DOCS / "freshness.svg").write_text(bars(plotted))


def plot_rows(rows):
    """(name, ratio to the optimum without foresight, refused calls) of *rows*' means."""
    best = mean(blind for _, blind, _, _ in rows)
    ours = mean(own for _, _, (own, _), _ in rows)
    named = [("the optimum without foresight", 1.0, 0)]
    named.append(("Palaver", ours / best, sum(refused for _, _, (_, refused), _ in rows)))
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
    if options.floods:
        floods(options.answers)
        return
    compare()
    report()
    recordings()


if __name__ == "__main__":
    main()
