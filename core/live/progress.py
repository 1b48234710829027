"""How an answer grows: what is written, what is shown of it, and the model's rhythm.

`core.live.pace` explains how this is used, and what the suffixes of the names mean.
"""

import asyncio
import math

USUAL_CHARS_PER_S, USUAL_FOR_S = 240.0, 0.25
"""An answer begins as if it had been written this fast for this long: one burst tells little."""
EVENLY_S = 0.03
"""Text that comes so soon after the last text came together with it. That is no pause."""
LONGEST_PAUSE_S = 1.0
"""A longer pause counts as one of this length."""
PAUSE_WEIGHT = 0.3
"""How much the last pause counts in the usual one."""
LATE_PAUSES = 2
"""The next burst is expected within so many usual pauses after the last one."""
STOP_S, STOP_PAUSES = 0.25, 2
"""A pause is a stop if it is longer than `STOP_S`, and longer than `STOP_PAUSES` usual pauses.
Only what is longer counts as stopped."""
SILENT_S, SILENT_PAUSES = 0.1, 3
"""A model has stopped when it was silent for `SILENT_S` and `SILENT_PAUSES` usual pauses."""
STOP_LASTS_S = 4.0
"""A stop is expected to last so long. If it is older, it lasts as long again."""


def clock() -> float:
    """The loop's time in seconds. All moments of live text are in it."""
    return asyncio.get_running_loop().time()


class Progress:
    """One answer's growth.

    Attributes:
        began_at: when the first characters came. A model may think for long before it writes.
        last_written_at: when the last characters came.
        written_chars: how many characters there are so far.
        shown_chars: how many of them are on the screen; None when nothing is shown yet.
        pause_s: how long the model usually pauses between bursts; 0.0 when it writes evenly.
    """

    def __init__(self, now: float) -> None:
        self.began_at = self.last_written_at = now
        self.written_chars = 0
        self._at_first_chars = 0
        self._stopped_s = 0.0
        self.shown_chars: int | None = None
        self.pause_s = 0.0

    @property
    def unseen_chars(self) -> float:
        """How many characters are written and not shown; infinite when nothing is shown yet."""
        return math.inf if self.shown_chars is None else self.written_chars - self.shown_chars

    def note_written(self, chars: int, now: float) -> bool:
        """Note that *chars* are written. Return whether this ended a pause of the model."""
        if not self.written_chars:
            # What an interrupted try had written comes at once, and says nothing about the speed.
            self.began_at = self.last_written_at = now
            self._at_first_chars = chars
        pause_s = now - self.last_written_at
        self.last_written_at, self.written_chars = now, chars
        self._stopped_s += max(0.0, pause_s - max(STOP_S, STOP_PAUSES * self.pause_s))
        if pause_s <= EVENLY_S:
            # If the model writes evenly for as long as it usually pauses, there are no bursts.
            self.pause_s = max(0.0, self.pause_s - pause_s)
            return False
        self.pause_s += PAUSE_WEIGHT * (min(pause_s, LONGEST_PAUSE_S) - self.pause_s)
        return True

    def mean_chars_per_s(self, now: float) -> float:
        """How fast the answer has grown on average, stops of the model included."""
        return self._grown_chars / (now - self.began_at + USUAL_FOR_S)

    @property
    def writing_chars_per_s(self) -> float:
        """How fast the model writes while it writes, stops left out."""
        wrote_s = self.last_written_at - self.began_at - self._stopped_s
        return self._grown_chars / (wrote_s + USUAL_FOR_S)

    @property
    def _grown_chars(self) -> float:
        """How many characters came since the first, and those of the assumed beginning."""
        usual_chars = USUAL_CHARS_PER_S * USUAL_FOR_S
        return max(0, self.written_chars - self._at_first_chars) + usual_chars

    def burst_at(self, earliest_at: float, planned_at: float) -> float:
        """When to show it: at the burst nearest to *planned_at*, not before *earliest_at*."""
        if planned_at <= self.last_written_at + self.pause_s / 2:
            return max(earliest_at, min(planned_at, self.last_written_at))
        return max(planned_at, self.last_written_at + LATE_PAUSES * self.pause_s)

    def stop_at(self, apart_s: float) -> float:
        """When to show what is unseen because the model has stopped; infinite if nothing is.

        A call between two updates that are *apart_s* spares writing speed * apart_s ** 2, in
        characters times seconds. A call in a stop spares the unseen characters for as long as
        the stop lasts. The stop must last long enough for the second to reach the first.
        """
        spared_char_s = self.writing_chars_per_s * apart_s**2
        must_last_s = spared_char_s / self.unseen_chars if self.unseen_chars > 0 else math.inf
        if must_last_s > STOP_LASTS_S:
            return self.last_written_at + must_last_s
        return self.last_written_at + SILENT_S + SILENT_PAUSES * self.pause_s
