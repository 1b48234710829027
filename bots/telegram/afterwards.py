"""What happens after the inbox holds an update. Nobody waits for it, and it may fail."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from telegram import Message, Update

from bots.telegram.content import wording
from bots.telegram.limits import place_budget
from bots.telegram.pointing import Me
from bots.telegram.surface import GROWING, place, telegram_errors
from bots.telegram.wire import BORDER, TelegramBot
from core.border import set_aside
from core.lent import Spare
from core.messages import Incoming
from core.said import Feeling
from core.tasks import end

WORDINGS = 10_000
"""The wordings of so many messages are remembered, to notice edits that change no word."""
SEEN = "👀"
REACTIONS: Mapping[Feeling, str] = {"thanks": "❤", "joy": "🎉", "seen": "👍"}
"""Reactions that Telegram allows bots (core.telegram.org/bots/api#reactiontypeemoji)."""
STALE_S = 600.0
"""An answer never grows for longer than this."""


class Afterwards:
    """Remembers the wording of messages, reacts to questions, removes posts that nobody knows."""

    def __init__(self, bot: TelegramBot, spare: Spare, *, reactions: bool) -> None:
        self._bot = bot
        self._spare = spare
        self._reactions = reactions
        self._wordings: dict[tuple[int, int], int] = {}
        self._calls: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await end(self._calls)

    def knows(self, message: Message) -> bool:
        return _key(message) in self._wordings

    def unchanged(self, update: Update) -> bool:
        """Whether *update* is an edit that changes no word, only a button, a preview or a tag."""
        edited = update.edited_message
        return edited is not None and self._wordings.get(_key(edited)) == hash(wording(edited))

    def note(self, me: Me, updates: Sequence[Update], incomings: Sequence[Incoming]) -> None:
        """Remember the wordings of *updates*. Call it only when the inbox holds them.

        Otherwise an update that is delivered again would look like an edit that changes nothing.
        """
        for update in updates:
            try:
                self._note(me, update)
            except Exception as error:
                # An update that cannot be read must not stop the others.
                set_aside(BORDER, error)
        while len(self._wordings) > WORDINGS:
            del self._wordings[next(iter(self._wordings))]
        for incoming in incomings:
            asked = incoming.address == "direct" and incoming.message
            if self._reactions and asked and not (incoming.command or incoming.edited):
                chat = place(incoming.conversation)[0]
                message = int(incoming.message)
                self._try(me, chat, partial(self._bot.set_message_reaction, chat, message, SEEN))

    def _note(self, me: Me, update: Update) -> None:
        message = update.message or update.edited_message or update.guest_message
        if message is None:
            return
        self._wordings.pop(_key(message), None)
        self._wordings[_key(message)] = hash(wording(message))
        post = message.reply_to_message
        if post is not None and _orphan(post, me):
            chat, number = post.chat.id, post.message_id
            self._try(me, chat, partial(self._bot.delete_message, chat, number))

    def _try(self, me: Me, chat: int, call: Callable[[], Awaitable[object]]) -> None:
        async def calling() -> None:
            with telegram_errors():
                await call()

        # Users report that reactions and deletes count for the chat's limit (hermes#107612).
        making = self._spare.make(place_budget(me.id, me.tenant, chat), calling)
        task = asyncio.create_task(making, name="telegram afterwards")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)


def _key(message: Message) -> tuple[int, int]:
    return message.chat.id, message.message_id


def _orphan(post: Message, me: Me) -> bool:
    """Whether *post* is one of ours that stopped growing long ago.

    Telegram never confirmed to us that it made this post, so the answer stands in another one.
    """
    ours = post.from_user is not None and post.from_user.id == me.id
    stale = time.time() - post.date.timestamp() > STALE_S
    growing = (post.text or "").endswith(GROWING.strip()) and post.reply_markup is not None
    return ours and stale and growing
