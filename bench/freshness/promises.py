"""What is promised beside freshness: first texts, final texts, refusals, in both worlds."""

from itertools import pairwise

from bench.freshness.traces import make, usual_lengths
from bench.freshness.world import DELAY_S, WORLDS, Asked, answered, run

USUAL_SPEED = 60


def p95(values):
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def check_whole(screens):
    if not all(one.whole for one in screens):
        raise SystemExit("an answer is not whole")


def steady(place, name, *, minutes=10, pause_s=30, speed=USUAL_SPEED, known=True):
    """One person's answers for *minutes*, with a pause after each: (screens, refused calls)."""
    asked, at = [], 0.0
    for number, chars in enumerate(usual_lengths(200, seed=5)):
        trace = make(speed, chars, "steady", number)
        asked.append(Asked(trace, at))
        at += trace.seconds + pause_s
        if at > minutes * 60:
            break
    world = WORLDS[name]()
    lengths = usual_lengths(200, seed=2) if known else ()
    screens, _ = run(answered(place, world, asked, lengths=lengths))
    return screens, world.refused


def askers(place, name, count, *, chars=2_000):
    """*count* people ask at once in one place: (how late each first text was, behind the moment
    when so many calls could have passed; previews before the last first text; refused; screens).
    """
    traces = [make(USUAL_SPEED, chars, "steady", number) for number in range(count)]
    world, ideal = WORLDS[name](), WORLDS[name]()
    screens, platform = run(answered(place, world, [Asked(trace) for trace in traces]))
    could, now = [], 0.0
    if place.startswith("Slack"):
        rules = ideal.slack_rules("chat.postMessage")
    else:
        rules = ideal.telegram_rules(-1 if place.endswith("group") else 1)
    for _ in range(count):
        # Who calls whenever it passes at once.
        while not _passes(rules, now):
            now += 0.01
        could.append(now)
    firsts = sorted(screen.first_s for screen in screens)
    ready = DELAY_S + 12 / (4 * USUAL_SPEED)
    late = [first - at - ready for first, at in zip(firsts, could, strict=True)]
    last = max(at for at, _, kind in platform.log if kind == "first")
    before = sum(1 for at, _, kind in platform.log if not kind and at < last)
    return late, before, world.refused, screens


def _passes(rules, now):
    """Whether a call passes at once; it is counted only then."""
    if max(rule.wait(now) for rule in rules) > 1e-6:
        return False
    for rule in rules:
        rule.count(now)
    return True


def many_chats(name, count=50, within_s=3.0):
    """*count* private chats ask within *within_s*: (first lags, final lags, refused)."""
    lengths = usual_lengths(count, seed=7)
    asked = [
        Asked(make(USUAL_SPEED, chars, "steady", n), n * within_s / count, n)
        for n, chars in enumerate(lengths)
    ]
    world = WORLDS[name]()
    screens, _ = run(answered("Telegram, private", world, asked))
    firsts = [one.first_s - one.trace.times[0] for one in screens]
    return firsts, [one.final_lag_s for one in screens], world.refused


def short_answers(name, count=10, apart_s=6.0, place="Telegram, private"):
    """*count* short answers in one chat, *apart_s* seconds from each other."""
    asked = [Asked(make(USUAL_SPEED, 400, "steady", n), n * apart_s) for n in range(count)]
    world = WORLDS[name]()
    screens, _ = run(answered(place, world, asked))
    return screens, world.refused


def four_answers(name, *, at_once):
    """Four answers of ten seconds in one chat, in a row or at once: how late their ends are."""
    asked, at = [], 0.0
    for number in range(4):
        trace = make(USUAL_SPEED, 2_400, "steady", number)
        asked.append(Asked(trace, at))
        at += 0.0 if at_once else trace.seconds + 5
    screens, _ = run(answered("Telegram, private", WORLDS[name](), asked))
    return [one.final_lag_s - DELAY_S for one in screens]


