"""What the core lends an adapter that needs it. `bots/plugin.py` hands it on.

Also the one error that names a bucket.
"""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

import msgspec
from aiohttp import web

from core.errors import RateLimited
from core.messages import ConversationId, Sender
from core.platform import Bucket, Platform

Takes = Literal["nothing", "choice", "words", "phrase", "text", "prompt"]


Standing = Literal["member", "stranger", "blocked"]
"""What a person is to us, as far as an adapter must know: a `stranger` may not ask, or not now."""


class CommandInfo(msgspec.Struct, frozen=True):
    """What an adapter may know of a command, to tell it from an ordinary message.

    Args:
        takes: which argument it takes: `nothing`, one of its *choices*, `words` that begin with one
            of them, a free `phrase` that may be missing, a free `text`, or a `prompt`,
            which it always needs.
        choices: the arguments that it takes.
        of_place: whether outside a thread the command is about the place with all its threads.
        for_asker: whether only the sender needs to read the answer.
        as_menu: whether the answer is a menu, whose buttons change it.
    """

    takes: Takes = "nothing"
    choices: tuple[str, ...] = ()
    of_place: bool = False
    for_asker: bool = False
    as_menu: bool = False


class PostsLimited(RateLimited):
    """Only calls that take a token of *bucket* must wait, such as new posts. Others may go on."""

    def __init__(self, text: str, retry_after_s: float, bucket: Bucket) -> None:
        super().__init__(text, retry_after_s)
        self.bucket = bucket


class Lease(Protocol):
    """A right that only one process has at a time."""

    @property
    def held(self) -> bool: ...


class Leases(Protocol):
    """Lent to adapters whose platform allows only one reader at a time."""

    def hold(self, name: str) -> AbstractAsyncContextManager[Lease]:
        """Wait until *name* is ours. It is renewed until the block ends or it is lost."""
        ...


class Spare(Protocol):
    """Lent to adapters for calls that nobody waits for. They take tokens as all calls do."""

    async def make(
        self,
        buckets: Sequence[Bucket],
        call: Callable[[], Awaitable[object]],
        *,
        owed: bool = False,
    ) -> None:
        """Make *call* if each of *buckets* has a spare token; if it is *owed*, in any case.

        A `PlatformError` is not raised. The budget learns from a refusal.
        """
        ...


class Secret(Protocol):
    """Lent to adapters that sign something. It is the same in all processes and after a restart."""

    async def value(self) -> str: ...

    async def replace(self) -> None:
        """Make a new secret. Everything that the old one signed becomes invalid."""
        ...


class Talk(msgspec.Struct, frozen=True):
    """A person's own conversation on *platform*: questions and answers with their times."""

    platform: str
    said: tuple[tuple[str, str, float], ...]


class Visits(Protocol):
    """Lent to a page where people of other platforms may be who they are there.

    They come by a link that they asked for on their platform. What is awaited raises `StoreError`.
    """

    def open(self) -> None:
        """The page is there, so people may ask for a link."""
        ...

    async def begin(self, link: str) -> str:
        """What the browser of who holds *link* keeps. Empty: it is no link, or is used up."""
        ...

    async def person(self, cookie: str) -> Sender | None:
        """Who holds *cookie*, if they may still ask."""
        ...

    def ending_of(self, person: str) -> str:
        """What the name of *person* among the visitors ends with, so that it says whose guest it
        is, where that matters for where their conversations are kept. Raises nothing.
        """
        ...

    async def leave(self, cookie: str) -> None:
        """Sign out."""
        ...

    async def talks(self, person: str) -> list[Talk]:
        """The conversations that *person* has with us in private on their platform."""
        ...


