"""Ephemeral messages: in a group, one person alone sees what only that person needs.

Source: core.telegram.org/bots/api#ephemeralmessageparameters (Bot API 10.2, 10.3). A bot may send
one within 15 s of a pressed button or of an ephemeral message; as an admin, at any time. It has no
id of its own. If Telegram refuses one, or the server is older, everybody sees the message.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from telegram import ReplyParameters

from bots.telegram.entities import Formatted
from bots.telegram.limits import place_budget
from bots.telegram.surface import (
    NO_PREVIEW,
    TelegramSurface,
    entities_of,
    keyboard,
    telegram_errors,
)
from bots.telegram.wire import TelegramBot
from core.errors import Barred, Impossible
from core.messages import Button, ConversationId
from core.platform import Bucket

ALONE = "!"
"""Instead of the message that an answer is about: nobody else may ever read it."""
GUEST = "g"
"""Stands before the id of an inline message, in a thread's name and in a reference."""
ALERT_CHARS = 200
"""answerCallbackQuery: text."""
AGAIN_S = 3600.0
"""After so long we ask again in a chat that refused: we may have become an admin."""


def aside(user: int, *, message: int = 0, callback: str = "", ephemeral: int = 0) -> str:
    """A reference that means: answer *user* alone. It names what the answer is about."""
    return f"{message or ''}:{user}:{callback}:{ephemeral or ''}"


def alone(reference: str) -> str:
    """As the *reference* of `aside`, but what is said may be seen by nobody else."""
    return f"{ALONE}{reference[reference.index(':') :]}" if reference else ""


class Asides:
    """Makes the surfaces of one bot. It knows which chats refused not long ago.

    A press is answered once (core.telegram.org/bots/api#answercallbackquery): with nothing, which
    ends the spinner, or with an alert. So who wants the alert takes the press before.
    """

    def __init__(self, bot: TelegramBot) -> None:
        self._bot = bot
        self._plain_until: dict[int, float] = {}
        self._presses: set[str] = set()

    def note_press(self, callback: str) -> None:
        """Note the press *callback*, which nobody has answered yet."""
        self._presses.add(callback)

    def take_press(self, callback: str) -> bool:
        """Whether the caller answers the press *callback*: nobody else does."""
        taken = callback in self._presses
        self._presses.discard(callback)
        return taken

    def surface(
        self, conversation: ConversationId, budget: Sequence[Bucket], reference: str
    ) -> "AsideSurface":
        callback = reference.split(":")[2] if reference.startswith(ALONE) else ""
        return AsideSurface(
            self._bot,
            conversation,
            budget,
            reference,
            self._plain_until,
            alert=self.take_press(callback),
        )


class AsideSurface(TelegramSurface):
    """One sentence for one person. While it is ephemeral, it has no handle."""

    def __init__(
        self,
        bot: TelegramBot,
        conversation: ConversationId,
        budget: Sequence[Bucket],
        reference: str,
        plain_until: dict[int, float],
        *,
        alert: bool,
    ) -> None:
        message, self._user, self._callback, self._ephemeral = reference.split(":")
        self._alone, self._alert = message == ALONE, alert
        super().__init__(bot, conversation, budget, reply_to="" if self._alone else message)
        if self._alone:
            # Most likely it becomes a post in our private chat with the person.
            slow = bot.slow
            self._budget = () if alert else place_budget(slow.bot, slow.tenant, int(self._user))
        self._plain_until = plain_until

    @property
    def budget(self) -> Sequence[Bucket]:
        return self._budget if self._alone else super().budget

    async def _send(self, formatted: Formatted, buttons: Sequence[Button]) -> None:
        if self._alert and len(formatted.text) <= ALERT_CHARS and not buttons:
            self._alert = False
            with suppress(Impossible), telegram_errors():
                await self._bot.answer_callback_query(
                    self._callback, formatted.text, show_alert=True
                )
                return
        if self._plain_until.get(self._chat, 0.0) < time.monotonic():
            try:
                await self._send_aside(formatted, buttons)
            except Impossible:
                self._plain_until[self._chat] = time.monotonic() + AGAIN_S
            else:
                return
        if not self._alone:
            try:
                await super()._send(formatted, buttons)
            except Barred:
                pass
            else:
                return
        # Try our private chat with the person. It works only if they began one.
        self._chat, self._topic, self._reply_to = int(self._user), None, ""
        await super()._send(formatted, ())

    async def _send_aside(self, formatted: Formatted, buttons: Sequence[Button]) -> None:
        whom: dict[str, Any] = {"receiver_user_id": int(self._user)}
        if self._callback:
            whom["callback_query_id"] = self._callback
        more: dict[str, Any] = {"ephemeral_message_parameters": whom}
        reply = None
        if self._ephemeral:
            more["reply_parameters"] = {"ephemeral_message_id": int(self._ephemeral)}
        elif self._reply_to:
            reply = ReplyParameters(int(self._reply_to), allow_sending_without_reply=True)
        with telegram_errors():
            message = await self._bot.send_message(
                self._chat,
                formatted.text,
                entities=entities_of(formatted.entities),
                message_thread_id=self._topic,
                reply_parameters=reply,
                reply_markup=keyboard(buttons),
                link_preview_options=NO_PREVIEW,
                api_kwargs=more,
            )
        # An older server ignores the parameter: it has sent the message to all.
        self._message_id = message.message_id or None
