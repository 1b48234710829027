"""See the package's docstring."""

import argparse
import random
from concurrent.futures import ProcessPoolExecutor
from itertools import product, repeat
from pathlib import Path
from statistics import mean

from bench.freshness.optimum import least_unseen
from bench.freshness.others import SCHEDULES, theirs
from bench.freshness.plot import bars
from bench.freshness.traces import (
    LENGTHS,
    SPEEDS,
    USUAL_CHARS,
    generated,
    make,
    recorded,
    usual_lengths,
)
from bench.freshness.world import DELAY_S, PLACES, ours, run, windows_of
from bots.slack.adapter import SlackPlatform
from bots.telegram.adapter import TelegramPlatform

INTERVAL_S = {
    place: (SlackPlatform if place.startswith("Slack") else TelegramPlatform).limits.interval_s
    for place in PLACES
}
DOCS = Path(__file__).parents[2] / "docs"
ENDS = 25
"""So many lengths, each as likely, stand for not knowing when an answer ends."""


def _ours(place, trace, lengths=()):
    (screen,), refused = run(
        ours(place, [trace], same_chat=True, interval_s=INTERVAL_S[place], lengths=lengths)
    )
    return screen.area / trace.seconds, refused


def one_answer(place, trace):
    """One answer alone: the mean of unseen characters by the optimum, us and the others."""
    rows = {
        "the offline optimum": (least_unseen([trace], windows_of(place), DELAY_S), 0),
        "Palaver": _ours(place, trace),
    }
    for schedule in SCHEDULES:
        (screen,), refused = theirs(schedule, place, [trace], same_chat=True)
        rows[schedule.name] = screen.area / trace.seconds, refused
    return rows


def compare():
    """All traces in all places: tables, and the plot."""
    traces = generated()
    plotted = {}
    with ProcessPoolExecutor() as pool:
        for place in PLACES:
            rows = list(pool.map(one_answer, repeat(place), traces))
            best = mean(one["the offline optimum"][0] for one in rows)
            print(f"\n**{place}**, one answer at a time, {len(traces)} traces\n")
            print("| schedule | unseen characters, mean | x optimum | refused calls |")
            print("|---|---|---|---|")
            plotted[place] = []
            for name in rows[0]:
                unseen = mean(one[name][0] for one in rows)
                refused = sum(one[name][1] for one in rows)
                print(f"| {name} | {unseen:.1f} | {unseen / best:.2f} | {refused} |")
                plotted[place].append((name, unseen / best, refused))
    (DOCS / "freshness.svg").write_text(bars(plotted))


def without_foresight():
    """Ours on even traces, and the optimum for who does not know when the answer will end."""
    print(f"\n**Even writing**, one answer at a time, 50 to 20,000 characters, {ENDS} traces\n")
    print("| place | tokens/s | the offline optimum | without foresight | Palaver | x |")
    print("|---|---|---|---|---|---|")
    for place, speed, (best, blind, us) in _at_all_speeds(_even):
        print(f"| {place} | {speed} | {best:.1f} | {blind:.1f} | {us:.1f} | {us / blind:.2f} |")


def _at_all_speeds(figures):
    """(place, speed, what *figures* gives for them) of all places and speeds."""
    places, speeds = zip(*product(PLACES, SPEEDS), strict=True)
    with ProcessPoolExecutor() as pool:
        yield from zip(places, speeds, pool.map(figures, places, speeds), strict=True)


def _even(place, speed):
    shortest, longest = LENGTHS[0], LENGTHS[-1]
    lengths = [shortest * (longest / shortest) ** (n / (ENDS - 1)) for n in range(ENDS)]
    traces = [make(speed, round(length), "steady") for length in lengths]
    windows = windows_of(place)
    return (
        mean(least_unseen([trace], windows, DELAY_S) for trace in traces),
        least_unseen(traces, windows, DELAY_S),
        mean(_ours(place, trace)[0] for trace in traces),
    )


