"""Reads what a call cost from the providers' fields. In doubt it counts more, not less.

Sources: the API references of OpenAI, Anthropic, DeepSeek, Moonshot, xAI, Groq, OpenRouter,
Perplexity, Gemini and Ollama, read in autumn 2026.
"""

from collections.abc import Mapping

from core.models.chunks import Usage
from core.models.loose import amount_of, count_of, record

HOUR_LONG = 4
"""To cache a token for an hour costs so many times as much extra as for 5 minutes."""


def usage_of(usage: Mapping[str, object]) -> Usage:
    """The usage in *usage*, which has OpenAI's shape or Ollama's own."""
    asked = _first(usage, "prompt_tokens", "input_tokens", "prompt_eval_count")
    written = _first(usage, "completion_tokens", "output_tokens", "eval_count")
    details = record(usage.get("prompt_tokens_details") or usage.get("input_tokens_details"))
    hit = _first(usage, "prompt_cache_hit_tokens", "cached_tokens")
    cached = max(count_of(details.get("cached_tokens")), hit)
    # DeepSeek: the tokens read are those found in the cache and those not found.
    asked = max(asked, hit + count_of(usage.get("prompt_cache_miss_tokens")), cached)
    # xAI and Gemini count thinking in the total, but not in the tokens written.
    written = max(written, count_of(usage.get("total_tokens")) - asked if asked else 0)
    # If there is more thinking than writing, thinking is not part of the written tokens.
    more = record(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    thought = max(count_of(more.get("reasoning_tokens")), _first(usage, "reasoning_tokens"))
    said = _first(usage, "completion_tokens", "output_tokens")
    written = max(written, said + thought if thought > said else 0)
    cost = usage.get("cost")
    # Perplexity: an object; OpenRouter: a number.
    billed = amount_of(record(cost).get("total_cost") if isinstance(cost, dict) else cost)
    kept = count_of(details.get("cache_write_tokens"))
    return Usage(asked, written, cached, kept, billed)


def anthropic_usage(usage: Mapping[str, object]) -> Usage:
    """The usage in *usage* of Anthropic's shape. Three fields hold the tokens read."""
    cached = count_of(usage.get("cache_read_input_tokens"))
    kept = count_of(usage.get("cache_creation_input_tokens"))
    for_an_hour = count_of(record(usage.get("cache_creation")).get("ephemeral_1h_input_tokens"))
    return Usage(
        count_of(usage.get("input_tokens")) + cached + kept,
        count_of(usage.get("output_tokens")),
        cached,
        kept + (HOUR_LONG - 1) * min(for_an_hour, kept),
        searches=count_of(record(usage.get("server_tool_use")).get("web_search_requests")),
    )


def _first(usage: Mapping[str, object], *names: str) -> int:
    return max(count_of(usage.get(name)) for name in names)
