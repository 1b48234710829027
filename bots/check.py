"""What `palaver check` tells: each setting, and whether each credential works.

It writes nothing outside. It makes one trial write to our own store, which expires by itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import aiohttp
from pydantic import SecretStr

from bots.check_tools import tools
from bots.finding import Finding
from bots.registry import all_tenants, checks
from bots.spelling import doubts, unknown
from core.border import printable
from core.buckets import LocalBudget
from core.clients import Models, open_models
from core.errors import ConfigError, ModelError, PalaverError, StoreError
from core.models.model_list import first_model
from core.models.providers import Endpoint, Place, place_of, provider_at
from core.models.request import ChatMessage, ChatRequest
from core.people.access import Access, access_of
from core.people.roles import Role, read_rights
from core.secret import keep_secret, redact, shown_url
from core.settings import Settings
from core.store.connection import store_errors
from core.store.members import SharedMembers
from core.store.opening import opened
from core.store.pulse import Pulse, policies
from core.store.tenants import Tenants
from core.traces import place

SKEW_S = 5.0
TIMEOUT_S = 60.0


def explain(settings: Settings, *, everything: bool = False) -> None:
    """Print each setting that is set, with its value and meaning. A secret's value is hidden."""
    for name, field in type(settings).model_fields.items():
        if not everything and name not in settings.model_fields_set:
            continue
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            shown = "set" if value.get_secret_value() else "-"
        elif isinstance(value, tuple):
            shown = ",".join(map(str, value)) or "-"
        else:
            shown = "-" if value in ("", None) else shown_url(str(value))
        given = "*" if name in settings.model_fields_set else " "
        print(
            f"{given} {name.upper():<24} {printable(redact(shown))[:48]:<48}  {field.description}"
        )
    if everything:
        print("\n(* = set by you)\n")
    elif not settings.model_fields_set:
        print("nothing is set: everything has its default (palaver check --all lists them)\n")
    else:
        print("\n(the others have their defaults: palaver check --all)\n")


async def try_all(settings: Settings) -> bool:
    """Try the store, the model and each platform's credentials. True if all work."""
    keep_secret(*settings.secrets())
    good = True
    known: dict[str, str] = {}
    looks: list[tuple[str, AsyncIterator[Finding]]] = [
        ("settings", _settings(settings)),
        ("store", _store(settings, known)),
        ("model", _models(settings)),
        ("tools", tools(settings)),
        ("platforms", _platforms(settings, known)),
    ]
    for what, look in looks:
        try:
            async for level, text, part in look:
                good = good and level != "FAIL"
                print(f"{level:<4} {part or what:<10} {printable(redact(text))}")
        except TimeoutError:
            good = False
            print(f"FAIL {what:<10} no answer in time")
        except PalaverError as error:
            good = False
            print(f"FAIL {what:<10} {printable(redact(str(error)))}")
        except Exception as error:
            # A bug, or an answer that nobody expected. The other trials still run. The error's
            # text is not shown, because it may quote a secret.
            good = False
            where = place(error.__traceback__).partition(" < ")[0]
            print(f"FAIL {what:<10} ended by an unexpected {type(error).__name__} ({where})")
    return good


async def _settings(settings: Settings) -> AsyncIterator[Finding]:
    for doubt in doubts(settings):
        yield Finding("FAIL", doubt)
    if names := unknown(settings):
        yield Finding("note", f"names in .env that are no settings: {', '.join(names)}")
    access = access_of(settings)
    read_rights(settings.rights)
    for name, tenant in all_tenants(settings, {}).items():
        if not tenant.plugin.local:
            yield _who_may(name, access)


def _who_may(tenant: str, access: Access) -> Finding:
    if access.open:
        return Finding("note", "open to everyone (OPEN=true)", tenant)
    if not access.names_somebody(tenant):
        text = "closed: its owner, and whom the owner lets in; without an owner, the log of a start"
        return Finding("note", f"{text} shows the code that makes its sender the owner", tenant)
    people = [access.people(tenant, role) for role in (Role.MEMBER, Role.ADMIN, Role.OWNER)]
    members, admins, owners = map(len, people)
    counts = f"{members} people ({admins} admins, of them {owners} owners)"
    return Finding("ok", f"for {counts} and {len(access.places(tenant))} places", tenant)


async def _platforms(settings: Settings, known: Mapping[str, str]) -> AsyncIterator[Finding]:
    """The trial of each tenant. If one of them fails, the others are tried too."""
    for name, look in checks(settings, known):
        try:
            async for level, text, _ in look:
                yield Finding(level, text, name)
        except (PalaverError, TimeoutError) as error:
            yield Finding("FAIL", str(error) or "no answer in time", name)


async def _owners(
    settings: Settings, members: SharedMembers, known: Mapping[str, str]
) -> AsyncIterator[Finding]:
    """Who owns each bot that others reach, by what the store and the settings say."""
    access = access_of(settings)
    for tenant, one in all_tenants(settings, known).items():
        if one.plugin.local or access.open:
            continue
        stored = (await members.all(tenant)).items()
        found = {name for name, one in stored if one.role is Role.OWNER}
        owners = sorted(found | {*access.people(tenant, Role.OWNER)})
        if owners:
            yield Finding("ok", f"owned by {', '.join(owners)}", tenant)
        elif not access.names_somebody(tenant):
            yield Finding("note", "no owner yet: nobody is answered", tenant)


