"""What is done once the inbox holds what came: nobody waits for it, and it may fail."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

from telegram import Message, Update
from telegram.error import TelegramError

from bots.telegram.inbound import wording
from bots.telegram.pointing import Me
from bots.telegram.surface import GROWING, place
from bots.telegram.wire import BORDER, TelegramBot
from core.border import set_aside
from core.messages import Incoming
from core.tasks import end

WORDINGS = 10_000
"""So many messages back an edit is known to have changed nothing."""
SEEN = "👀"
"""One of the reactions that every chat knows (core.telegram.org/bots/api#reactiontypeemoji)."""
STALE_S = 600.0
"""No answer grows for so long."""


class Afterwards:
    """Remembers how messages read, reacts to questions, tidies posts that nobody knows."""

    def __init__(self, bot: TelegramBot, *, reactions: bool) -> None:
        self._bot = bot
        self._reactions = reactions
        self._wordings: dict[tuple[int, int], int] = {}
        self._calls: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await end(self._calls)

    def knows(self, message: Message) -> bool:
        return _key(message) in self._wordings

    def unchanged(self, update: Update) -> bool:
        """Whether *update* is an edit that changes no word: of a button, a preview, a tag."""
        edited = update.edited_message
        return edited is not None and self._wordings.get(_key(edited)) == hash(wording(edited))

    def note(self, me: Me, updates: Sequence[Update], incomings: Sequence[Incoming]) -> None:
        """Not before the inbox holds them: what is delivered again is not unchanged."""
        for update in updates:
            try:
                self._note(me, update)
            except Exception as error:
                # One that cannot be read here either must not end the reading of others.
                set_aside(BORDER, error)
        while len(self._wordings) > WORDINGS:
            del self._wordings[next(iter(self._wordings))]
        for incoming in incomings:
            asked = incoming.address == "direct" and incoming.message
            if self._reactions and asked and not (incoming.command or incoming.edited):
                chat = place(incoming.conversation)[0]
                self._try(self._bot.set_message_reaction(chat, int(incoming.message), SEEN))

    def _note(self, me: Me, update: Update) -> None:
        message = update.message or update.edited_message or update.guest_message
        if message is None:
            return
        self._wordings.pop(_key(message), None)
        self._wordings[_key(message)] = hash(wording(message))
        post = message.reply_to_message
        if post is not None and _orphan(post, me):
            self._try(self._bot.delete_message(post.chat.id, post.message_id))

    def _try(self, call: Coroutine[Any, Any, bool]) -> None:
        async def trying() -> None:
            with suppress(TelegramError):
                await call

        task = asyncio.create_task(trying(), name="telegram afterwards")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)


def _key(message: Message) -> tuple[int, int]:
    return message.chat.id, message.message_id


def _orphan(post: Message, me: Me) -> bool:
    """Whether *post* is one of ours that stopped growing long ago.

    Its making was never confirmed to us, so that its answer stands in another post.
    """
    ours = post.from_user is not None and post.from_user.id == me.id
    stale = time.time() - post.date.timestamp() > STALE_S
    growing = (post.text or "").endswith(GROWING.strip()) and post.reply_markup is not None
    return ours and stale and growing
