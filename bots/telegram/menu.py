"""The menus of commands that Telegram's clients show."""

import logging
from collections.abc import Mapping

from telegram import Bot, BotCommand
from telegram.error import TelegramError

log = logging.getLogger(__name__)

EPHEMERAL = ("help", "usage")
"""Commands whose answer only the person who asks needs."""


async def set_menus(bot: Bot, menus: Mapping[str, Mapping[str, str]]) -> None:
    """Show *menus*, by language. A nicety: without them one types the command."""
    try:
        for language, lines in menus.items():
            commands = [
                BotCommand(
                    name,
                    line,
                    # Bot API 10.2: in a group, only who sends it sees it.
                    api_kwargs={"is_ephemeral": True} if name in EPHEMERAL else None,
                )
                for name, line in lines.items()
            ]
            await bot.set_my_commands(commands, language_code=language or None)
    except TelegramError as error:
        log.warning("no menu of commands: %s", type(error).__name__)