async def _store(settings: Settings, known: dict[str, str]) -> AsyncIterator[Finding]:
    where = settings.redis_url.get_secret_value()
    async with AsyncExitStack() as stack:
        try:
            store = opened(where, settings.data_dir, settings.shards)
            redis = await stack.enter_async_context(store)
        except ConfigError as error:
            yield Finding("FAIL", str(error))
            return
        name = shown_url(where) if where else f"embedded, in {settings.data_dir}"
        if wrong := await Pulse(redis).feel():
            yield Finding("FAIL", f"{name}: the trial write failed: {wrong}")
        else:
            parts = f" in each of {settings.shards} shards" if settings.shards > 1 else ""
            yield Finding("ok", f"{name}: a trial write was kept{parts}")
        for warning in await policies(redis):
            yield Finding("FAIL", warning)
        try:
            with store_errors():
                seconds, _ = await redis.time()
        except StoreError as error:
            yield Finding("FAIL", str(error))
        else:
            skew_s = time.time() - seconds
            if abs(skew_s) > SKEW_S:
                late = "behind" if skew_s > 0 else "ahead of"
                yield Finding("FAIL", f"its clock is {abs(skew_s):.0f} s {late} this machine's")
            known |= await Tenants(redis).known()
            async for finding in _owners(settings, SharedMembers(redis), known):
                yield finding


async def _models(settings: Settings) -> AsyncIterator[Finding]:
    for setting, url in (
        ("LLM_BASE_URL", settings.llm_base_url),
        ("IMAGE_BASE_URL", settings.image_base_url),
        ("AUDIO_BASE_URL", settings.audio_base_url),
    ):
        # The end of a model's address may tell its shape. It is not a part of the root.
        root = place_of(url).base_url if setting == "LLM_BASE_URL" else url
        for tail in _CALLS:
            if root.rstrip("/").endswith(tail):
                yield Finding("FAIL", f"{setting} is the root of the API: leave out {tail}")
                return
    if settings.llm_picture_links and not settings.public_url:
        yield Finding("note", "LLM_PICTURE_LINKS needs PUBLIC_URL; without it, pictures are sent")
    async with AsyncExitStack() as stack:
        try:
            models = await stack.enter_async_context(open_models(settings, LocalBudget()))
        except ConfigError as error:
            text = f"{error}{await _other_root(settings)}"
            yield Finding("FAIL", text, _PARTS.get(error.setting, ""))
            return
        asked = {"": models.chat.model}
        if settings.small_model:
            asked[settings.small_model] = settings.small_model
        for model, name in asked.items():
            answers = await _answers(settings, models, model, name)
            yield answers._replace(part="small" if model else "")
        if any(limit.unit == "usd" for limit in models.limits):
            for name in models.chat.names:
                if not models.chat.price_of(name):
                    text = f"budgets in dollars refuse {name}: its price is not known"
                    yield Finding("FAIL", text, "budgets")
        try:
            yield Finding("ok", await models.images.check(), "images")
        except ModelError as error:
            yield Finding("FAIL", str(error), "images")


async def _answers(settings: Settings, models: Models, model: str, name: str) -> Finding:
    """Whether *model* answers a tiny question. Empty means the usual model."""
    hello = ChatMessage("user", "Say hello.")
    request = ChatRequest((hello,), model, max_tokens=16, alone=bool(model))
    try:
        async with asyncio.timeout(TIMEOUT_S), models.chat.stream(request) as deltas:
            async for _ in deltas:
                pass
    except ModelError as error:
        return Finding("FAIL", f"{name}: {error}{await _other_root(settings)}")
    except TimeoutError:
        return Finding("FAIL", f"{name}: no answer in {TIMEOUT_S:.0f} s")
    known = models.chat.ways(model)
    return Finding("ok", f"{name} answers ({models.kind})" + (known and f": {known}"))


_PARTS = {"BUDGETS": "budgets", "OVER_BUDGET": "budgets", "PALAVER_CONFIG": "file"}
"""Settings that are read together with those of the model."""
_CALLS = (
    *("/chat/completions", "/completions", "/responses", "/messages", "/models", "/embeddings"),
    *("/images/generations", "/images/edits", "/audio/speech", "/audio/transcriptions"),
)
"""The ends of the addresses of calls, after the root of an API."""


async def _other_root(settings: Settings) -> str:
    """What LLM_BASE_URL should be, if the API answers only with, or without, `/v1`."""
    url = settings.llm_base_url.rstrip("/")
    if not url:
        return ""
    here = place_of(url)
    root, ending = here.base_url, url.removeprefix(here.base_url)
    other = root.removesuffix("/v1") if root.endswith("/v1") else f"{root}/v1"
    if place_of(other + ending) != Place(other, here.shape):
        return ""  # The end of the address already says where the root is.
    async with settings.way.session() as session:
        if await _lists(session, settings, here) or not await _lists(
            session, settings, Place(other, here.shape)
        ):
            return ""
    change = "without /v1" if root.endswith("/v1") else "with /v1"
    where = f"before {ending}" if ending else "at its end"
    return f". An API answers at LLM_BASE_URL {change} {where}: change it to that"


async def _lists(session: aiohttp.ClientSession, settings: Settings, place: Place) -> bool:
    key = settings.llm_api_key.get_secret_value()
    provider = provider_at(place.base_url, shape=place.shape)
    endpoint = Endpoint(place.base_url, key, "", provider)
    try:
        return bool(await first_model(session, endpoint, chat=False))
    except ModelError:
        return False
