"""How an answer grows: what is written, what is shown of it, and the model's rhythm."""

import asyncio
import math

USUAL_SPEED, KNOWN_S = 240.0, 0.25
"""Characters a second, as if it had written so fast for so long before: one burst tells little."""
EVENLY_S = 0.03
"""What comes so soon after the last text came with it: no pause."""
LONGEST_PAUSE_S = 1.0
"""What a pause lasts longer than this says nothing about the next one."""
LEARN = 0.3
"""How much a pause says about the next one."""
LATE_PAUSES = 2
"""A burst is waited for until so many pauses after the last one."""
STOP_S, STOP_PAUSES = 0.25, 2
"""A pause that is longer than this, and than so many usual ones, is a stop of the model."""
SILENT_S, SILENT_PAUSES = 0.1, 3
"""A model that was silent for so long, and so many usual pauses, has stopped."""
STOP_LASTS_S = 4.0
"""A stop is taken to last so long, or as long again as it has lasted."""


def clock() -> float:
    """The time by the loop, as all times of live text are."""
    return asyncio.get_running_loop().time()


class Progress:
    """One answer's growth. Times are the loop's, in seconds.

    Attributes:
        began: when the first characters came; a model may think for long before it writes.
        written: characters so far.
        shown: how many of them are on the screen; None when there is nothing yet.
        said_at: when the last of them came.
        pause_s: how long the model usually pauses between its bursts; 0.0 when it writes evenly.
    """

    def __init__(self, now: float) -> None:
        self.began = self.said_at = now
        self.written = 0
        self._at_first = 0
        self._stopped_s = 0.0
        self.shown: int | None = None
        self.pause_s = 0.0

    @property
    def unseen(self) -> float:
        """How many characters are written and not shown; infinite when nothing is shown yet."""
        return math.inf if self.shown is None else self.written - self.shown

    def note_written(self, chars: int, now: float) -> bool:
        """Note that *chars* are written; whether a pause of the model ended with it."""
        if not self.written:
            # What an interrupted try had written comes at once, and tells no speed.
            self.began = self.said_at = now
            self._at_first = chars
        pause_s, self.said_at, self.written = now - self.said_at, now, chars
        self._stopped_s += max(0.0, pause_s - max(STOP_S, STOP_PAUSES * self.pause_s))
        if pause_s <= EVENLY_S:
            # Where even writing lasts as long as pauses do, there are no bursts.
            self.pause_s = max(0.0, self.pause_s - pause_s)
            return False
        self.pause_s += LEARN * (min(pause_s, LONGEST_PAUSE_S) - self.pause_s)
        return True

    def speed(self, now: float) -> float:
        """How many characters a second it has grown by, stops and all."""
        return self._grown / (now - self.began + KNOWN_S)

    @property
    def writing_speed(self) -> float:
        """How many characters a second it grows by when the model has not stopped."""
        return self._grown / (self.said_at - self.began - self._stopped_s + KNOWN_S)

    @property
    def _grown(self) -> float:
        return max(0, self.written - self._at_first) + USUAL_SPEED * KNOWN_S

    def best_time(self, earliest: float, spaced: float) -> float:
        """When to show it: at the burst that is nearest to *spaced*, but not before *earliest*."""
        if spaced <= self.said_at + self.pause_s / 2:
            return max(earliest, min(spaced, self.said_at))
        return max(spaced, self.said_at + LATE_PAUSES * self.pause_s)

    def stop_time(self, apart_s: float) -> float:
        """When to show what is unseen because the model has stopped.

        A call is well spent where it spares as much as one between two that are *apart_s*: what
        is unseen, for as long as the stop may last.
        """
        spared = self.writing_speed * apart_s**2
        must_last_s = spared / self.unseen if self.unseen > 0 else math.inf
        if must_last_s > STOP_LASTS_S:
            return self.said_at + must_last_s
        return self.said_at + SILENT_S + SILENT_PAUSES * self.pause_s
