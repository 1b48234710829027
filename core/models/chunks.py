"""The deltas of an answer's stream. They are the same for every provider."""

from collections.abc import Sequence

import msgspec

from core.errors import ModelError
from core.models.endings import Ending
from core.models.tool_calls import Calls

WRITING_TO_CACHE = 0.25
"""A token written into a cache costs this part more than one read (Anthropic, for 5 minutes)."""

SEARCH_USD = 0.01
"""What one search by the provider costs (Anthropic, OpenAI: 10 dollars for a thousand)."""


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """More of the answer."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True, gc=False):
    """More of the model's thinking. It is not part of the answer."""

    text: str


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What the call cost so far, in tokens. Each one replaces the one before.

    *prompt_tokens* are all tokens that were read. Of these, *cached_tokens* came from a cache, and
    *cache_write_tokens* were written into one. *billed_usd* is the provider's own bill, or 0.
    *searches*: how often the provider has searched the web.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    billed_usd: float = 0.0
    searches: int = 0

    def cost_usd(self, price: Sequence[float]) -> float:
        """The provider's bill in dollars, else the cost at *price*.

        *price* is empty, or dollars for a million tokens: read, cached, written.
        """
        searched = SEARCH_USD * self.searches
        if self.billed_usd or not price:
            return self.billed_usd or searched
        read, cached, written = price
        new = self.prompt_tokens - self.cached_tokens + WRITING_TO_CACHE * self.cache_write_tokens
        tokens = new * read + self.cached_tokens * cached + self.completion_tokens * written
        return tokens / 1e6 + searched

    @classmethod
    def of(cls, error: ModelError) -> "Usage":
        """The usage that was billed before *error*."""
        return cls(*map(int, error.billed[:4]), *error.billed[4:5], *map(int, error.billed[5:]))

    def told_by(self, error: ModelError) -> None:
        """Store this usage in *error*, where `of` reads it."""
        if self != Usage():
            error.billed = msgspec.structs.astuple(self)

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.billed_usd + other.billed_usd,
            self.searches + other.searches,
        )

    def __or__(self, later: "Usage") -> "Usage":
        """The usage of one call from two reports. A later report takes no number back."""
        return Usage(
            max(self.prompt_tokens, later.prompt_tokens),
            max(self.completion_tokens, later.completion_tokens),
            max(self.cached_tokens, later.cached_tokens),
            max(self.cache_write_tokens, later.cache_write_tokens),
            max(self.billed_usd, later.billed_usd),
            max(self.searches, later.searches),
        )


class SpentBefore(msgspec.Struct, frozen=True, gc=False):
    """What tries before this one cost, of any model. `Usage` tells only of the one that follows."""

    usage: Usage


class AnsweredBy(msgspec.Struct, frozen=True, gc=False):
    """Names the model that answers, and its price (see `core.models.router.Route`)."""

    model: str
    price: tuple[float, ...] = ()


class FromMemory(msgspec.Struct, frozen=True, gc=False):
    """The deltas after this one come from memory and cost nothing."""


class Withdrawn(msgspec.Struct, frozen=True, gc=False):
    """The text so far is taken back."""


class Source(msgspec.Struct, frozen=True):
    """A page that an answer cites. *title* may be empty."""

    url: str
    title: str = ""


class Cited(msgspec.Struct, frozen=True):
    """The pages that the answer cites so far, in order. `[1]` is the first of them."""

    sources: tuple[Source, ...]


class Searched(msgspec.Struct, frozen=True, gc=False):
    """The provider searches the web for this answer."""


class Blind(msgspec.Struct, frozen=True, gc=False):
    """The model cannot see pictures, so it was asked without them."""


class Finished(msgspec.Struct, frozen=True, gc=False):
    """The model ended its answer."""

    reason: Ending


Delta = (
    TextDelta
    | ReasoningDelta
    | Usage
    | SpentBefore
    | AnsweredBy
    | FromMemory
    | Withdrawn
    | Cited
    | Searched
    | Blind
    | Calls
    | Finished
)
