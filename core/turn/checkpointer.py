"""The checkpointer: how far a turn has come, and what of that the store knows."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from core.store.turns import Checkpoint


class Checkpointer:
    """Holds the newest checkpoint of a turn until the next renewal of its lease carries it.

    Args:
        posts: the posts that the store knows of already, by their handles.

    Attributes:
        urgent: set when the newest checkpoint should not wait for the next renewal.
    """

    def __init__(self, posts: Iterable[str]) -> None:
        self.urgent = asyncio.Event()
        self._newest: Checkpoint | None = None
        self._reached: Callable[[], Checkpoint] | None = None
        self._saved: Checkpoint | None = None
        self._known_posts = set(posts)

    def save(self, checkpoint: Checkpoint, *, now: bool = False) -> None:
        """Save *checkpoint* with the next renewal; *now* asks for one at once."""
        self._newest, self._reached = checkpoint, None
        if now:
            self.urgent.set()

    def save_later(self, reached: Callable[[], Checkpoint]) -> None:
        """Save what *reached* gives then with the next renewal: nothing is copied before."""
        self._reached = reached

    @property
    def newest(self) -> Checkpoint | None:
        """What was to be saved last."""
        if self._reached is not None:
            self._newest, self._reached = self._reached(), None
        return self._newest

    @property
    def unsaved(self) -> Checkpoint | None:
        """The newest checkpoint, unless the store holds it."""
        newest = self.newest
        return None if newest is self._saved else newest

    def note_saved(self, checkpoint: Checkpoint) -> None:
        """The store holds *checkpoint* now."""
        self._saved = checkpoint
        self._known_posts.update(checkpoint.posts)

    def unknown_posts(self, checkpoint: Checkpoint | None) -> Sequence[str]:
        """The posts of *checkpoint* that the store may never have heard of."""
        posts = checkpoint.posts if checkpoint is not None else ()
        return [post for post in posts if post not in self._known_posts]
