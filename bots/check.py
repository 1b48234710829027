"""What `palaver check` tells: each setting, and whether each credential works."""

import asyncio
from contextlib import AsyncExitStack

from pydantic import SecretStr

from bots.registry import build
from core.errors import ConfigError, ModelError, PalaverError
from core.models.request import ChatMessage, ChatRequest
from core.secret import redact
from core.service import open_core
from core.settings import Settings


def explain(settings: Settings) -> None:
    """Print each setting, its value (of a secret: whether it is set) and its meaning."""
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            shown = "set" if value.get_secret_value() else "-"
        elif isinstance(value, tuple):
            shown = ",".join(map(str, value)) or "-"
        else:
            shown = "-" if value in ("", None) else str(value)
        given = "*" if name in settings.model_fields_set else " "
        print(f"{given} {name.upper():<24} {shown[:48]:<48}  {field.description}")
    print("\n(* = set by you)\n")


async def try_all(settings: Settings) -> bool:
    """Try the store, the model and each platform's credentials; true when all work."""
    good = True

    def tell(what: str, error: Exception | None, detail: str = "") -> None:
        nonlocal good
        good = good and error is None
        mark = "ok  " if error is None else "FAIL"
        print(f"{mark} {what:<10} {redact(str(error)) if error else detail}")

    async with AsyncExitStack() as stack:
        try:
            core = await stack.enter_async_context(open_core(settings))
        except ConfigError as error:
            tell("setup", error)
            return False
        tell("store", None, "REDIS_URL" if settings.redis_url else str(settings.data_dir))
        chat = core.models.chat
        asked = {"model": (chat.model, ""), "small": (settings.small_model, settings.small_model)}
        for what, (name, model) in asked.items():
            if not name:
                continue
            hello = ChatMessage("user", "Say hello.")
            request = ChatRequest((hello,), model, max_tokens=16, alone=bool(model))
            try:
                async with asyncio.timeout(60), chat.stream(request) as deltas:
                    async for _ in deltas:
                        pass
                known = chat.ways(model)
                tell(what, None, f"{name} ({core.models.kind})" + (known and f": {known}"))
            except (ModelError, TimeoutError) as error:
                tell(what, error)
        try:
            tell("images", None, await core.models.images.check())
        except ModelError as error:
            tell("images", error)
        for platform in build(core.lent):
            try:
                async with asyncio.timeout(20), platform:
                    tell(platform.name, None, platform.identity)
            except (PalaverError, TimeoutError) as error:
                tell(platform.name, error)
    if core.context.access.open_to_everyone and (settings.telegram_on or settings.slack_on):
        print("note access     open to everyone: set ALLOWED_USERS or ALLOWED_CHATS to change that")
    return good
