"""What the screen shows of one answer: its text so far, and the status line of its steps."""

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from core.activity import ShowsSteps
from core.live.posts import Posts
from core.live.progress import Progress, clock
from core.live.status import Status
from core.messages import Button
from core.platform import Platform, Surface

HALF = 0.08
"""A half word, sentence or line at the end is hidden if it is at most this part of what is new."""
WORTH = 0.25
"""An update must show at least this part of what is new."""


class Screen:
    """What the last of *posts* shows, and what is new.

    Attributes:
        progress: how the text grows, and how much of it is shown.
        status: what is shown of the steps.
    """

    def __init__(self, platform: Platform, posts: Posts) -> None:
        self._platform = platform
        self._posts = posts
        self._text = posts.text
        self.progress = Progress(clock())
        self.status = Status()

    @property
    def frame(self) -> str:
        """The part of the page that the screen may show now."""
        if self._posts.last.grows:
            return self._text.page
        return self._text.frame(self.progress.unseen_chars * HALF).rstrip()

    @property
    def has_news(self) -> bool:
        """Whether there is text that is worth an update."""
        frame, unseen = self.frame, self.progress.unseen_chars
        if not frame or frame == self._posts.on_screen:
            return False
        if self.progress.shown_chars is None or unseen <= 0:
            return True
        # Half a row of a table or half a link is hidden. Wait for its other half.
        return len(frame) - len(self._posts.on_screen) >= unseen * WORTH

    @property
    def status_due_in_s(self) -> float:
        """How long until the status line is worth a call of its own."""
        return self.status.due_in_s(self.progress.written_chars, clock())

    async def show(self, surface: Surface, buttons: Sequence[Button]) -> None:
        """Show the newest text and the status of the steps. Raises as the surface does."""
        frame = self.frame
        chars = len(self._text.whole) - max(0, len(self._text.page) - len(frame))
        activity = self.status.activity
        await surface.show(self._with_status(surface, frame), buttons)
        self.status.told(activity)
        self._posts.on_screen = frame
        if frame:
            self.progress.shown_chars = chars

    def tells(self, surface: Surface) -> bool:
        """Whether the next `show` can tell anything of the steps."""
        return self.takes_steps(surface) or self._with_status(surface, "") != ""

    def with_steps(self, text: str) -> str:
        """The final *text*, with the steps under it if people want to see them there."""
        activity = self.status.activity
        under = activity.verbose and activity.steps and not self.takes_steps(self._posts.last)
        return f"{text}\n\n{activity.listed}".strip() if under else text

    def takes_steps(self, surface: Surface) -> bool:
        """Hand the steps to *surface*, if it shows them by itself."""
        if not _shows_steps(type(surface)):
            return False
        return cast(ShowsSteps, surface).take_steps(self.status.activity)

    def _with_status(self, surface: Surface, frame: str) -> str:
        """*frame* with the status line, where it has room and can be taken back again."""
        line = self.status.line(self.progress.written_chars)
        if self.takes_steps(surface) or surface.grows or not line:
            return frame
        whole = f"{frame}\n\n{line}" if frame else line
        return whole if self._platform.fill(whole) <= 1 else frame


@lru_cache(maxsize=100)
def _shows_steps(kind: type) -> bool:
    # To look for a protocol's methods takes longer than to show a piece of text.
    return issubclass(kind, ShowsSteps)
