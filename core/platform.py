"""The port: what an adapter offers the core. What the core lends an adapter: `core/lent.py`.

To add a platform, write a class with the methods of `Platform`, and a `plugin.py` beside it (see
`bots/plugin.py`). Do not inherit from anything here. CONTRIBUTING.md shows each step.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from types import TracebackType
from typing import Protocol, Self

import msgspec
from aiohttp import web

from core.messages import Attachment, Button, ConversationId, Incoming, Picture
from core.posted import Posted
from core.said import Feeling, Span, Transcript


class Bucket(msgspec.Struct, frozen=True):
    """Tokens that all replicas share. One call to the platform takes one token.

    `core.levels` explains the law, with an example.

    Args:
        key: buckets with the same key are the same bucket.
        most: how many calls the platform promises to let pass in any *seconds*. A token comes back
            *seconds* after it was taken. 0: nobody knows a limit, until calls are refused.
        reserve: how many tokens previews leave for final texts.
        refills: whether one token comes back every *seconds* / *most* instead. Then a burst of
            *most* calls may pass, and after that one call each time.
        upto: the most calls in any *seconds*, or burst, ever seen to pass. Each is tried first.
        fastest: if it refills: how many times as fast tokens were ever seen to come back.
        like: the name for buckets of this kind. With what one of them learns, the others begin.
        why: the name of the sentence for who waits long for a token of it; empty: there is none.
        of: the tenant with which its level is kept; empty: with what the deployment keeps.
        own: only one answer at a time grows there, so `core.store.ahead` may take all tokens.
    """

    key: str
    most: int
    seconds: float
    reserve: int = 1
    refills: bool = False
    upto: int = 0
    fastest: float = 1.0
    like: str = ""
    why: str = ""
    of: str = ""
    own: bool = False


class Limits(msgspec.Struct, frozen=True):
    """A platform's limits, as data. Sources stand beside the values, in each adapter.

    Args:
        page_chars: how many characters of Markdown one post may hold. `Platform.fill` decides.
        caption_chars: how many characters fit under a picture.
        pictures_per_post: how many pictures one post can hold.
        interval_s: the least time between two previews of one surface.
        indicate_every_s: how long "typing" is shown, so how often it must be repeated.
        replaces_pictures: whether a posted picture can be replaced by another one.
        rates: whether an answer can have thumbs under it.
        asks: whether a button can ask for a text (`Button.asks`).
        follows: whether threads are followed that we were asked in.
        passes_on: whether a message that is passed on comes by itself, after a remark on it.
        reads: whether `Platform.read` tells what was said in a group or channel.
        groups: how the ids of groups and channels may begin; empty: there are none.
    """

    page_chars: int
    caption_chars: int
    pictures_per_post: int
    interval_s: float
    indicate_every_s: float
    replaces_pictures: bool = False
    rates: bool = False
    passes_on: bool = False
    reads: bool = False
    asks: bool = False
    follows: bool = False
    groups: tuple[str, ...] = ()


class Surface(Protocol):
    """One post that shows one page of an answer.

    Raises (each method): `RateLimited`, `Revoked`, the kinds of `Impossible`, or plain
    `PlatformError`. Calls never overlap; the caller takes tokens first.
    """

    @property
    def handle(self) -> str:
        """`reopen_surface` finds the post by this; empty until it was posted."""
        ...

    @property
    def budget(self) -> Sequence[Bucket]:
        """The buckets of which the next `show` takes a token. The first one is the place's.

        Empty: only `Limits.interval_s` limits the calls.
        """
        ...

    @property
    def final_budget(self) -> Sequence[Bucket]:
        """The same for the next `finish` or `delete`."""
        ...

    @property
    def grows(self) -> bool:
        """Whether text is only added to the shown text, so that open Markdown stays open."""
        ...

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Let the post show *text* for now (healed Markdown unless it `grows`; empty: steps alone).

        Raises:
            Full: nothing was called. Finish a part of *text* here, and the rest in another post.
        """
        ...

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Let the post show *text* for good. Safe to call again after a failure."""
        ...

    async def delete(self) -> None:
        """Delete the post. Does nothing if there is none."""
        ...


class Platform(Protocol):
    """A place where people talk. An async context manager: entering checks the credentials."""

    @property
    def name(self) -> str:
        """The first part of every conversation id of this platform, without a colon."""
        ...

    @property
    def identity(self) -> str:
        """The bot's name there, and its address or its path on our server. Known once entered."""
        ...

    @property
    def limits(self) -> Limits: ...

    @property
    def local(self) -> bool:
        """Whether only the operator's machine can reach it. Then access lists do not apply."""
        ...

    async def __aenter__(self) -> Self:
        """Connect. Called again later if it raised.

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
        """The routes of our HTTP server that this platform needs; may be empty."""
        ...

    def updates(self) -> AsyncGenerator[Sequence[Incoming]]:
        """Yield batches of what people did.

        When the core asks for the next batch, the inbox holds the last one. Only then may the
        adapter acknowledge it to the platform.
        """
        ...

    def budget(self, conversation: ConversationId) -> Sequence[Bucket]:
        """The buckets of which a new post in *conversation* takes a token."""
        ...

    def indicate_budget(self, conversation: ConversationId, *, busy: bool) -> Sequence[Bucket]:
        """The buckets of which `indicate` takes a token."""
        ...

    def fill(self, text: str) -> float:
        """How much of one post the rendered *text* fills. Up to 1.0 it fits."""
        ...

    def open_surface(self, conversation: ConversationId, reply_to: str) -> Surface:
        """A surface for a new post. The post appears with its first text."""
        ...

    def reopen_surface(self, conversation: ConversationId, handle: str) -> Surface:
        """The surface of a post that exists, perhaps made by another process."""
        ...

    async def send_pictures(
        self,
        conversation: ConversationId,
        reply_to: str,
        pictures: Sequence[Picture],
        buttons: Sequence[Button] = (),
        *,
        replacing: str = "",
    ) -> Posted:
        """Post *pictures* (1 to `pictures_per_post`), with their captions. Raises as a surface.

        *replacing*: the handle of a posted picture, which the one of *pictures* replaces.
        """
        ...

    async def send_voice(self, conversation: ConversationId, reply_to: str, sound: bytes) -> None:
        """Post *sound* (OGG with Opus) as a voice message. Raises as a surface."""
        ...

    async def send_file(
        self, conversation: ConversationId, reply_to: str, name: str, data: bytes, mime: str
    ) -> None:
        """Post *data* (at least one byte) as a file to download. Raises as a surface.

        Nobody can ask a platform whether a file has arrived. So who calls again after an error
        accepts that the file may come twice.

        Args:
            name: what people save it as, with its ending: one line, without a folder.
        """
        ...

    async def indicate(
        self, conversation: ConversationId, *, busy: bool, asked: bool = False
    ) -> None:
        """Show or clear "is typing"; *asked*: a person must decide. Its errors are ignored."""
        ...

    async def entitle(self, conversation: ConversationId, title: str) -> None:
        """Show the title of a private conversation. Errors as with `indicate`."""
        ...

    async def administers(self, conversation: ConversationId, person: str) -> bool:
        """Whether *person* (an id) is an admin of the place of *conversation* by the platform.

        Asked in groups only, and often: an adapter remembers the answer for some minutes. If the
        platform cannot be asked, the answer is no. On a `local` platform: whether *person* is the
        operator.
        """
        ...

    async def private_with(self, person: str) -> ConversationId:
        """Our private conversation with *person* (an id), opened if need be.

        Raises:
            PlatformError: there is none, and none can be opened. A post in it may fail too: on
                Telegram a person must write first.
        """
        ...

    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes:
        """The bytes of *attachment*.

        Raises:
            AttachmentTooLarge: it is larger than *most_bytes*.
            AttachmentLost: it does not exist (any more), or we may not have it.
        """
        ...

    async def read(self, conversation: ConversationId, span: Span) -> Transcript:
        """What was said in *conversation*: a thread, or a place outside its threads.

        It never waits for a rate limit: who asks goes without. Not to be called unless
        `Limits.reads`.

        Raises:
            RateLimited: not now.
            NoRight: we may not read here; the operator was told why.
            ChatLost: we are not a member here.
            PlatformError: it did not work in time.
        """
        ...

    async def react(self, conversation: ConversationId, message: str, feeling: Feeling) -> None:
        """Put our reaction on *message* (a reference). It takes the tokens of `indicate`.

        Raises as a surface does; `ContentRefused` where nobody can react so.
        """
        ...

    async def alone(self, incoming: Incoming) -> str:
        """A reference for a post, also later, that only who sent *incoming* sees; or empty."""
        ...

    async def hears(self, conversation: ConversationId) -> bool:
        """Whether we are told what people say to each other in *conversation*."""
        ...

    def link_to(self, conversation: ConversationId, message: str) -> str:
        """The address of *message* (a reference) for members of its place; empty if it has none."""
        ...
