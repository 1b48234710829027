"""Guest mode: people ask us in chats that we are no member of, and the answer grows by edits.

Source: core.telegram.org/bots/api#answerguestquery (Bot API 10.0): a guest query is answered once,
and soon; what is sent then is an inline message, which can be edited and never followed by another.
So a stub stands there at once, and becomes the answer.
"""

from collections.abc import Sequence

from telegram import InlineQueryResultArticle, InputTextMessageContent, Message

from bots.telegram.aside import GUEST
from bots.telegram.entities import Formatted, units
from bots.telegram.markup import TEXT_UNITS, render
from bots.telegram.surface import NO_PREVIEW, TelegramSurface, entities_of, telegram_errors
from bots.telegram.wire import TelegramBot
from core.errors import PlatformError, Rejected
from core.messages import Button, ConversationId
from core.platform import Bucket

STUB = "…"
MORE = " …"
"""Where an answer is longer than the one message that there is."""


async def greet(bot: TelegramBot, message: Message) -> str:
    """Answer the guest query of *message* with a stub; the id of what stands there now."""
    if message.guest_query_id is None:
        raise Rejected("no guest query")
    stub = InlineQueryResultArticle(
        id="1", title="Palaver", input_message_content=InputTextMessageContent(STUB)
    )
    with telegram_errors():
        sent = await bot.answer_guest_query(message.guest_query_id, stub)
    if not sent.inline_message_id:
        raise PlatformError("Telegram does not say what it sent")
    return sent.inline_message_id


class GuestSurface(TelegramSurface):
    """The one inline message; without buttons, whose presses would name no chat.

    A second page cannot be: it marks the first, which *ends* keeps, as not being all.
    """

    def __init__(
        self,
        bot: TelegramBot,
        conversation: ConversationId,
        budget: Sequence[Bucket],
        inline: str,
        ends: dict[str, str],
        *,
        first: bool,
    ) -> None:
        super().__init__(bot, conversation, budget)
        self._inline = inline
        self._ends = ends
        self._first = first

    @property
    def handle(self) -> str:
        return f"{GUEST}{self._inline}" if self._first else ""

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._first:
            await super().show(text)

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._first:
            self._ends[self._inline] = text
            await super().finish(text)
        elif (before := self._ends.pop(self._inline, None)) is not None:
            whole = render(before)
            if units(whole.text) + units(MORE) <= TEXT_UNITS:
                whole = whole._replace(text=whole.text + MORE)
            await self._show(whole, ())

    async def delete(self) -> None:
        """It cannot be."""

    async def _put(self, formatted: Formatted, buttons: Sequence[Button]) -> None:
        try:
            with telegram_errors():
                await self._bot.edit_message_text(
                    formatted.text,
                    inline_message_id=self._inline,
                    entities=entities_of(formatted.entities),
                    link_preview_options=NO_PREVIEW,
                )
        except Rejected as error:
            if "message is not modified" not in str(error).lower():
                raise
