"""Telegram's updates, by long polling or a webhook, as incomings."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from aiohttp import web
from telegram import Update
from telegram.error import TelegramError

from bots.push_queue import PushQueue
from bots.telegram.afterwards import Afterwards
from bots.telegram.anonymous import in_whose_name
from bots.telegram.aside import Asides
from bots.telegram.decoding import read_json
from bots.telegram.gestures import Gestures
from bots.telegram.guest import greet
from bots.telegram.inbound import STOPPED, read_guest, read_update, sound
from bots.telegram.pointing import NAME, Me
from bots.telegram.surface import telegram_errors
from bots.telegram.wire import BORDER, TelegramBot
from core.border import set_aside
from core.lent import Leases, Recent
from core.messages import Incoming

POLL_S = 25
"""getUpdates: a long poll. The server allows 50 s at most."""
ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "guest_message", STOPPED)
ACCEPT_S = 20.0


class Updates:
    """What people did, as the bot hears of it. *webhook_secret* is empty for long polling.

    *me* is set once it is known.
    """

    def __init__(
        self,
        bot: TelegramBot,
        afterwards: Afterwards,
        leases: Leases,
        recent: Recent,
        webhook_secret: str,
        asides: Asides,
    ) -> None:
        self.me = Me(0, "", ())
        self._bot = bot
        self._afterwards, self._asides = afterwards, asides
        self._leases = leases
        self._gestures = Gestures(recent)
        self._webhook_secret = webhook_secret
        self._push_queue = PushQueue()

    async def batches(self) -> AsyncGenerator[Sequence[Incoming]]:
        """See `core.platform.Platform.updates`."""
        if self._webhook_secret:
            async for batch in self._push_queue.batches():
                yield batch
        while True:
            async with self._leases.hold(f"{NAME}:{self.me.id}") as lease:
                offset: int | None = None
                while lease.held:
                    with telegram_errors():
                        updates, following = await self._bot.poll(offset, POLL_S, ALLOWED_UPDATES)
                    incomings = [one for update in updates for one in await self._read(update)]
                    if incomings:
                        yield incomings
                    offset = following
                    await self._answer_presses(updates)
                    self._afterwards.note(self.me, updates, incomings)

    async def webhook(self, request: web.Request) -> web.Response:
        """Take one update. It is acknowledged once the inbox holds it."""
        sent = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not secrets.compare_digest(sent.encode(errors="replace"), self._webhook_secret.encode()):
            return web.Response(status=403)
        # What cannot be read now cannot be read later. 200 keeps Telegram from sending it again,
        # so it does not delay the updates after it.
        try:
            raw = read_json(await request.read())
        except ValueError:
            set_aside(BORDER, "no JSON")
            return web.Response()
        except web.HTTPRequestEntityTooLarge:
            set_aside(BORDER, "too large")
            return web.Response()
        if (update := self._bot.read(raw)) is None:
            return web.Response()
        incomings = await self._read(update)
        for incoming in incomings:
            try:
                await self._push_queue.accept(incoming, ACCEPT_S)
            except TimeoutError:
                return web.Response(status=503)
        await self._answer_presses((update,))
        self._afterwards.note(self.me, (update,), incomings)
        return web.Response()

    async def _read(self, update: Update) -> Sequence[Incoming]:
        if update.callback_query is not None:
            self._asides.note_press(update.callback_query.id)
        try:
            if update.guest_message is not None:
                if self._afterwards.knows(update.guest_message):
                    return ()  # If we are a member of the chat, it came as a message too.
                inline = await greet(self._bot, update.guest_message)
                guest = read_guest(update.guest_message, inline, update.update_id, self.me)
                return [sound(guest)] if guest is not None else []
            if self._afterwards.unchanged(update):
                return ()
            if (incoming := read_update(update, self.me)) is None:
                return ()
            if update.callback_query is not None and not incoming.private:
                incoming = await in_whose_name(self._bot, update.callback_query, incoming, self.me)
            incoming = sound(incoming)
        except Exception as error:
            # An update that we cannot read must not stop those after it.
            set_aside(BORDER, error)
            return ()
        return await self._gestures.join(incoming)

    async def _answer_presses(self, updates: Sequence[Update]) -> None:
        """End the spinner on each pressed button."""
        for update in updates:
            query = update.callback_query
            if query is not None and self._asides.take_press(query.id):
                with suppress(TelegramError):
                    await self._bot.answer_callback_query(query.id)