def learned():
    """Ours on answers of usual lengths: in a new process, and after many such answers."""
    print(f"\n**Learned**, one answer at a time, {USUAL_CHARS} characters in the median\n")
    print("| place | tokens/s | the offline optimum | Palaver, at first | after 200 answers |")
    print("|---|---|---|---|---|")
    for place, speed, figures in _at_all_speeds(_learned):
        print(f"| {place} | {speed} | {' | '.join(f'{one:.1f}' for one in figures)} |")


def _learned(place, speed):
    traces = [make(speed, chars, "steady") for chars in usual_lengths(60, seed=1)]
    before = usual_lengths(200, seed=2)
    return (
        mean(least_unseen([trace], windows_of(place), DELAY_S) for trace in traces),
        mean(_ours(place, trace)[0] for trace in traces),
        mean(_ours(place, trace, before)[0] for trace in traces),
    )


def recordings():
    """The recorded traces one by one: the mean of unseen characters."""
    traces = recorded()
    print("\n**Recorded**, one answer at a time: unseen characters, mean (refused calls)\n")
    print("| place | trace | seconds | characters | the offline optimum | Palaver | every 1.0 s |")
    print("|---|---|---|---|---|---|---|")
    for place in PLACES:
        for trace in traces:
            rows = one_answer(place, trace)
            cells = [
                f"{unseen:.1f}" + (f" ({refused})" if refused else "")
                for name, (unseen, refused) in rows.items()
                if name in ("the offline optimum", "Palaver", "every 1.0 s")
            ]
            about = place, trace.name, f"{trace.seconds:.1f}", str(trace.total)
            print(f"| {' | '.join([*about, *cells])} |")


def together(place, counts, *, same_chat):
    """Several answers at once: staleness, first text, longest silence, refused calls."""
    print(f"\n**{place}**, several answers at once\n")
    print(
        "| answers | schedule | unseen characters, mean | first text, s, last of all "
        "| longest wait, s | refused calls |\n|---|---|---|---|---|---|"
    )
    for count in counts:
        traces = [make(50, 6000, "steady", seed) for seed in range(count)]
        results = {
            "Palaver": run(ours(place, traces, same_chat=same_chat, interval_s=INTERVAL_S[place]))
        }
        for schedule in SCHEDULES:
            results[schedule.name] = theirs(schedule, place, traces, same_chat=same_chat)
        for name, (screens, refused) in results.items():
            if not all(one.whole for one in screens):
                raise SystemExit(f"{name}: an answer is not whole")
            unseen = mean(one.area / one.trace.seconds for one in screens)
            first = max(one.first_s for one in screens)
            gap = max(one.longest_gap_s for one in screens)
            print(f"| {count} | {name} | {unseen:.0f} | {first:.2f} | {gap:.1f} | {refused} |")


def floods(answers):
    """*answers* answers, 1, 5 and 50 at once in one group: how many calls are refused."""
    for at_once, share in ((1, 0.34), (5, 0.33), (50, 0.34)):
        refused = whole = 0
        total = int(answers * share)
        for batch in range(total // at_once):
            chance = random.Random(batch)
            traces = [
                make(chance.choice(SPEEDS), chance.randint(50, 3000), "bursts", batch * 100 + n)
                for n in range(at_once)
            ]
            starts = [chance.uniform(0, 10) for _ in traces]
            screens, some = run(
                ours(
                    "Telegram, group",
                    traces,
                    same_chat=True,
                    interval_s=INTERVAL_S["Telegram, group"],
                    starts=starts,
                )
            )
            refused += some
            whole += sum(one.whole for one in screens)
        print(
            f"{total // at_once * at_once} answers, {at_once} at once: "
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
    without_foresight()
    learned()
    recordings()
    together("Telegram, group", (1, 5, 50), same_chat=True)
    for place in ("Slack, native", "Slack, edits"):
        together(place, (1, 4, 10), same_chat=False)


if __name__ == "__main__":
    main()
