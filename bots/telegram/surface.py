"""The calls: posting and editing one message, and Telegram's errors in our words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from bots.telegram.entities import Entity, Formatted, units
from bots.telegram.markup import TEXT_UNITS, render
from bots.telegram.slow_mode import SlowModeWait, seconds_of
from bots.telegram.wire import TelegramBot
from core.errors import (
    Barred,
    ChatLost,
    ContentRefused,
    NoRight,
    PlatformError,
    PostLost,
    RateLimited,
    Revoked,
)
from core.lent import PostsLimited
from core.messages import Button, ConversationId, split_conversation
from core.platform import Bucket

GROWING = " ▍"
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_NO_PREVIEW = NO_PREVIEW.to_dict()
_LOST = (
    "chat not found",
    "not enough rights",
    "have no rights",
    "message thread not found",
    "topic_deleted",
    "user is deactivated",
    "group chat was deactivated",
    "peer_id_invalid",
)
NOT_MODIFIED = "message is not modified"
_RIGHTS = {
    "rights to send photos": "pictures",
    "chat_send_photos_forbidden": "pictures",
    "rights to send documents": "files",
    "chat_send_docs_forbidden": "files",
    "rights to send voice": "voice",
    "chat_send_voices_forbidden": "voice",
    "voice_messages_forbidden": "voice",
}
"""Source: tdlib/td, `MessagesManager`/`DialogManager`: "Not enough rights to send photos to the
chat"; core.telegram.org/api/errors."""
_BARRED: Mapping[str, Literal["topic", "text"]] = {
    "topic_closed": "topic",
    "topic is closed": "topic",
    "rights to send text messages": "text",
    "chat_send_plain_forbidden": "text",
    "chat_write_forbidden": "text",
    "have no rights to send a message": "text",
    "have no write access": "text",
}
"""Source: core.telegram.org/api/errors; tdlib/td, `MessagesManager::can_send_message`."""
_NO_POST = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "there is no text in the message to edit",
)


class Migrated(ChatLost):
    """The group became a supergroup. Its posts now belong in *chat*."""

    def __init__(self, chat: int) -> None:
        super().__init__(f"the group is chat {chat} now")
        self.chat = chat


@contextmanager
def telegram_errors() -> Iterator[None]:
    """Turn the errors of `Bot` into the errors of the port."""
    try:
        yield
    except SlowModeWait as error:
        raise PostsLimited(str(error), seconds_of(error), error.bucket) from error
    except RetryAfter as error:
        raise RateLimited(str(error), seconds_of(error)) from error
    except InvalidToken:
        # The text of PTB's error holds the token.
        raise Revoked("Telegram does not accept TELEGRAM_BOT_TOKEN") from None
    except ChatMigrated as error:
        raise Migrated(error.new_chat_id) from error
    except Forbidden as error:
        raise ChatLost(str(error)) from error
    except BadRequest as error:
        text = str(error).lower()
        for reason, right in _RIGHTS.items():
            if reason in text:
                raise NoRight(str(error), right) from error
        for reason, why in _BARRED.items():
            if reason in text:
                raise Barred(str(error), why) from error
        if any(reason in text for reason in _NO_POST):
            raise PostLost(str(error)) from error
        if any(reason in text for reason in _LOST):
            raise ChatLost(str(error)) from error
        raise ContentRefused(str(error)) from error
    except TelegramError as error:
        raise PlatformError(f"{type(error).__name__}: {error}") from error


def place(conversation: ConversationId) -> tuple[int, int | None]:
    """(chat id, topic id or None) of *conversation*; the General topic goes without an id."""
    _, chat, topic = split_conversation(conversation)
    return int(chat), int(topic) if topic.isdigit() else None


def reply_parameters(reply_to: str) -> ReplyParameters | None:
    return ReplyParameters(int(reply_to), allow_sending_without_reply=True) if reply_to else None


ROW_BUTTONS = 3
"""More buttons side by side cannot be read on a phone."""


def keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    keys = [InlineKeyboardButton(one.label, callback_data=one.command) for one in buttons]
    return InlineKeyboardMarkup(
        [keys[at : at + ROW_BUTTONS] for at in range(0, len(keys), ROW_BUTTONS)]
    )


def entities_of(entities: Sequence[Entity]) -> list[MessageEntity]:
    return [
        MessageEntity(
            entity.type,
            entity.offset,
            entity.length,
            url=entity.extra if entity.type == "text_link" else None,
            language=(entity.extra or None) if entity.type == "pre" else None,
        )
        for entity in entities
    ]


class TelegramSurface:
    """One message. Its handle is the message id."""

    def __init__(
        self,
        bot: TelegramBot,
        conversation: ConversationId,
        budget: Sequence[Bucket],
        *,
        reply_to: str = "",
        message_id: int | None = None,
    ) -> None:
        self._budget = budget
        self._bot = bot
        self._chat, self._topic = place(conversation)
        self._reply_to = reply_to
        self._message_id = message_id

    @property
    def budget(self) -> Sequence[Bucket]:
        # Telegram counts posts and edits together, but slow mode concerns posts alone.
        slow = self._bot.slow.buckets(self._chat) if self._message_id is None else ()
        return (*self._budget, *slow)

    @property
    def final_budget(self) -> Sequence[Bucket]:
        return self.budget

    @property
    def grows(self) -> bool:
        return False

    @property
    def handle(self) -> str:
        return "" if self._message_id is None else str(self._message_id)

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        formatted = render(text)
        if units(formatted.text) + len(GROWING) <= TEXT_UNITS:
            formatted = formatted._replace(text=formatted.text + GROWING)
        await self._show(formatted, buttons)

    async def _show(self, formatted: Formatted, buttons: Sequence[Button]) -> None:
        try:
            await self._put(formatted, buttons)
        except ContentRefused:
            if not formatted.entities:
                raise
            # Telegram refused the formatting. Send the plain text.
            await self._put(Formatted(formatted.text, ()), buttons)

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        try:
            await self._show(render(text), buttons)
        except PostLost:
            if self._message_id is None:
                raise
            # Somebody deleted the growing post. The answer still has to be shown.
            self._message_id = None
            await self._show(render(text), buttons)

    async def delete(self) -> None:
        if self._message_id is None:
            return
        with telegram_errors():
            await self._bot.delete_message(self._chat, self._message_id)
        self._message_id = None

    async def _put(self, formatted: Formatted, buttons: Sequence[Button]) -> None:
        try:
            if self._message_id is None:
                await self._send(formatted, buttons)
            else:
                await self._edit(self._message_id, formatted, buttons)
        except Migrated as error:
            # In the supergroup the ids of messages and topics start anew.
            self._chat, self._topic = error.chat, None
            self._message_id, self._reply_to = None, ""
            await self._send(formatted, buttons)

    async def _send(self, formatted: Formatted, buttons: Sequence[Button]) -> None:
        with telegram_errors():
            message = await self._bot.call(
                "sendMessage",
                {
                    "chat_id": self._chat,
                    "message_thread_id": self._topic,
                    "reply_parameters": reply_parameters(self._reply_to),
                    **_content(formatted, buttons),
                },
            )
        self._message_id = int(message["message_id"])

    async def _edit(self, message_id: int, formatted: Formatted, buttons: Sequence[Button]) -> None:
        try:
            with telegram_errors():
                post = {"chat_id": self._chat, "message_id": message_id}
                await self._bot.call("editMessageText", post | _content(formatted, buttons))
        except ContentRefused as error:
            if NOT_MODIFIED not in str(error).lower():
                raise


def _content(formatted: Formatted, buttons: Sequence[Button]) -> dict[str, object]:
    return {
        "text": formatted.text,
        "entities": entities_of(formatted.entities) or None,
        "reply_markup": keyboard(buttons),
        "link_preview_options": _NO_PREVIEW,
    }
