"""The checkpointer: how far a turn has come, and how much of that the store has saved."""

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from core.store.turns import Checkpoint
from core.tasks import Flag


class Checkpointer:
    """Holds the newest checkpoint of a turn until the next renewal of the lease saves it.

    Args:
        posts: the handles of the posts that the store already knows.

    Attributes:
        urgent: set when the newest checkpoint should not wait for the next renewal.
    """

    def __init__(self, posts: Iterable[str]) -> None:
        self.urgent = Flag()
        self._newest: Checkpoint | None = None
        self._reached: Callable[[], Checkpoint] | None = None
        self._saved: Checkpoint | None = None
        self._picture = ""
        self._known_posts = set(posts)

    def save(self, checkpoint: Checkpoint, *, now: bool = False) -> None:
        """Save *checkpoint* with the next renewal; *now* asks for one at once."""
        self._newest, self._reached = checkpoint, None
        if now:
            self.urgent.set()

    def save_later(self, reached: Callable[[], Checkpoint]) -> None:
        """Call *reached* at the next renewal and save its result. Nothing is copied before."""
        self._reached = reached

    def note_picture(self, handle: str) -> None:
        """Each checkpoint names the unfinished picture *handle* from now on; empty: none."""
        self._picture = handle

    @property
    def newest(self) -> Checkpoint | None:
        """The last checkpoint that was to be saved."""
        if self._reached is not None:
            self._newest, self._reached = self._reached(), None
        if self._newest is not None and self._newest.picture != self._picture:
            self._newest = replace(self._newest, picture=self._picture)
        return self._newest

    @property
    def unsaved(self) -> Checkpoint | None:
        """The newest checkpoint, unless the store has it."""
        newest = self.newest
        return None if newest is self._saved else newest

    def note_saved(self, checkpoint: Checkpoint) -> None:
        """Note that the store has *checkpoint* now."""
        self._saved = checkpoint
        self._known_posts.update(checkpoint.posts)

    def unknown_posts(self, checkpoint: Checkpoint | None) -> Sequence[str]:
        """The posts of *checkpoint* that the store may not know."""
        posts = checkpoint.posts if checkpoint is not None else ()
        return [post for post in posts if post not in self._known_posts]
