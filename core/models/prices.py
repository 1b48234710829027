"""What the tokens of a model cost: as the operator says, as its provider bills, or as is known.

Prices that are known come with a library that is kept up to date and needs no network: with
tiers, caches and hours of the day. What nobody knows is said to be unknown, and not to be free.
"""

import asyncio
import ipaddress
from urllib.parse import urlsplit

import msgspec


class Usage(msgspec.Struct, frozen=True, gc=False):
    """placeholder"""


class Price(msgspec.Struct, frozen=True, gc=False):
    """The price of *model* at *base_url*.

    Args:
        listed: the operator's own: dollars for a million tokens read, cached, written; or none.
    """

    listed: tuple[float, ...] = ()
    base_url: str = ""
    model: str = ""

    def cost_usd(self, usage: Usage) -> float | None:
        """What *usage* costs now; None where nobody knows."""
        if self.listed:
            return usage.cost_usd(self.listed)
        if usage.billed_usd:
            return usage.billed_usd
        if not self.base_url or _at_home(self.base_url):
            return 0.0
        return _known(self, usage)


async def prepare() -> None:
    """Read the list of prices, which takes a moment, beside the loop."""
    await asyncio.to_thread(_known, Price((), "https://api.openai.com/v1", "gpt-4o"), Usage())


def _at_home(base_url: str) -> bool:
    """Whether nobody is paid there: it is a machine of the operator's own."""
    host = urlsplit(base_url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host


def _known(price: Price, usage: Usage) -> float | None:
    import genai_prices  # noqa: PLC0415 - it takes 0.2 s, and only who pays needs it

    counted = genai_prices.Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        found = genai_prices.calc_price(counted, price.model, provider_api_url=price.base_url)
    except (LookupError, ValueError):
        return None
    return float(found.total_price)
