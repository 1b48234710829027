"""What providers do differently, as data. Their host tells who they are; settings may overrule.

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
from core.models.ways import Thoughts, Ways

Continues = Literal["no", "prefix", "final_message", "prefill", "event_id"]
"""How a provider continues an interrupted answer: not at all; with `"prefix": true` in the last
message (DeepSeek, Mistral); with `"continue_final_message": true` (vLLM); if the last message is
the assistant's (Anthropic, also through gateways); or behind the event named by `Last-Event-ID`
(gateways that number their events)."""


Shape = Literal["openai", "responses", "anthropic", "qianfan"]


class Provider(msgspec.Struct, frozen=True):
    """One provider's ways.

    Args:
        host: what the base URL's host ends with.
        continues: how an interrupted answer is continued.
        continues_at: the base URL for that, if it is a different one.
        max_tokens: the name of the field that limits the answer's length.
        key_header: the header of the key, if it is no bearer token.
        bearer: whether the key is also sent as a bearer token.
        headers: other headers of each call.
        shape: the shape of the request and of the stream, one of `core/models/shapes.py`.
        thinking: how the limit for thinking is sent; empty if there is none.
        thoughts: how thinking goes back with the results of tools, as in `Ways`.
        signs: whether a call goes back with a signature (Gemini).
        searches: the shape in which it searches the web for its models; empty if it does not.
        paints: whether it has OpenAI's API for pictures, as far as known.
        nine: whether the ids of calls have nine letters and digits, and no text stands beside calls
            (Mistral).
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
    thoughts: Thoughts = ""
    signs: bool = False
    nine: bool = False
    searches: Shape | Literal[""] = ""
    paints: bool = True


_VERSION = (("anthropic-version", "2023-06-01"),)
KNOWN = (
    Provider(
        "api.deepseek.com",
        "prefix",
        "https://api.deepseek.com/beta",
        thoughts="empty",
        paints=False,
    ),
    Provider("api.mistral.ai", "prefix", nine=True, paints=False),
    *(
        Provider(host, thoughts="space", paints=False)
        for host in ("api.moonshot.cn", "api.moonshot.ai")
    ),
    Provider("aip.baidubce.com", shape="qianfan", paints=False),
    *(Provider(host, paints=False) for host in ("api.groq.com", "api.perplexity.ai")),
    Provider("openrouter.ai", thinking="reasoning", thoughts="as_it_was"),
    Provider("dashscope.aliyuncs.com", thinking="thinking_budget"),
    Provider("dashscope-intl.aliyuncs.com", thinking="thinking_budget"),
    Provider("generativelanguage.googleapis.com", thinking="thinking_config", signs=True),
    Provider(
        "api.anthropic.com",
        "prefill",
        key_header="x-api-key",
        headers=_VERSION,
        shape="anthropic",
        searches="anthropic",
        paints=False,
    ),
    # OpenAI's newer models refuse `max_tokens`.
    # In a chat completion only its search models search.
    Provider("api.openai.com", max_tokens="max_completion_tokens", searches="responses"),
    *(
        Provider(host, max_tokens="max_completion_tokens", key_header="api-key")
        for host in ("openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com")
    ),
)


_NO_PREFILL = re.compile(r"claude-(?:[a-z]+-)?(?:4[.-][6-9]|[5-9]|\d\d)(?!\d{3})")
"""Since 4.6 Claude answers `This model does not support assistant message prefill`.
Source: Anthropic's migration guide, autumn 2026."""


def continues_with(provider: Provider, model: str) -> Continues:
    """How *model* continues an answer. Models of the same provider may differ."""
    if provider.continues == "prefill" and _NO_PREFILL.search(model):
        return "no"
    return provider.continues


_ENDS: tuple[tuple[str, str, Shape], ...] = (
    ("/chat/completions", "", "openai"),
    ("/responses", "", "responses"),
    ("/messages", "", "anthropic"),
    # DeepSeek, Moonshot, Z.ai, MiniMax and Azure offer this shape here, beside OpenAI's.
    ("/anthropic", "/anthropic/v1", "anthropic"),
    ("/anthropic/v1", "/anthropic/v1", "anthropic"),
)
"""The end of a call's address, the end of the base URL that belongs to it, and the shape."""


class Place(NamedTuple):
    """Where calls go: *base_url*, and their *shape* if the address shows it."""

    base_url: str
    shape: Shape | None


def place_of(url: str) -> Place:
    """The place that *url* means. People copy it with or without the path of the call."""
    url = url.rstrip("/")
    path = urlsplit(url).path
    for ending, instead, shape in _ENDS:
        if path.endswith(ending):
            return Place(url.removesuffix(ending) + instead, shape)
    return Place(url, None)


def provider_at(
    base_url: str, continues: Continues | None = None, shape: Shape | None = None
) -> Provider:
    """The provider whose API is at *base_url*. An unknown one has the usual ways.

    Args:
        continues: how it continues an answer, if the operator sets it.
        shape: its shape, if the operator sets it or the address shows it.
    """
    host = urlsplit(base_url).hostname or ""
    known = (one for one in KNOWN if host == one.host or host.endswith(f".{one.host}"))
    provider = next(known, Provider(host))
    shape = shape or place_of(base_url).shape
    if shape == "anthropic" and provider.shape != shape:
        # A gateway. Some take the key in Anthropic's header, others as a bearer token.
        provider = Provider(
            host, key_header="x-api-key", bearer=True, headers=_VERSION, shape="anthropic"
        )
    elif shape is not None:
        provider = msgspec.structs.replace(provider, shape=shape)
    if continues is None:
        return provider
    return msgspec.structs.replace(provider, continues=continues)


class Deadlines(msgspec.Struct, frozen=True):
    """How many seconds to wait for the connection, the first data, more data, and the end.

    A keep-alive counts as data.
    """

    connect: float = 10.0
    first: float = 180.0
    silence: float = 60.0
    whole: float = 1800.0


class Endpoint(msgspec.Struct, frozen=True):
    """Where a model is, and how it is asked.

    Args:
        base_url: its address, without `/chat/completions`.
        more_headers: headers that the operator adds to each call.
        extra: fields that the operator adds to each request.
        ways: what the operator knows about the model.
        options: options by OpenAI's names. A request's own options count more.
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
        """The headers of a call to *url*. Only our own endpoint gets the key and added headers."""
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
