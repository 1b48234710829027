"""How a reply went, for the metrics: when it was first seen, and how soon the whole of it stood."""

from typing import NamedTuple

from core.live.progress import Progress, clock


class Shown(NamedTuple):
    """How a reply went.

    *first_text_s*: from its beginning to its first text; None: none was shown. *whole_s*: from the
    last word or step of its model until the final text stood; None: it does not stand, or no model
    wrote it.
    """

    first_text_s: float | None
    updates: int
    refusals: int
    whole_s: float | None = None


class Showing:
    """Takes the times of one reply, whose text grows as *progress*."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began_at = self._last_step_at = clock()
        self._updates = 0
        self.first_text_s: float | None = None
        self._whole_s: float | None = None

    def note_step(self) -> None:
        """A step began or ended."""
        self._last_step_at = clock()

    def note_update(self) -> None:
        """A text stands."""
        self._updates += 1
        if self.first_text_s is None:
            self.first_text_s = clock() - self._began_at

    def note_whole(self) -> None:
        """The final text stands."""
        if self._progress.written_chars:
            self._whole_s = clock() - max(self._progress.last_written_at, self._last_step_at)

    def told(self, refusals: int) -> Shown:
        return Shown(self.first_text_s, self._updates, refusals, self._whole_s)