def ten_on_slack_after_a_refusal():
    """Ten ask in a channel, and one update is refused: the longest time without any call."""
    traces = [make(USUAL_SPEED, 4_000, "steady", number) for number in range(10)]
    world = WORLDS["loose"]()
    real, at = world.slack, []

    def slack(method, channel, now):
        at.append(now)
        if method == "chat.update" and len(at) == 15:
            return world.refuse(method, now, 1)
        return real(method, channel, now)

    world.slack = slack
    screens, platform = run(answered("Slack, edits", world, [Asked(trace) for trace in traces]))
    seen = sorted(at for at, _, _ in platform.log)
    gap = max(b - a for a, b in pairwise(seen))
    return gap, screens


class Reached:
    """What issue and documents promise, and what was measured: the worst over both worlds."""

    def __init__(self):
        self._worst = {}

    def note(self, promise, most, value, *, least=False):
        """*value* may be *most* at most, or at *least* that."""
        known = self._worst.get(promise, (most, value, least))[1]
        self._worst[promise] = most, (min if least else max)(known, value), least

    def table(self):
        lines = ["| promised | limit | measured, worst of both worlds | |", "|---|---|---|---|"]
        for promise, (most, value, least) in self._worst.items():
            good = value >= most if least else value <= most
            bound = f"{'≥' if least else '≤'} {most:g}"
            lines.append(f"| {promise} | {bound} | {value:.2f} | {'yes' if good else '**no**'} |")
        return lines


def asking(name, reached):
    """How late the first texts of several askers are in one place, as a table."""
    yield "| place | askers | first text of the last, s late | previews before | refused |"
    yield "|---|---|---|---|---|"
    for place in ("Telegram, private", "Telegram, group", "Slack, edits"):
        for count in (1, 4, 10):
            late, before, refused, screens = askers(place, name, count)
            check_whole(screens)
            reached.note("first text of the k-th asker, s late", 0.4, max(late))
            if place.startswith("Telegram"):
                reached.note("previews that take a token before a first text", 0, before)
            yield f"| {place} | {count} | {max(late):.2f} | {before} | {refused} |"


def steadily(name, reached):
    """Ten minutes of steady use, as a table."""
    yield "| ten minutes of steady use | answers | first p95 | final p95, max | refused |"
    yield "|---|---|---|---|---|"
    for place in ("Telegram, private", "Telegram, group", "Slack, native", "Slack, edits"):
        screens, refused = steady(place, name)
        check_whole(screens)
        firsts = [one.first_lag_s - DELAY_S for one in screens]
        finals = [one.final_lag_s - DELAY_S for one in screens]
        reached.note("refused calls per place in ten minutes", 1, refused)
        reached.note("final text, s late (steady use)", 0.5, max(finals))
        yield (
            f"| {place} | {len(screens)} | {p95(firsts):.2f} | {p95(finals):.2f}, "
            f"{max(finals):.2f} | {refused} |"
        )


def exchanges(name, reached):
    """Many chats at once, and quick exchanges in one, in sentences."""
    firsts, finals, refused = many_chats(name)
    reached.note("50 private chats: first text p95, s", 0.5, p95(firsts))
    reached.note("50 private chats: final text p95, s late", 0.5, p95(finals))
    yield (
        f"50 private chats within 3 s: first text p95 {p95(firsts):.2f} s, "
        f"final p95 {p95(finals):.2f} s, {refused} refused."
    )
    screens, refused = short_answers(name)
    check_whole(screens)
    yield (
        f"Ten short answers six seconds apart: first texts "
        f"{max(one.first_s for one in screens):.1f} s at the latest, final texts "
        f"{max(one.final_lag_s for one in screens):.1f} s late, {refused} refused."
    )
    row, crowd = (max(four_answers(name, at_once=at_once)) for at_once in (False, True))
    yield (
        "Four answers of ten seconds in one chat: their ends at most "
        f"{row:.1f} s late in a row, {crowd:.1f} s at once."
    )


def report(reached):
    """All of it, as lines."""
    lines = []
    for name in WORLDS:
        lines += [f"*The {name} world*", "", *asking(name, reached), ""]
        lines += [*steadily(name, reached), "", *exchanges(name, reached), ""]
    gap, screens = ten_on_slack_after_a_refusal()
    check_whole(screens)
    reached.note("Slack, ten askers: the longest silence after a refusal, s", 8, gap)
    return [*lines, f"Ten askers on Slack, one refusal: no longer than {gap:.1f} s without a call."]


if __name__ == "__main__":
    print("\n".join(report(Reached())))
