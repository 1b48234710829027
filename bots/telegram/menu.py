"""The menus of commands that Telegram's clients show."""

import logging
from collections.abc import Collection, Mapping

from telegram import Bot, BotCommand
from telegram.error import TelegramError

log = logging.getLogger(__name__)


async def set_menus(
    bot: Bot, menus: Mapping[str, Mapping[str, str]], for_asker: Collection[str]
) -> None:
    """Show *menus*, by language. It may fail: people can type the commands.

    *for_asker*: commands whose answer only the asker needs.
    """
    try:
        for language, lines in menus.items():
            commands = [
                BotCommand(
                    name,
                    line,
                    # Bot API 10.2: in a group, only the sender sees the command.
                    api_kwargs={"is_ephemeral": True} if name in for_asker else None,
                )
                for name, line in lines.items()
            ]
            await bot.set_my_commands(commands, language_code=language or None)
    except TelegramError as error:
        log.warning("no menu of commands: %s", type(error).__name__)
