"""Telegram's settings, and how it is built from them."""

from collections.abc import AsyncIterator
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from bots.finding import Finding
from bots.optional import without
from bots.plugin import Lent, Plugin, Shared
from core.fields import Key, Names, Url
from core.platform import Platform

WEBHOOK = "/telegram/webhook"


class TelegramSettings(BaseModel):
    telegram_bot_token: Key = Field(
        SecretStr(""),
        description="Telegram is on when this is set; from @BotFather; several: comma-separated",
    )
    telegram_api_url: Url = Field(
        "https://api.telegram.org", description="root of the Bot API, for a server of your own"
    )
    telegram_webhook_secret: Key = Field(
        SecretStr(""), description="with PUBLIC_URL: webhook mode instead of long polling"
    )
    telegram_stream: Literal["edits", "drafts"] = Field(
        "edits", description="drafts: preview answers in private chats as message drafts"
    )
    telegram_rich: Names = Field(
        (),
        description="where answers with tables or maths end as rich messages: telegram:id, "
        "comma-separated; * is everywhere",
    )
    telegram_reactions: bool = Field(
        False, description="react with 👀 to a question as soon as it is accepted"
    )


def _on(settings: TelegramSettings, shared: Shared) -> bool:
    return bool(settings.telegram_bot_token.get_secret_value())


def _build(settings: TelegramSettings, lent: Lent) -> Platform:
    # For Telegram's passports, which nobody shows us, and for httpx's own command.
    with without("cryptography", "click", "rich"):
        from bots.telegram.adapter import TelegramPlatform  # noqa: PLC0415 - only if on

    return TelegramPlatform(
        settings.telegram_bot_token.get_secret_value(),
        settings.telegram_api_url,
        lent.leases,
        lent.recent,
        lent.spare,
        name=lent.shared.tenant,
        menus=lent.menus,
        for_asker=[name for name, one in lent.commands.items() if one.for_asker],
        webhook_secret=settings.telegram_webhook_secret.get_secret_value(),
        public_url=lent.shared.public_url,
        webhook_path=lent.shared.path(WEBHOOK),
        drafts=settings.telegram_stream == "drafts",
        rich=settings.telegram_rich,
        reactions=settings.telegram_reactions,
        way=lent.shared.way,
    )


def _check(settings: TelegramSettings, shared: Shared) -> AsyncIterator[Finding]:
    from bots.telegram.check import look  # noqa: PLC0415 - only if on

    hooked = settings.telegram_webhook_secret.get_secret_value()
    return look(
        settings.telegram_bot_token.get_secret_value(),
        settings.telegram_api_url,
        webhook=f"{shared.public_url}{shared.path(WEBHOOK)}" if hooked else "",
        way=shared.way,
        wake_words=shared.overhear,
    )


def _bot(settings: TelegramSettings) -> str:
    # core.telegram.org/bots/api#authorizing-your-bot: a token begins with the id of its bot.
    number = settings.telegram_bot_token.get_secret_value().partition(":")[0]
    return number if number.isdecimal() else ""


PLUGIN = Plugin(
    "telegram",
    TelegramSettings,
    "TELEGRAM_BOT_TOKEN",
    _on,
    _build,
    _check,
    ids=r"-?\d+",
    bare_ids=r"-?\d+",
    aliases={
        "BOT_TOKEN": "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_TOKEN": "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_API_TOKEN": "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_BASE_URL": "TELEGRAM_API_URL",
    },
    tenant="telegram_bot_token",
    bot=_bot,
)
