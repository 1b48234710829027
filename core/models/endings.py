"""Why an answer ended: translates the providers' words into ours.

Sources: the API references of OpenAI, Anthropic, DeepSeek (`insufficient_system_resource`),
Zhipu (`network_error`, `sensitive`), Mistral (`model_length`), Gemini (`SAFETY`, `RECITATION`),
vLLM and SGLang (`abort`), Cohere (`ERROR_TOXIC`, `ERROR_LIMIT`); read in autumn 2026.
"""

from collections.abc import Mapping
from typing import Literal

from core.errors import Refused

Ending = Literal["stop", "length", "filter", "tools", "pause", "broken"]
"""In this order: the answer is whole; it reached a limit; the rest was withheld; the model wants a
tool; it wants a pause; the provider broke down."""

_WORDS: Mapping[Ending, frozenset[str]] = {
    "length": frozenset(
        (
            *("length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length"),
            *("model_context_window_exceeded", "context_length_exceeded", "token_limit"),
            *("error_limit", "incomplete"),
        )
    ),
    "filter": frozenset(
        (
            *("content_filter", "content_filtered", "content_policy", "refusal", "safety"),
            *("recitation", "sensitive", "blocklist", "prohibited_content", "spii", "image_safety"),
            *("guardrail_intervened", "error_toxic", "moderation", "risk"),
        )
    ),
    "tools": frozenset(("tool_calls", "tool_call", "tool_use", "function_call")),
    "pause": frozenset(("pause_turn",)),
    "broken": frozenset(
        (
            *("error", "network_error", "insufficient_system_resource", "abort", "aborted"),
            *("cancelled", "canceled", "timeout", "failed", "server_error", "engine_error"),
            *("load", "unload", "interrupted", "malformed_function_call", "internal_error"),
        )
    ),
}


_WHOLE = frozenset(
    ("stop", "end_turn", "stop_sequence", "eos", "eos_token", "stop_token", "complete", "completed")
)
_FAMILIES: tuple[tuple[Ending, tuple[str, ...]], ...] = (
    ("tools", ("tool", "function_call")),
    ("filter", ("safety", "filter", "prohibit", "block", "policy", "sensitive", "recitation")),
    ("broken", ("error", "malformed", "fail", "abort", "cancel", "timeout", "unavailable")),
    ("length", ("length", "max_", "limit", "token", "truncat")),
)
"""The meaning of parts of unknown words. Providers make new words of the same parts."""


def ending_of(word: str) -> Ending:
    """The ending that *word* means. An unknown word means `stop`."""
    word = word.strip().lower().replace("-", "_").removeprefix("finishreason.")
    word = word.removeprefix("finish_reason_")
    known = next((ending for ending, words in _WORDS.items() if word in words), None)
    if known is not None or word in _WHOLE:
        return known or "stop"
    parts = ((ending, any(part in word for part in parts)) for ending, parts in _FAMILIES)
    return next((ending for ending, found in parts if found), "stop")


def judge(text: str, ending: Ending, *, thought: bool) -> None:
    """Check an answer that has ended. *thought*: whether the model sent any thinking.

    Raises:
        Refused: it holds no answer. The error says why.
    """
    if text.strip():
        return
    match ending:
        case "filter":
            raise Refused("the provider withheld the answer", "policy")
        case "tools":
            raise Refused("the model only called tools", "tools")
        case _ if thought or ending == "length":
            raise Refused("the model only thought", "thinking")
        case _:
            raise Refused("the model returned nothing", "empty")
