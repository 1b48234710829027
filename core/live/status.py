"""The status line of a growing answer: what is shown of its steps, and when. Pure.

It rides along with each text that is shown while steps run. It takes a call of its own only if a
call is to spare, seldom, and never sooner than `AFTER_S`: what ends sooner is not told.
"""

import math

from core.activity import Activity

AFTER_S = 1.0
"""A round of steps that brings text sooner than this is not told by a call of its own."""
FREE_APART_S = 0.5
"""The least time between two such calls where calls cost nothing."""
APART_S = (4.0, 8.0, 16.0, 30.0)
"""The same where they take a token: ever longer within one round. The last one repeats."""


class Status:
    """What the steps of one answer show. Moments are those of the loop's clock.

    Attributes:
        activity: the newest.
    """

    def __init__(self) -> None:
        self.activity = Activity()
        self._told = Activity()
        self._chars = -1
        self._next_at = 0.0
        self._calls = 0

    def set(self, activity: Activity, written_chars: int, now: float) -> None:
        """The steps are *activity* now. The answer has *written_chars* characters so far."""
        self.activity = activity
        if written_chars > self._chars:
            # New text has come since the last steps, so this is a new round.
            self._chars, self._next_at, self._calls = written_chars, now + AFTER_S, 0

    def line(self, written_chars: int) -> str:
        """The line to show; empty once there is text behind the steps."""
        return self.activity.text if written_chars <= self._chars else ""

    def due_in_s(self, written_chars: int, now: float) -> float:
        """How long until the line is worth a call of its own; infinite if nothing is new."""
        if self.activity == self._told or not self.line(written_chars):
            return math.inf
        return self._next_at - now

    def told(self, activity: Activity) -> None:
        """*activity* is on the screen."""
        self._told = activity

    def asked(self, now: float, *, costs: bool) -> None:
        """A call of its own was asked for, whether it was to spare or not."""
        apart_s = APART_S[min(self._calls, len(APART_S) - 1)] if costs else FREE_APART_S
        self._calls += 1
        self._next_at = now + apart_s
