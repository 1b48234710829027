"""What a model is to be asked with: the operator's choice for a model, or for a persona.

It becomes the `options` of a request, by OpenAI's names; each shape calls them what its API does.
"""

from typing import Any

import msgspec

THINKING = "thinking_tokens"
CACHE = "cache"
OWN = frozenset((THINKING, CACHE))
"""Names of ours, which no API knows: each shape says them in its own way, or leaves them out."""


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Nothing of it is sent unless it is chosen.

    Args:
        temperature, top_p: how freely it chooses its words.
        reasoning_effort: how much it thinks, in the API's word (`low`, `high`, ...).
        thinking_tokens: how much it thinks, in tokens.
        verbosity: how much it says (`low`, `medium`, `high`).
        service_tier: how fast, at what price (`flex`, `priority`, ...).
        cache: whether what stays the same is marked for the provider's cache (Anthropic).
    """

    temperature: float | None = None
    top_p: float | None = None
    reasoning_effort: str = ""
    thinking_tokens: int = 0
    verbosity: str = ""
    service_tier: str = ""
    cache: bool = False

    @property
    def options(self) -> dict[str, Any]:
        chosen: dict[str, Any] = msgspec.to_builtins(self)
        return chosen


def read_parameters(text: str) -> Parameters:
    """What *text* says: `temperature=0.2, reasoning_effort=high`.

    Raises:
        ValueError: it says something else.
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    said = {name.strip(): value.strip() for name, _, value in pairs}
    return msgspec.convert(said, Parameters, strict=False)
