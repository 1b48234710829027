"""What a platform tells of pictures that it has posted."""

from typing import NamedTuple

from core.messages import Attachment


class Posted(NamedTuple):
    """A post with pictures.

    Args:
        handle: of the post, for `replacing` and for `reopen_surface` (to delete it). It may be
            empty if there is more than one picture, or the platform replaces no pictures.
        pictures: as attachments, so that they can be changed later. Those that the platform cannot
            fetch again are missing.
    """

    handle: str = ""
    pictures: tuple[Attachment, ...] = ()
