"""What a platform tells of pictures that it has posted."""

from typing import NamedTuple

from core.messages import Attachment


class Posted(NamedTuple):
    """A post with pictures.

    Args:
        handle: of the post with the buttons, else with the picture, for `replacing` and for
            `reopen_surface` (to delete it). It may be empty if there are no buttons, and more than
            one picture or a platform that replaces none.
        pictures: as attachments, so that they can be changed later. Those that the platform cannot
            fetch again are missing.
    """

    handle: str = ""
    pictures: tuple[Attachment, ...] = ()
