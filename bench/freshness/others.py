"""The schedules of others, from their constants in `facts` (names as in docs/live-text.md).

Each decides at every delta whether to update; a refused call is waited for and dropped, and
the last update is tried until it is let pass. That is kinder than some of them are.
"""

from dataclasses import dataclass

from bench.freshness.world import DELAY_S, WORLDS, Screen, call


@dataclass(frozen=True)
class Schedule:
    """Update when *every_s*, *every_chars* or *every_deltas* have passed since the last one."""

    name: str
    every_s: float = 0.0
    every_chars: int = 0
    every_deltas: int = 0

    def due(self, seconds, chars, deltas):
        return seconds >= self.every_s and chars >= self.every_chars and deltas >= self.every_deltas


SCHEDULES = (
    Schedule("every 20 characters", every_chars=20),
    Schedule("every 100 characters", every_chars=100),
    Schedule("every 20 deltas", every_deltas=20),
    Schedule("every 0.6 s", every_s=0.6),
    Schedule("every 0.8 s", every_s=0.8),
    Schedule("every 1.0 s", every_s=1.0),
    Schedule("every 3.0 s", every_s=3.0),
)


def theirs(schedule, place, world, traces, *, same_chat):
    """The *traces* at once by *schedule*: (screens, refused calls)."""
    world = WORLDS[world]()

    def limiter(now, chat, *, new):
        return call(world, place, now, chat, new=new)

    answers = [_Answer(schedule, 0 if same_chat else n, trace) for n, trace in enumerate(traces)]
    events = sorted(
        (at, n, chars)
        for n, trace in enumerate(traces)
        for at, chars in zip(trace.times, trace.chars, strict=True)
    )
    for at, n, chars in events:
        answers[n].delta(at, chars, limiter)
    # The last updates, in the order in which they can be made.
    while left := [one for one in answers if not one.done]:
        min(left, key=lambda one: one.silent_until).finish(limiter)
    return [one.screen for one in answers], world.refused


class _Answer:
    def __init__(self, schedule, chat, trace):
        self._schedule, self._chat, self._trace = schedule, chat, trace
        self.screen = Screen(trace, 0.0)
        self.silent_until = 0.0
        self.done = False
        self._last, self._chars, self._deltas = float("-inf"), 0, 0

    def delta(self, now, chars, limiter):
        self._deltas += 1
        if now < self.silent_until:
            return
        if self._schedule.due(now - self._last, chars - self._chars, self._deltas):
            self._show(now, chars, limiter)

    def finish(self, limiter):
        now = max(self._trace.seconds, self.silent_until)
        self.done = self._show(now, self._trace.total, limiter)

    def _show(self, now, chars, limiter):
        verdict = limiter(now, self._chat, new=not self.screen.seen)
        if verdict.retry_after_s:
            self.silent_until = now + verdict.retry_after_s
            return False
        self._last, self._chars, self._deltas = now, chars, 0
        # One call at a time: the next waits for this one's answer.
        self.silent_until = now + verdict.late_s + DELAY_S
        self.screen.show(self.silent_until, chars)
        return True
