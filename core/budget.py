"""Tokens for calls to the platforms: so many calls in so many seconds, shared by all processes.

A bucket begins with as many tokens as the platform promises. Then the budget finds out whether the
place allows more. It lets one call go a little early. If the platform answers at once, the call
has passed, and the budget plans with the most that anybody ever saw pass in such a place; it still
tries each new rate with one call at a time. If the platform refuses the call or answers late, the
budget tries no more for `TRY_AGAIN_S`. In the same way it finds places that allow less. Places of
one kind begin with what was found in another of them. `core.buckets` is the law.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from core.platform import Bucket

Call = Literal["final", "first", "preview", "nicety"]
"""What a token is for, the most urgent first. A token goes to the most urgent call that waits."""

URGENCY: dict[Call, int] = {"final": 0, "first": 1, "preview": 2, "nicety": 3}
LOOK_AGAIN_S = 1.0
"""A call that waits for a token asks again at least this often."""


class Grant(NamedTuple):
    """The budget's answer to `take`.

    Attributes:
        wait_s: 0.0 if a token of each bucket was taken, else after how long to ask again.
        levels: how many more such calls each bucket would let pass; below 1 if none.
        speeds: how many tokens a second come back to each bucket, if it refills; else 0.
        early: by how many seconds each token was taken early, compared with what is known to
            pass; empty if none was.
        alone: whether this is the first call after a refusal.
    """

    wait_s: float
    levels: Sequence[float] = ()
    speeds: Sequence[float] = ()
    early: Sequence[float] = ()
    alone: bool = False

    @property
    def wants_report(self) -> bool:
        """Whether the budget must be told how the call went."""
        return self.alone or any(self.early)


class Budget(Protocol):
    """Gives out tokens. All processes share them."""

    async def take(self, buckets: Sequence[Bucket], call: Call, *, growing: int = 1) -> Grant:
        """Take one token of each of *buckets*, or none.

        *growing*: how many answers in the place of the first bucket still need a final text.
        """
        ...

    async def passed(self, buckets: Sequence[Bucket], grant: Grant, took_s: float) -> None:
        """Note that the platform answered the call for *grant* after *took_s*."""
        ...

    async def refused(self, buckets: Sequence[Bucket], grant: Grant, seconds: float) -> None:
        """Note that the call for *grant* was refused. No call may be made there for *seconds*."""
        ...

    async def hold(self, bucket: Bucket, seconds: float) -> None:
        """Give no token of *bucket* for *seconds*. The budget learns nothing from this."""
        ...
