"""What the tokens of a model cost if the operator sets no price: from a library's list.

The library is well kept and needs no network. It knows tiers, caches and prices that change during
the day. A price that it does not know counts as unknown, not as zero.
"""

import asyncio
import ipaddress
import time
from functools import lru_cache
from urllib.parse import urlsplit

from core.models.chunks import Usage
from core.models.providers import Endpoint

MILLION = 1_000_000
HOUR_S = 3600
_EACH = (
    Usage(prompt_tokens=MILLION),
    Usage(prompt_tokens=MILLION, cached_tokens=MILLION),
    Usage(completion_tokens=MILLION),
)


async def prepare() -> None:
    """Read the list in a thread, because it takes 0.2 s."""
    await asyncio.to_thread(_known, "https://api.openai.com/v1", "gpt-4o", Usage())


def cost_of(endpoint: Endpoint, model: str, usage: Usage) -> float | None:
    """Dollars for *usage* of *model*, now; None if the price is not known."""
    if at_home(endpoint):
        return 0.0
    return _known(endpoint.base_url, model, usage)


def price_of(endpoint: Endpoint, model: str) -> tuple[float, ...]:
    """Dollars for a million tokens now: read, cached, written. Empty if not known."""
    if at_home(endpoint):
        return (0.0, 0.0, 0.0)
    return _price(endpoint.base_url, model, int(time.time()) // HOUR_S)


@lru_cache(maxsize=1_000)
def _price(base_url: str, model: str, hour: int) -> tuple[float, ...]:
    """As `price_of`, in the given *hour*: some prices change during the day."""
    found = [_known(base_url, model, usage) for usage in _EACH]
    return tuple(cost for cost in found if cost is not None) if None not in found else ()


def at_home(endpoint: Endpoint) -> bool:
    """Whether calls cost nothing, because the machine is the operator's own."""
    return _at_home(endpoint.base_url)


@lru_cache(maxsize=1_000)
def _at_home(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host


def _known(base_url: str, model: str, usage: Usage) -> float | None:
    import genai_prices  # noqa: PLC0415 - it takes 0.2 s, and only who pays needs it

    counted = genai_prices.Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        found = genai_prices.calc_price(counted, model, provider_api_url=base_url)
    except (LookupError, ValueError):
        return None
    return float(found.total_price)
