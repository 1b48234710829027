"""The posts of one answer, in order: the full ones, then the one that grows."""

from collections.abc import Callable, Sequence

from core.live.pages import Cut, PagedText
from core.messages import ConversationId
from core.platform import Platform, Surface


def _nothing() -> None:
    """Nobody is told of posts any more."""


class Posts:
    """Spreads the text of an answer over its posts.

    Args:
        handles: the posts of an interrupted try, in order. They are filled again from the first.
        on_post: called when a new post stands.

    Attributes:
        text: the whole text, and how much of it stands on full pages.
        on_screen: what the last post shows.
        left: posts of an earlier try that are not filled again yet.
    """

    def __init__(
        self,
        platform: Platform,
        conversation: ConversationId,
        reply_to: str,
        handles: Sequence[str],
        on_post: Callable[[], None],
    ) -> None:
        self._platform = platform
        self._conversation = conversation
        self._reply_to = reply_to
        self.left = [platform.reopen_surface(conversation, handle) for handle in handles]
        self._filled: list[Surface] = []
        self._known = set(handles)
        self._on_post = on_post
        self._taken_back = False
        self.text = PagedText(platform.limits.page_chars, platform.fill)
        self.on_screen = ""

    @property
    def handles(self) -> tuple[str, ...]:
        surfaces = [*self._filled, *self.left]
        return tuple(surface.handle for surface in surfaces if surface.handle)

    @property
    def last(self) -> Surface:
        """The post that grows."""
        if not self._filled:
            self._filled.append(self._next())
        return self._filled[-1]

    def look(self, chars: int) -> None:
        """Note that the text has *chars* now. If the full pages hold more, text was taken back."""
        self._taken_back |= chars < self.text.behind

    def tell_anew(self) -> None:
        """If text of full pages was taken back, fill all posts again from the first."""
        if self._taken_back:
            self._taken_back = False
            self.left, self._filled = [*self._filled, *self.left], []
            self.text.begin_again()
            self.on_screen = ""

    def turn(self, page: Cut) -> None:
        """*page* is finished. The next post grows from here."""
        self.text.turn(page)
        self.on_screen = ""
        self._filled.append(self._next())

    def note(self, surface: Surface) -> None:
        """Call `on_post` if the post of *surface* stands and is new."""
        if surface.handle and surface.handle not in self._known:
            self._known.add(surface.handle)
            self._on_post()

    def end(self) -> None:
        """No new post comes. Whoever is told of posts knows these, and would stay in memory."""
        self._on_post = _nothing

    def _next(self) -> Surface:
        if self.left:
            return self.left.pop(0)
        reply_to = "" if self._filled else self._reply_to
        return self._platform.open_surface(self._conversation, reply_to)
