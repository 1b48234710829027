"""Chooses the chat model: those of the file, else that of the settings, an Ollama, or the demo."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from msgspec.structs import replace

from core.budget import Budget
from core.credentials import secret_in
from core.errors import ConfigError, ModelError
from core.models.client import ChatClient
from core.models.demo.server import CHAT_MODEL
from core.models.learned import Lessons
from core.models.measured import MeasuredModel
from core.models.model_list import first_model
from core.models.palaver_file import ModelEntry, PalaverFile
from core.models.parameters import read_parameters
from core.models.picture_links import PictureLinks
from core.models.providers import Deadlines, Endpoint, place_of, provider_at
from core.models.request import Model
from core.models.retrying import TRIES
from core.models.router import Route, Router
from core.models.ways import Ways
from core.platform import Bucket
from core.secret import shown_url
from core.settings import Settings
from core.telemetry import Metrics
from core.tracing import Tracer

OLLAMA = "http://127.0.0.1:11434/v1"


class Watched(NamedTuple):
    """Where the calls of models are recorded."""

    metrics: Metrics
    tracer: Tracer


class Choice(NamedTuple):
    """*endpoint* belongs to *model*, or to its first model. *kind* says how it was found."""

    model: Model
    endpoint: Endpoint
    kind: str

    @property
    def configured(self) -> bool:
        """Whether the operator chose it. Then its API may also paint and transcribe."""
        return self.kind in ("configured", "file")


async def choose(
    settings: Settings,
    file: PalaverFile,
    session: aiohttp.ClientSession,
    demo_url: Callable[[], Awaitable[str]],
    budget: Budget,
    watched: Watched,
    lessons: Lessons,
    links: PictureLinks | None = None,
) -> Choice:
    """The model of *file*, else of *settings*. *demo_url* starts the demo.

    Raises:
        ConfigError: the model cannot be used as it is configured.
    """
    if not file.model:
        endpoint, kind = await _endpoint(settings, session, demo_url)
        endpoint = replace(
            endpoint,
            deadlines=_deadlines(settings),
            options=_options(settings),
            ways=Ways(links=True if settings.llm_picture_links else None),
        )
        client = ChatClient(session, endpoint, lessons, links=links)
        measured = MeasuredModel(client, endpoint, *watched, settings.llm_price, lessons)
        return Choice(measured, endpoint, kind)
    ways = [
        (entry, *way) for entry in file.model for way in enumerate(_endpoints_of(entry, settings))
    ]
    # If another model can be asked, one try of each is enough.
    tries = TRIES if len(ways) == 1 else 1
    routes = [
        Route(
            entry.name,
            MeasuredModel(
                ChatClient(session, endpoint, lessons, tries, links),
                endpoint,
                *watched,
                entry.price,
                lessons,
            ),
            entry.price,
            entry.at_once,
            _rate(entry, number),
        )
        for entry, number, endpoint in ways
    ]
    return Choice(Router(routes, budget, watched.metrics.failovers), ways[0][2], "file")


def _rate(entry: ModelEntry, number: int) -> Bucket | None:
    """The bucket for the calls a minute of one key of *entry*. *number* counts keys from 0."""
    name = f"model:{entry.name}" + (f":{number}" if number else "")
    return Bucket(name, entry.per_minute, 60) if entry.per_minute else None


async def _endpoint(
    settings: Settings, session: aiohttp.ClientSession, demo_url: Callable[[], Awaitable[str]]
) -> tuple[Endpoint, str]:
    key = settings.llm_api_key.get_secret_value()
    if settings.llm_base_url:
        continues = None if settings.llm_continue == "auto" else settings.llm_continue
        one_key("LLM_BASE_URL", settings.llm_base_url, key)
        base_url, shape = place_of(settings.llm_base_url)
        provider = provider_at(base_url, continues, shape)
        endpoint = Endpoint(base_url, key, settings.llm_model, provider)
        if not endpoint.model:
            try:
                model = await first_model(session, endpoint)
            except ModelError as error:
                text = (
                    f"is not set, and {shown_url(settings.llm_base_url)} cannot say which: {error}"
                )
                raise ConfigError("LLM_MODEL", text) from error
            endpoint = replace(endpoint, model=model)
        return endpoint, "configured"
    if key:
        raise ConfigError("LLM_BASE_URL", "is not set, but LLM_API_KEY is: whose key is it?")
    try:
        async with asyncio.timeout(0.5):
            model = settings.llm_model or await first_model(session, Endpoint(OLLAMA, "", ""))
            return Endpoint(OLLAMA, "", model), "ollama"
    except (ModelError, TimeoutError):
        url = await demo_url()
        return Endpoint(url, "", CHAT_MODEL), "demo"


def _endpoints_of(entry: ModelEntry, settings: Settings) -> list[Endpoint]:
    """An endpoint for each key of *entry*."""
    base_url, shape = place_of(entry.base_url)
    own = {"first": entry.first_s, "silence": entry.silence_s, "whole": entry.whole_s}
    variables = (entry.key,) if isinstance(entry.key, str) else entry.key
    one_key("PALAVER_CONFIG", base_url, "".join(variables))
    return [
        Endpoint(
            base_url,
            secret_in(variable, f"the model {entry.name}"),
            entry.model,
            provider_at(base_url, entry.continues, entry.shape or shape),
            tuple(entry.headers.items()),
            entry.extra,
            entry.ways,
            replace(_deadlines(settings), **{name: one for name, one in own.items() if one}),
            entry.parameters.options,
        )
        for variable in variables
    ]


def one_key(setting: str, base_url: str, key: str) -> None:
    """Raises `ConfigError` if *base_url* holds a password and *key* is set too."""
    if key and has_user(base_url):
        text = "holds a user and a password, and there is a key too: only one of them can be sent"
        raise ConfigError(setting, text)


def has_user(base_url: str) -> bool:
    return urlsplit(base_url).username is not None


def _options(settings: Settings) -> Mapping[str, Any]:
    try:
        return read_parameters(settings.llm_parameters).options
    except ValueError as error:
        raise ConfigError("LLM_PARAMETERS", f"is not understood: {error}") from error


def _deadlines(settings: Settings) -> Deadlines:
    return Deadlines(
        first=settings.llm_first_s, silence=settings.llm_silence_s, whole=settings.llm_whole_s
    )
