"""The clients of all providers (chat, pictures, voice), on one pooled session."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from core.budget import Budget
from core.credentials import secret_in
from core.errors import ConfigError, StoreError
from core.images.callbacks import Callbacks, Tasks
from core.images.client import ImageClient
from core.mcp.entry import ServerEntry
from core.models.additions import Additions, joined
from core.models.cache import Memory
from core.models.choice import Choice, Watched, choose, has_user, one_key
from core.models.demo.server import IMAGE_MODEL, demo_server
from core.models.guard import Guard, GuardedModel, Moderation
from core.models.learned import Lessons
from core.models.palaver_file import ModerationEntry, PalaverFile, read_palaver_file
from core.models.picture_links import PictureLinks
from core.models.prices import at_home, prepare
from core.models.providers import Endpoint, provider_at
from core.models.request import Model
from core.models.speech import SpeechClient
from core.models.transcription import TranscriptionClient
from core.net.outside import Outside
from core.people.budgets import Limit, limits_of
from core.people.personas import Personas, Places, personas_of, places_of
from core.renewal import InFile, Kept, Renewal
from core.settings import Settings
from core.tasks import end
from core.telemetry import Metrics
from core.tracing import NoTracer, Tracer

POOL = 1000


@dataclass(frozen=True, slots=True)
class Models:
    """The models in use; *kind* says where the chat model came from."""

    chat: Model
    images: ImageClient
    voice: TranscriptionClient | None
    speech: SpeechClient | None
    personas: Personas
    places: Places
    limits: Sequence[Limit]
    tool_servers: Sequence[ServerEntry]
    kind: str
    renewal: Renewal


@asynccontextmanager
async def open_models(
    settings: Settings,
    budget: Budget,
    later: Callbacks | None = None,
    metrics: Metrics | None = None,
    tracer: Tracer | None = None,
    lessons: Lessons | None = None,
    links: PictureLinks | None = None,
    kept: Kept | None = None,
) -> AsyncIterator[Models]:
    """The configured models, else a local Ollama, else the demo. *budget* counts their calls.

    *metrics* and *tracer* record the calls. *lessons*: what was learned of the models; without it,
    each process learns alone. *links*: addresses of pictures for models that fetch them. *kept*:
    what was added to `palaver.toml`.

    Raises:
        ConfigError: a setting, or the file PALAVER_CONFIG, is wrong.
    """
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(settings.way.session(limit=POOL))
        outside = await stack.enter_async_context(Outside(settings.way))
        demo: str | None = None

        async def demo_url() -> str:
            nonlocal demo
            if demo is None:
                demo = await stack.enter_async_context(demo_server())
            return demo

        watched, taught = Watched(metrics or Metrics(), tracer or NoTracer()), lessons or Lessons()

        async def chosen(file: PalaverFile) -> Choice:
            return await choose(settings, file, session, demo_url, budget, watched, taught, links)

        read = partial(_in_file, settings, session, chosen, kept)
        found = await read(None)
        chat, guard = found.chat, found.guard
        if chat.configured and not at_home(chat.endpoint):
            # In a task, because the start need not wait for it.
            stack.push_async_callback(end, [asyncio.create_task(prepare(), name="prices")])
        if settings.image_base_url or chat.configured:
            painter = _painter(settings, chat.endpoint)
        else:
            painter = Endpoint(await demo_url(), "", settings.image_model or IMAGE_MODEL)
        voice, speech = _voices(settings, chat.endpoint, session)
        guarded = GuardedModel(chat.model, guard)
        yield Models(
            chat=guarded,
            images=ImageClient(session, painter, guard, outside, later),
            voice=voice,
            speech=speech,
            personas=found.personas,
            places=found.places,
            limits=found.limits,
            tool_servers=found.file.tools.server or _of_the_demo(settings, chat.kind),
            kind=chat.kind,
            renewal=Renewal(read, found, guarded, kept),
        )


async def _in_file(
    settings: Settings,
    session: aiohttp.ClientSession,
    chosen: Callable[[PalaverFile], Awaitable[Choice]],
    kept: Kept | None,
    additions: Additions | None,
) -> InFile:
    """As `Renewal.read`. *chosen*: the model that a file leads to.

    Raises:
        ConfigError: the file is wrong, or the *additions*, if they are given.
    """
    file, beside = await asyncio.to_thread(_file, settings)

    async def with_(added: Additions, version: str | None, fault: str = "") -> InFile:
        def read() -> tuple[PalaverFile, Guard, Personas, Places, Sequence[Limit]]:
            whole = joined(file, added)
            personas = dict(personas_of(whole.persona, beside))
            places = dict(places_of(whole.place, beside, personas))
            guard = _guard(settings, whole, beside, session)
            return whole, guard, personas, places, limits_of(settings, whole.budget)

        # Not on the loop: long lists of words take seconds, and so do TOML's keys of many parts.
        whole, guard, personas, places, limits = await asyncio.to_thread(read)
        chat = await chosen(whole)
        return InFile(version, fault, whole, chat, guard, {**personas}, {**places}, limits)

    if additions is not None:
        return await with_(additions, additions.version)
    version, fault = None, ""
    try:
        held = await kept.read() if kept is not None else Additions()
        version = held.version
        return await with_(held, version)
    except StoreError:
        pass  # Whoever watches takes them later.
    except ConfigError as error:
        # Perhaps it is the file that is wrong. Then it is wrong without them too.
        fault = str(error)
    return await with_(Additions(), version, fault)


def _voices(
    settings: Settings, chat: Endpoint, session: aiohttp.ClientSession
) -> tuple[TranscriptionClient | None, SpeechClient | None]:
    """What hears, and what speaks."""
    voice = speech = None
    if model := settings.audio_model:
        voice = TranscriptionClient(session, _audio(settings, chat, model))
    if model := settings.speech_model:
        speech = SpeechClient(session, _audio(settings, chat, model), settings.speech_voice)
    return voice, speech


def _of_the_demo(settings: Settings, kind: str) -> Sequence[ServerEntry]:
    """The server of tools that the demo model shows, if this is a clone of the project."""
    program = Path(__file__).parents[1] / "examples" / "tools" / "notes.py"
    if kind != "demo" or not settings.tools or not program.exists():
        return ()
    command = (sys.executable, str(program))
    return (ServerEntry("notes", command=command, allow=("*",), trust=True),)


def _file(settings: Settings) -> tuple[PalaverFile, Path]:
    """The content of the file at *path*, and the folder beside which its other files stand."""
    if (path := settings.palaver_config) is None:
        return PalaverFile(), Path()
    return read_palaver_file(path, settings.tenanted), path.parent


def _guard(
    settings: Settings, file: PalaverFile, beside: Path, session: aiohttp.ClientSession
) -> Guard:
    return Guard(
        file.filter_of("question", beside),
        file.filter_of("answer", beside),
        _moderation(file.moderation, session),
        trusted=(settings.system_prompt,),
    )


def _moderation(entry: ModerationEntry | None, session: aiohttp.ClientSession) -> Moderation | None:
    if entry is None:
        return None
    base_url, key = entry.base_url.rstrip("/"), secret_in(entry.key, "the moderation")
    one_key("PALAVER_CONFIG", base_url, key)
    return Moderation(session, Endpoint(base_url, key, entry.model, provider_at(base_url)))


def links_of(settings: Settings, memory: Memory) -> PictureLinks | None:
    """Addresses for pictures, if our server can be reached from outside."""
    return PictureLinks(memory, settings.public_url) if settings.public_url else None


def callbacks_of(settings: Settings, tasks: Tasks) -> Callbacks | None:
    if not settings.image_callbacks:
        return None
    if not settings.public_url:
        raise ConfigError("PUBLIC_URL", "is needed with IMAGE_CALLBACKS")
    return Callbacks(tasks, settings.public_url.rstrip("/"))


def _painter(settings: Settings, chat: Endpoint) -> Endpoint:
    base_url, key = settings.image_base_url, settings.image_api_key
    return _beside(chat, "IMAGE", base_url, key, settings.image_model)


def _audio(settings: Settings, chat: Endpoint, model: str) -> Endpoint:
    base_url, key = settings.audio_base_url, settings.audio_api_key
    return _beside(chat, "AUDIO", base_url, key, model)


def _beside(chat: Endpoint, what: str, base_url: str, key: SecretStr, model: str) -> Endpoint:
    """The endpoint at *base_url*; if that is empty, the endpoint of the *chat* model.

    *what*: how the names of its settings begin. If the address contains a user and a password, the
    chat model's key is not sent there.
    """
    own, at = key.get_secret_value(), base_url or chat.base_url
    one_key(f"{what}_BASE_URL" if base_url else "LLM_BASE_URL", at, own)
    return Endpoint(
        at,
        own or ("" if has_user(at) else chat.api_key),
        model,
        provider_at(base_url) if base_url else chat.provider,
    )