class Safe(Protocol):
    """Lent to adapters that keep secrets of others, such as tokens. All processes share it, and it
    is encrypted. Every method raises `StoreError`.
    """

    async def all(self) -> Mapping[str, bytes | None]:
        """Each entry; None: it is there, but not readable with our keys."""
        ...

    async def get(self, name: str) -> bytes | None: ...

    async def put(self, name: str, value: bytes) -> None: ...

    async def remove(self, name: str) -> None: ...

    def news(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The name of each entry that any process changes from now on. One may get lost."""
        ...

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        """Wait until nobody else is in such a block for *name*, for a minute at most."""
        ...

    async def redeem(self, ticket: str, seconds: int) -> bool:
        """Whether nobody redeemed *ticket* in the last *seconds*; of many, the newest are known."""
        ...

    async def settle(self, ticket: str, value: str, seconds: int, *, anew: bool = False) -> str:
        """The value that any process settled first for *ticket*; *anew*: from now on *value*.

        It holds until nobody asked for *seconds*.
        """
        ...


class Hosts(Protocol):
    """Lent to a platform whose tenants come and go by themselves, such as installed workspaces."""

    @property
    def platforms(self) -> Mapping[str, Platform]:
        """All that are served, by name."""
        ...

    @property
    def troubles(self) -> MutableMapping[str, str]:
        """Why what serves several tenants does not work, by platform, for the operator."""
        ...

    @property
    def lost(self) -> Collection[str]:
        """Those that had started, and whose credentials were then refused."""
        ...

    async def change(self, go: Collection[str], come: Sequence[Platform]) -> None:
        """Let the platforms named *go* leave, and those of *come* serve."""
        ...

    async def name_of(self, kind: str, bot: str) -> str:
        """The name of the tenant that *bot* of the platform *kind* is. Raises `StoreError`."""
        ...

    async def own(self, name: str, person: Sender) -> None:
        """Make *person* the owner of the tenant *name*, if it has none. Raises `StoreError`."""
        ...

    def also(
        self,
        routes: Iterable[web.AbstractRouteDef],
        jobs: Iterable[Callable[[], Coroutine[Any, Any, None]]],
    ) -> None:
        """Serve *routes* too, and do *jobs* again and again. To be called before the start."""
        ...


Known = Callable[[str, str], Awaitable[None]]
"""Lent to adapters that learn only when they start whose credentials they have: keeps that the
tenant is that bot. Raises `PlatformError`: it is another one. Raises `StoreError`."""


class Overhears(Protocol):
    """Lent to adapters for which it costs something to tell the core of a message."""

    async def __call__(self, conversation: ConversationId, /) -> bool:
        """Whether the core wants what is said to nobody in particular in *conversation*.

        Raises:
            StoreError: the store is away.
        """
        ...


class Recent(Protocol):
    """Lent to adapters whose platform sends one gesture of a person as several messages."""

    async def look(self, name: str, value: bytes = b"") -> Sequence[bytes]:
        """Keep *value* for some minutes, unless it is empty.

        Returns:
            All recent values that any process kept under *name*, oldest first, with *value*.

        Raises:
            StoreError: the store is away.
        """
        ...


class PostLog(Protocol):
    """Lent to adapters whose platform keeps no posts itself.

    A post log is an ordered map of opaque values. All replicas share it, and can watch it. It is
    forgotten after `HISTORY_TTL` without a change.
    """

    async def put(self, log_name: str, value: bytes, key: int | None = None) -> int:
        """Append *value*, or replace the value of *key*. Returns the key (1, 2, 3, ...)."""
        ...

    async def grow(self, log_name: str, value: bytes, key: int) -> None:
        """Replace the value of *key*, which will change again soon.

        Who watches is told at once. It is kept a second later, if no newer value is there by then.
        """
        ...

    async def get(self, log_name: str, key: int) -> bytes | None: ...

    async def remove(self, log_name: str, key: int) -> None: ...

    async def read(self, log_name: str) -> list[tuple[int, bytes]]:
        """All values in the order of their keys."""
        ...

    async def keys(self, log_name: str) -> list[int]:
        """All keys in their order."""
        ...

    def watch(
        self, log_name: str
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[int, bytes | None]]]:
        """Each change from now on: the key, and the new value (None: removed)."""
        ...
