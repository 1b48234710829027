"""The port: what an adapter offers the core. What the core lends an adapter: `core/lent.py`.

To add a platform, write one class that fills `Platform`, and a `plugin.py`
beside it (`bots/plugin.py`); CONTRIBUTING.md shows each step. Nothing here is
inherited from.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from types import TracebackType
from typing import Protocol, Self

import msgspec
from aiohttp import web

from core.messages import Attachment, Button, ConversationId, Incoming, Picture


class Bucket(msgspec.Struct, frozen=True):
    """Tokens that every replica shares; one call to the platform takes one.

    Args:
        key: buckets of the same key are one.
        most: how many calls the platform promises to let pass in any *seconds*: a token comes
            back *seconds* after it was taken. 0: nobody could name a limit; it is met where it
            shows itself.
        reserve: tokens that previews leave for final texts.
        refills: one token comes back every *seconds* / *most* instead, as into a bucket that
            drips: bursts of *most*, and then so fast.
        upto: the most calls in any *seconds*, or in a burst, that were ever found to pass: more
            than *most* are tried a little at a time, as long as they do.
        fastest: how many times as fast as promised tokens of a bucket that refills were ever
            found to come back; tried likewise.
        like: under this name it is kept what was found of buckets like this one: what one chat
            lets pass is where the bot's other chats begin.
    """

    key: str
    most: int
    seconds: float
    reserve: int = 1
    refills: bool = False
    upto: int = 0
    fastest: float = 1.0
    like: str = ""


class Limits(msgspec.Struct, frozen=True):
    """A platform's limits, as data. Sources stand beside the values, in each adapter.

    Args:
        page_chars: characters of Markdown that one post may hold at most;
            `Platform.fill` has the last word.
        caption_chars: characters under a picture.
        pictures_per_post: how many pictures one post can hold.
        interval_s: the least time between two previews of one surface.
        indicate_every_s: how long "typing" lasts, so how often to repeat it.
        replaces_pictures: whether a picture that stands can become another one.
        rates: whether thumbs may stand under an answer.
        passes_on: whether what is passed on comes as a message of its own, behind a remark on it.
    """

    page_chars: int
    caption_chars: int
    pictures_per_post: int
    interval_s: float
    indicate_every_s: float
    replaces_pictures: bool = False
    rates: bool = False
    passes_on: bool = False


class Surface(Protocol):
    """One post that shows one page of an answer.

    Raises (each method): `RateLimited`, `Revoked`, the kinds of `Impossible`, or plain
    `PlatformError`. Calls never overlap; the caller takes tokens first.
    """

    @property
    def handle(self) -> str:
        """What `reopen_surface` finds the post by; empty until it was posted."""
        ...

    @property
    def budget(self) -> Sequence[Bucket]:
        """What the next `show` takes a token of; the first bucket is the place's.

        Empty: nobody limits it but `Limits.interval_s`.
        """
        ...

    @property
    def final_budget(self) -> Sequence[Bucket]:
        """What the next `finish` or `delete` takes a token of, likewise."""
        ...

    @property
    def grows(self) -> bool:
        """Whether what it shows is only ever added to, so that open Markdown stays open."""
        ...

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Make the post read *text* (Markdown, healed unless it `grows`; never empty), for now.

        Raises:
            Full: nothing was called; some of *text* should be finished here, the rest elsewhere.
        """
        ...

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Make the post read *text* for good. Safe to call again after a failure."""
        ...

    async def delete(self) -> None:
        """Take the post away; does nothing when there is none."""
        ...


class Platform(Protocol):
    """A place where people talk. An async context manager: entering checks the credentials."""

    @property
    def name(self) -> str:
        """The first part of every conversation id of this platform; no colon in it."""
        ...

    @property
    def identity(self) -> str:
        """Who we are there and how to reach us, in a few words; known once entered.

        A path (or nothing) is one of our own HTTP server.
        """
        ...

    @property
    def limits(self) -> Limits: ...

    @property
    def local(self) -> bool:
        """Whether only the operator's own machine can reach it, so access lists do not apply."""
        ...

    async def __aenter__(self) -> Self:
        """Connect. Called again, later, when it raised.

        Raises:
            Revoked: the platform does not accept our credentials.
            PlatformError: it cannot be reached now.
        """
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """What the one HTTP server should serve for this platform; may be empty."""
        ...

    def updates(self) -> AsyncGenerator[Sequence[Incoming]]:
        """Yield batches of what people did.

        Asking for the next batch says that the inbox holds the last one; only
        then is it acknowledged to the platform.
        """
        ...

    def budget(self, conversation: ConversationId) -> Sequence[Bucket]:
        """The buckets that a new post in *conversation* takes a token from."""
        ...

    def indicate_budget(self, conversation: ConversationId, *, busy: bool) -> Sequence[Bucket]:
        """The buckets that `indicate` takes a token from."""
        ...

    def fill(self, text: str) -> float:
        """How much of one post *text*, rendered, takes; up to 1.0 it fits."""
        ...

    def open_surface(self, conversation: ConversationId, reply_to: str) -> Surface:
        """A surface for a new post, which appears with its first text."""
        ...

    def reopen_surface(self, conversation: ConversationId, handle: str) -> Surface:
        """The surface of a post that stands already, perhaps from another process."""
        ...

    async def send_pictures(
        self,
        conversation: ConversationId,
        reply_to: str,
        pictures: Sequence[Picture],
        buttons: Sequence[Button] = (),
        *,
        replacing: str = "",
    ) -> str:
        """Post *pictures* (1 to `pictures_per_post`), with their captions. Raises as a surface.

        Args:
            replacing: what this gave for a picture that stands, to become the one of *pictures*.

        Returns:
            What `replacing` and `reopen_surface` (to delete it) find the post by; may be empty
            where there is more than one, or the platform replaces no pictures.
        """
        ...

    async def send_voice(self, conversation: ConversationId, reply_to: str, sound: bytes) -> None:
        """Post *sound* (OGG with Opus), to be played. Raises as a surface."""
        ...

    async def indicate(self, conversation: ConversationId, *, busy: bool) -> None:
        """Show or clear "is typing". Raises as a surface; a nicety, so that ends at the caller."""
        ...

    async def entitle(self, conversation: ConversationId, title: str) -> None:
        """Show what a private conversation is about. A nicety, as `indicate` is."""
        ...

    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes:
        """The bytes of *attachment*.

        Raises:
            AttachmentTooLarge: it is larger than *most_bytes*.
            AttachmentLost: it is not there (any more), or not for us.
        """
        ...
