"""The parameters that the operator chooses for a model or a persona.

They become the `options` of a request, by OpenAI's names. Each shape translates them for its API.
"""

from typing import Annotated, Any

import msgspec

THINKING = "thinking_tokens"
CACHE = "cache"
OWN = frozenset((THINKING, CACHE))
"""Options of our own, which no API knows. Each shape translates them or leaves them out."""


Freedom = Annotated[float, msgspec.Meta(ge=0, le=100)]
"""More than any API takes, and a number that JSON can hold."""


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Parameters of a request. One that is not chosen is not sent.

    Args:
        temperature, top_p: how freely it chooses its words.
        reasoning_effort: how much it thinks, by the API's word (`low`, `high`, ...).
        thinking_tokens: how much it thinks, in tokens.
        verbosity: how much it says (`low`, `medium`, `high`).
        service_tier: how fast, at what price (`flex`, `priority`, ...).
        cache: whether the part that stays the same is marked for the cache (Anthropic).
    """

    temperature: Freedom | None = None
    top_p: Freedom | None = None
    reasoning_effort: str = ""
    thinking_tokens: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    verbosity: str = ""
    service_tier: str = ""
    cache: bool = False

    @property
    def options(self) -> dict[str, Any]:
        chosen: dict[str, Any] = msgspec.to_builtins(self)
        return chosen


def read_parameters(text: str) -> Parameters:
    """The parameters in *text*, such as `temperature=0.2, reasoning_effort=high`.

    Raises:
        ValueError: *text* cannot be read.
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    said = {name.strip(): value.strip() for name, _, value in pairs}
    return msgspec.convert(said, Parameters, strict=False)
