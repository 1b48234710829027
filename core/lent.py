"""What the core lends an adapter that needs it. `bots/plugin.py` hands it on."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

import msgspec

from core.platform import Bucket

Takes = Literal["nothing", "choice", "text", "prompt"]


class CommandInfo(msgspec.Struct, frozen=True):
    """What an adapter may know of a command, to tell it from other words.

    Args:
        takes: what may stand behind it: `nothing`; one of its *choices*; a free `text`; or a
            `prompt`, without which it makes no sense.
        choices: what it takes one of.
        of_place: outside a thread, it is about the place with all its threads.
        for_asker: only the person who gives it needs to read what it says.
    """

    takes: Takes = "nothing"
    choices: tuple[str, ...] = ()
    of_place: bool = False
    for_asker: bool = False


class Lease(Protocol):
    """A right that one process holds at a time."""

    @property
    def held(self) -> bool: ...


class Leases(Protocol):
    """Lent to adapters whose platform allows one reader at a time."""

    def hold(self, name: str) -> AbstractAsyncContextManager[Lease]:
        """Wait until *name* is ours; it is kept alive until the block ends or it is lost."""
        ...


class Spare(Protocol):
    """Lent to adapters for calls that nobody waits for: they take tokens as all calls do."""

    async def make(
        self,
        buckets: Sequence[Bucket],
        call: Callable[[], Awaitable[object]],
        *,
        owed: bool = False,
    ) -> None:
        """Make *call* if each of *buckets* has a token to spare; if it is *owed*, in any case.

        A `PlatformError` of it ends here; from a refusal it is learned.
        """
        ...


class Secret(Protocol):
    """Lent to adapters that sign something: the same in every process, and after a restart."""

    async def value(self) -> str: ...

    async def replace(self) -> None:
        """Make another one: whatever the old one signed is void."""
        ...


class Recent(Protocol):
    """Lent to adapters whose platform tells of one gesture in several messages."""

    async def look(self, name: str, value: bytes = b"") -> Sequence[bytes]:
        """Keep *value*, if it is any, for some minutes.

        Returns:
            What every process kept under *name* lately, the oldest first, *value* included.

        Raises:
            StoreError: the store is away.
        """
        ...


class PostLog(Protocol):
    """Lent to adapters whose platform keeps no posts of its own.

    A post log is an ordered map of opaque values, shared by all replicas, which
    can be watched; it is forgotten after `HISTORY_TTL` without a change.
    """

    async def put(self, log_name: str, value: bytes, key: int | None = None) -> int:
        """Append *value*, or replace what *key* holds; returns its key (from 1, rising)."""
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
        """Each change from now on: its key, and the value (None: removed)."""
        ...
