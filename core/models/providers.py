"""What providers do differently, as data: recognised by their host, changed by a setting.

Sources: the providers' API references, read in autumn 2026; vLLM's
"OpenAI-compatible server" for `continue_final_message`.
"""

from typing import Literal
from urllib.parse import urlsplit

import msgspec

Continues = Literal["no", "prefix", "final_message", "prefill"]
"""How a provider goes on with an answer that it has begun: not at all; by `"prefix": true` in the
last message (DeepSeek, Mistral); by `"continue_final_message": true` (vLLM); or because the last
message is an assistant's (Anthropic, through gateways)."""


class Provider(msgspec.Struct, frozen=True):
    """One provider's ways.

    Args:
        host: what the base URL's host ends with.
        continues: how an interrupted answer is continued.
        continues_at: the base URL for that, where it is another one.
        max_tokens: what the limit of the answer's length is called.
        key_header: the header of the key, where it is no bearer token.
        shape: of the request and of the stream.
    """

    host: str
    continues: Continues = "no"
    continues_at: str = ""
    max_tokens: str = "max_tokens"
    key_header: str = ""
    shape: Literal["openai", "anthropic"] = "openai"


KNOWN = (
    Provider("api.deepseek.com", "prefix", "https://api.deepseek.com/beta"),
    Provider("api.mistral.ai", "prefix"),
    Provider("api.anthropic.com", "prefill", shape="anthropic"),
    # Its newer models refuse `max_tokens`.
    Provider("api.openai.com", max_tokens="max_completion_tokens"),
    Provider("openai.azure.com", max_tokens="max_completion_tokens", key_header="api-key"),
)


def provider_at(base_url: str) -> Provider:
    """The provider whose API is at *base_url*; one without any ways of its own if unknown."""
    host = urlsplit(base_url).hostname or ""
    for provider in KNOWN:
        if host == provider.host or host.endswith(f".{provider.host}"):
            return provider
    return Provider(host)
