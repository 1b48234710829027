"""Tokens for calls to the outside: so many in any so many seconds, for all who call.

A bucket begins with what the platform promises. Beyond that it is tried, one call a little early
at a time. What comes back at once has passed, and then all that anybody ever saw pass is taken to
pass too, one call at a time until it did; what is refused, or comes back late, is not tried again
for `TRY_AGAIN_S`. So a place that allows less than promised is found, and one that allows more
too; and what is found in one is where those like it begin.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from core.platform import Bucket

Call = Literal["final", "first", "preview", "nicety"]
"""What a token is for, the most urgent first: who waits for one goes before all behind it."""

URGENCY: dict[Call, int] = {"final": 0, "first": 1, "preview": 2, "nicety": 3}
LOOK_AGAIN_S = 1.0
"""Who waits for a token asks again so often, at the least."""


class Grant(NamedTuple):
    """What a budget says: *wait_s* is 0.0 when a token of each bucket was taken.

    *levels*: how many such calls more each bucket would let pass; below one where it lets none.
    *speeds*: how many tokens of each come back in a second, where it refills; else 0.
    *early*: by how many seconds each token came too early for what is known to have passed;
    empty where none did. Then, and when *alone* (the first call after a refusal), its end is to
    be told.
    """

    wait_s: float
    levels: Sequence[float] = ()
    speeds: Sequence[float] = ()
    early: Sequence[float] = ()
    alone: bool = False

    @property
    def wants_report(self) -> bool:
        """Whether the budget waits to be told how the call went."""
        return self.alone or any(self.early)


class Budget(Protocol):
    """Where tokens come from; shared by all replicas."""

    async def take(self, buckets: Sequence[Bucket], call: Call, *, growing: int = 1) -> Grant:
        """Take one token of each of *buckets*, or none.

        *growing*: for so many answers, in the place of the first, a final text is still to come.
        """
        ...

    async def passed(self, buckets: Sequence[Bucket], grant: Grant, took_s: float) -> None:
        """The call for *grant* was answered after *took_s*."""
        ...

    async def refused(self, buckets: Sequence[Bucket], grant: Grant, seconds: float) -> None:
        """The call for *grant* was refused: nobody may call there for *seconds*."""
        ...

    async def hold(self, bucket: Bucket, seconds: float) -> None:
        """Nobody may take from *bucket* for *seconds*; nothing is learned from it."""
        ...
