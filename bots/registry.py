"""Which platforms are on. A new one is named here, and only here."""

from collections.abc import Sequence

from bots.web.adapter import WebPlatform
from core.people.texts import language_of, say
from core.platform import Platform
from core.service import Lent
from core.turn.commands import IN_THREADS, MENU


def build(lent: Lent) -> Sequence[Platform]:
    """The adapters that the settings turn on; a library is imported only when it is needed."""
    settings = lent.settings
    platforms: list[Platform] = []
    if settings.web_on:
        platforms.append(web_page(lent))
    if settings.telegram_on:
        from bots.telegram.adapter import TelegramPlatform  # noqa: PLC0415 - only if on

        platforms.append(
            TelegramPlatform(
                settings.telegram_bot_token.get_secret_value(),
                settings.telegram_api_url,
                lent.leases,
                lent.recent,
                menu=MENU,
                webhook_secret=settings.telegram_webhook_secret.get_secret_value(),
                public_url=settings.public_url,
                drafts=settings.telegram_stream == "drafts",
                rich=settings.telegram_rich,
                reactions=settings.telegram_reactions,
                overhear=bool(settings.wake_words),
                way=settings.way,
            )
        )
    if settings.slack_on:
        from bots.slack.adapter import SlackPlatform  # noqa: PLC0415 - only if on

        platforms.append(
            SlackPlatform(
                settings.slack_bot_token.get_secret_value(),
                settings.slack_api_url,
                menu=IN_THREADS,
                choices=lent.choices,
                may_ask=lent.access.allows,
                speak=_speak,
                app_token=settings.slack_app_token.get_secret_value(),
                signing_secret=settings.slack_signing_secret.get_secret_value(),
                follow_threads=settings.slack_follow_threads,
                streams=settings.slack_stream == "auto",
                overhear=bool(settings.wake_words),
                way=settings.way,
            )
        )
    return platforms


def web_page(lent: Lent) -> WebPlatform:
    settings = lent.settings
    return WebPlatform(
        lent.board,
        lent.secret,
        local=settings.loopback,
        everyone=settings.web_chat == "open",
        public_url=settings.public_url,
    )


def _speak(name: str, language: str, /, **values: object) -> str:
    return say(name, language_of("", "", language), **values)
