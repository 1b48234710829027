"""Who is an admin of a group, by Telegram, remembered for some minutes.

Source: core.telegram.org/bots/api#getchatadministrators. Unlike getChatMember it also works where
the bot is no admin itself.
"""

import time
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress

from bots.telegram.surface import telegram_errors
from bots.telegram.wire import TelegramBot
from core.border import set_aside
from core.errors import PlatformError

KNOWN_S = 300.0
UNKNOWN_S = 30.0
"""If Telegram did not tell, we ask again after so long."""
MOST_CHATS = 2_000


class Admins:
    """The admins of the groups of one bot."""

    def __init__(self, bot: TelegramBot, tenant: str) -> None:
        self._bot, self._tenant = bot, tenant
        self._known: OrderedDict[int, tuple[float, Collection[str]]] = OrderedDict()

    async def has(self, chat: int, person: str) -> bool:
        """Whether *person* is an admin of *chat*. An anonymous admin has the id of the group."""
        if chat >= 0:
            return False
        if person == f"{self._tenant}:{chat}":
            return True
        until, admins = self._known.get(chat, (0.0, ()))
        if until < time.monotonic():
            until, admins = await self._ask(chat)
            self._known[chat] = until, admins
            self._known.move_to_end(chat)
            if len(self._known) > MOST_CHATS:
                self._known.popitem(last=False)
        return person in admins

    async def _ask(self, chat: int) -> tuple[float, Collection[str]]:
        with suppress(PlatformError), telegram_errors():
            members = await self._bot.call("getChatAdministrators", {"chat_id": chat})
            try:
                ids = frozenset(f"{self._tenant}:{int(one['user']['id'])}" for one in members)
            except (KeyError, TypeError, ValueError) as error:
                set_aside("telegram.admins", error)
            else:
                return time.monotonic() + KNOWN_S, ids
        return time.monotonic() + UNKNOWN_S, ()


async def hears(bot: TelegramBot, chat: int) -> bool:
    """Whether Telegram tells us all that is said in *chat*.

    Source: core.telegram.org/bots/features#privacy-mode.
    """
    everything = chat > 0 or bool(bot.bot.can_read_all_group_messages)
    return everything or await is_admin(bot, chat)


async def is_admin(bot: TelegramBot, chat: int) -> bool:
    """Whether we are an admin of *chat*. If Telegram cannot be asked, we are none."""
    with suppress(PlatformError), telegram_errors():
        member = await bot.call("getChatMember", {"chat_id": chat, "user_id": bot.bot.id})
        return isinstance(member, dict) and member.get("status") == "administrator"
    return False
