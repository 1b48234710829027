"""What providers do differently, as data: recognised by their host, changed by a setting.

Sources: the providers' API references, read in autumn 2026; vLLM's
"OpenAI-compatible server" for `continue_final_message`.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from core import __version__
from core.credentials import Credential
from core.models.ways import Ways

Continues = Literal["no", "prefix", "final_message", "prefill", "event_id"]
"""How a provider goes on with an answer that it has begun: not at all; by `"prefix": true` in the
last message (DeepSeek, Mistral); by `"continue_final_message": true` (vLLM); because the last
message is an assistant's (Anthropic, also through gateways); or, asked again with `Last-Event-ID`,
behind that event (gateways that number their events)."""


Shape = Literal["openai", "responses", "anthropic", "qianfan"]


class Provider(msgspec.Struct, frozen=True):
    """One provider's ways.

    Args:
        host: what the base URL's host ends with.
        continues: how an interrupted answer is continued.
        continues_at: the base URL for that, where it is another one.
        max_tokens: what the limit of the answer's length is called.
        key_header: the header of the key, where it is no bearer token.
        bearer: whether it is a bearer token besides.
        headers: what else each call carries.
        shape: of the request and of the stream, one of `core/models/shapes.py`.
        thinking: how it is told the most tokens to think with; empty: it cannot be told.
    """

    host: str
    continues: Continues = "no"
    continues_at: str = ""
    max_tokens: str = "max_tokens"
    key_header: str = ""
    bearer: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    shape: Shape = "openai"
    thinking: Literal["", "reasoning", "thinking_budget", "thinking_config"] = ""


_VERSION = (("anthropic-version", "2023-06-01"),)
KNOWN = (
    Provider("api.deepseek.com", "prefix", "https://api.deepseek.com/beta"),
    Provider("api.mistral.ai", "prefix"),
    Provider("aip.baidubce.com", shape="qianfan"),
    Provider("openrouter.ai", thinking="reasoning"),
    Provider("dashscope.aliyuncs.com", thinking="thinking_budget"),
    Provider("dashscope-intl.aliyuncs.com", thinking="thinking_budget"),
    Provider("generativelanguage.googleapis.com", thinking="thinking_config"),
    Provider(
        "api.anthropic.com",
        "prefill",
        key_header="x-api-key",
        headers=_VERSION,
        shape="anthropic",
    ),
    # Its newer models refuse `max_tokens`.
    Provider("api.openai.com", max_tokens="max_completion_tokens"),
    *(
        Provider(host, max_tokens="max_completion_tokens", key_header="api-key")
        for host in ("openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com")
    ),
)


_NO_PREFILL = re.compile(r"claude-(?:[a-z]+-)?(?:4[.-][6-9]|[5-9]|\d\d)(?!\d{3})")
"""Claude since 4.6 answers `This model does not support assistant message prefill`.
Source: Anthropic's migration guide, autumn 2026."""


def continues_with(provider: Provider, model: str) -> Continues:
    """How *model* goes on with an answer: of one provider, some do and some do not."""
    if provider.continues == "prefill" and _NO_PREFILL.search(model):
        return "no"
    return provider.continues


_ENDS: tuple[tuple[str, str, Shape], ...] = (
    ("/chat/completions", "", "openai"),
    ("/responses", "", "responses"),
    ("/messages", "", "anthropic"),
    # DeepSeek, Moonshot, Z.ai, MiniMax and Azure speak it there, beside OpenAI's.
    ("/anthropic", "/anthropic/v1", "anthropic"),
    ("/anthropic/v1", "/anthropic/v1", "anthropic"),
)
"""How the address of a call ends, what the base URL ends with then, and its shape."""


class Place(NamedTuple):
    """Where calls go: *base_url*, and the *shape* that they have there, if the address says so."""

    base_url: str
    shape: Shape | None


def place_of(url: str) -> Place:
    """What *url* says, which people copy with or without the path of the call."""
    url = url.rstrip("/")
    path = urlsplit(url).path
    for ending, instead, shape in _ENDS:
        if path.endswith(ending):
            return Place(url.removesuffix(ending) + instead, shape)
    return Place(url, None)


def provider_at(
    base_url: str, continues: Continues | None = None, shape: Shape | None = None
) -> Provider:
    """The provider whose API is at *base_url*; one without any ways of its own if unknown.

    *continues*: how it goes on with an answer, where the operator knows better; *shape*: where
    it, or the address, says that.
    """
    host = urlsplit(base_url).hostname or ""
    known = (one for one in KNOWN if host == one.host or host.endswith(f".{one.host}"))
    provider = next(known, Provider(host))
    shape = shape or place_of(base_url).shape
    if shape == "anthropic" and provider.shape != shape:
        # A gateway: some take the key as Anthropic does, some as everybody else.
        provider = Provider(
            host, key_header="x-api-key", bearer=True, headers=_VERSION, shape="anthropic"
        )
    elif shape is not None:
        provider = msgspec.structs.replace(provider, shape=shape)
    if continues is None:
        return provider
    return msgspec.structs.replace(provider, continues=continues)


class Deadlines(msgspec.Struct, frozen=True):
    """How long to wait, in seconds: for a connection, for the first sign of life, for the next
    one, and for the end of the answer. A keep-alive is a sign of life.
    """

    connect: float = 10.0
    first: float = 180.0
    silence: float = 60.0
    whole: float = 1800.0


class Endpoint(msgspec.Struct, frozen=True):
    """Where a model is: *base_url* ends before `/chat/completions`.

    *more_headers*: what the operator wants each call to carry; *extra*: what each request;
    *ways*: what the operator knows of the model; *options*: what each request says, by OpenAI's
    names, unless it says something else itself.
    """

    base_url: str
    api_key: str
    model: str
    provider: Provider = Provider("")
    more_headers: tuple[tuple[str, str], ...] = ()
    extra: Mapping[str, Any] = {}
    ways: Ways = Ways()
    deadlines: Deadlines = Deadlines()
    options: Mapping[str, Any] = {}

    def headers_to(self, url: str) -> dict[str, str]:
        """What a call to *url* carries; the key, and what the operator adds, only at our place."""
        sent = {"User-Agent": f"palaver/{__version__}", **dict(self.provider.headers)}
        if self.provider.shape != "qianfan" and self.api_key:
            name = self.provider.key_header or "Authorization"
            key = self.api_key if self.provider.key_header else f"Bearer {self.api_key}"
            own = (*self.more_headers, (name, key))
            if self.provider.bearer:
                own = (("Authorization", f"Bearer {self.api_key}"), *own)
        else:
            own = self.more_headers
        for place in (self.base_url, self.provider.continues_at):
            if place and (found := Credential(own, place).to(url)):
                return sent | found
        return sent
