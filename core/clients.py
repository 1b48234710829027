"""The clients of all providers (chat, pictures, voice), on one pooled session."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import aiohttp
from pydantic import SecretStr

from core.budget import Budget
from core.credentials import secret_in
from core.errors import ConfigError
from core.images.callbacks import Callbacks, Tasks
from core.images.client import ImageClient
from core.mcp.entry import ServerEntry
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
from core.models.router import Router
from core.models.speech import SpeechClient
from core.models.transcription import TranscriptionClient
from core.net.outside import Outside
from core.people.budgets import Limit, limits_of
from core.people.personas import Persona, Personas, Place, Places, personas_of, places_of
from core.settings import Settings
from core.tasks import end
from core.telemetry import Metrics
from core.tracing import NoTracer, Tracer

POOL = 1000


class Budgets(Protocol):
    """Where the operator's budgets hold."""

    limits: Sequence[Limit]


class InFile(NamedTuple):
    """What `palaver.toml` decides, if the settings name one."""

    file: PalaverFile
    chat: Choice
    guard: Guard
    personas: dict[str, Persona]
    places: dict[str, Place]
    limits: Sequence[Limit]


class Renewal:
    """Lets `palaver.toml` hold as it stands now, while answers are written.

    Tool servers, and the APIs for pictures and voice, stay as they were at the start.

    Args:
        read: reads the file and what it names. It changes nothing.
        found: what holds. The mappings in it are changed in place.
    """

    def __init__(
        self, read: Callable[[], Awaitable[InFile]], found: InFile, guarded: GuardedModel
    ) -> None:
        self._read, self._found, self._guarded = read, found, guarded
        self.at = time.time()
        """Since when it holds."""
        self.fault = ""
        """What is wrong with the file, if it changed since and was not taken."""

    async def take(self, budgets: Budgets) -> None:
        """Read the file anew and let it hold.

        Raises:
            ConfigError: it is wrong. Then nothing has changed.
        """
        try:
            new = await self._read()
        except ConfigError as error:
            self.fault = str(error)
            raise
        # Between two steps of the loop: no turn sees a part of it.
        self._guarded.become(new.chat.model)
        self._found.guard.become(new.guard)
        self._found.personas.clear()
        self._found.personas.update(new.personas)
        self._found.places.clear()
        self._found.places.update(new.places)
        budgets.limits = new.limits
        self._found = self._found._replace(chat=new.chat)
        self.at, self.fault = time.time(), ""

    def resting(self) -> Mapping[str, float]:
        """For how long models are not asked, by name."""
        model = self._found.chat.model
        return model.resting() if isinstance(model, Router) else {}


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
) -> AsyncIterator[Models]:
    """The configured models, else a local Ollama, else the demo. *budget* counts their calls.

    *metrics* and *tracer* record the calls. *lessons*: what was learned of the models; without it,
    each process learns alone. *links*: addresses of pictures for models that fetch them.

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

        watched = Watched(metrics or Metrics(), tracer or NoTracer())
        taught = lessons or Lessons()

        async def chosen(file: PalaverFile) -> Choice:
            return await choose(settings, file, session, demo_url, budget, watched, taught, links)

        read = partial(_in_file, settings, session, chosen)
        found = await read()
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
            renewal=Renewal(read, found, guarded),
        )


async def _in_file(
    settings: Settings,
    session: aiohttp.ClientSession,
    chosen: Callable[[PalaverFile], Awaitable[Choice]],
) -> InFile:
    """What the file decides now. *chosen*: the model that it leads to. Raises `ConfigError`."""
    file, beside = await asyncio.to_thread(_file, settings)
    chat = await chosen(file)
    personas = dict(personas_of(file.persona, beside))
    places = dict(places_of(file.place, beside, personas))
    guard = _guard(settings, file, beside, session)
    return InFile(file, chat, guard, personas, places, limits_of(settings, file.budget))


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
