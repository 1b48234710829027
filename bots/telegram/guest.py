"""Guest mode: people ask us in chats that we are no member of, and the answer grows by edits.

Source: core.telegram.org/bots/api#answerguestquery (Bot API 10.0). A guest query must be answered
soon, and only once. The answer is an inline message: we can edit it, but send no further one. So we
send a stub at once, and the stub becomes the answer.
"""

from collections.abc import Sequence

from telegram import InlineQueryResultArticle, InputTextMessageContent, Message

from bots.telegram.aside import GUEST
from bots.telegram.entities import Formatted, units
from bots.telegram.markup import TEXT_UNITS, render
from bots.telegram.rich import MOST_CHARS as RICH_CHARS
from bots.telegram.rich import unfetched
from bots.telegram.surface import (
    GROWING,
    NO_PREVIEW,
    NOT_MODIFIED,
    TelegramSurface,
    entities_of,
    telegram_errors,
)
from bots.telegram.wire import TelegramBot
from core.errors import ChatLost, ContentRefused, PlatformError
from core.messages import Button, ConversationId
from core.platform import Bucket

STUB = "…"
MORE = " …"
"""The end of a message that cannot hold the whole answer."""
MOST_GUESTS = 200


async def greet(bot: TelegramBot, message: Message) -> str:
    """Answer the guest query of *message* with a stub, and return the id of the stub."""
    if message.guest_query_id is None:
        raise ChatLost("no guest query")
    stub = InlineQueryResultArticle(
        id="1", title="Palaver", input_message_content=InputTextMessageContent(STUB)
    )
    with telegram_errors():
        sent = await bot.answer_guest_query(message.guest_query_id, stub)
    if not sent.inline_message_id:
        raise PlatformError("Telegram does not say what it sent")
    return sent.inline_message_id


class Guests:
    """The surfaces for guests. It remembers the pages of each answer that is being written.

    All pages of an answer share one message. As plain text it holds only one page. When the
    second page begins, it becomes a rich message (Bot API 10.1), which holds eight times as much.
    """

    def __init__(self, bot: TelegramBot) -> None:
        self._bot = bot
        self._answers: dict[str, list[str]] = {}

    def surface(
        self, conversation: ConversationId, budget: Sequence[Bucket], thread: str, *, first: bool
    ) -> "GuestSurface":
        """The surface of the *first* page in *thread*, or of the next page."""
        inline = thread.removeprefix(GUEST)
        if first:
            self._answers.pop(inline, None)
        while len(self._answers) > MOST_GUESTS:
            del self._answers[next(iter(self._answers))]
        pages = self._answers.setdefault(inline, [])
        pages.append("")
        return GuestSurface(self._bot, conversation, budget, inline, pages)


class GuestSurface(TelegramSurface):
    """The last of *pages*, in the one inline message that shows them all.

    It has no buttons, because a press would name no chat. If the server knows no rich messages,
    the first page ends with a mark that says that there is more.
    """

    def __init__(
        self,
        bot: TelegramBot,
        conversation: ConversationId,
        budget: Sequence[Bucket],
        inline: str,
        pages: list[str],
    ) -> None:
        super().__init__(bot, conversation, budget)
        self._inline = inline
        self._pages = pages
        self._page = len(pages) - 1

    @property
    def handle(self) -> str:
        return "" if self._page else f"{GUEST}{self._inline}"

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        self._pages[self._page] = text
        if len(self._pages) > 1:
            await self._show_all(f"\n\n{GROWING.strip()}")
        else:
            await super().show(text)

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        self._pages[self._page] = text
        if len(self._pages) > 1:
            await self._show_all("")
        else:
            await super().finish(text)

    async def _show_all(self, end: str) -> None:
        whole = "\n\n".join(filter(None, self._pages))
        if len(whole) > RICH_CHARS:
            whole, end = whole[:RICH_CHARS], MORE
        try:
            with telegram_errors():
                await self._bot.call(
                    "editMessageText",
                    {
                        "inline_message_id": self._inline,
                        "rich_message": {
                            "markdown": unfetched(whole) + end,
                            "skip_entity_detection": True,
                        },
                    },
                )
        except ContentRefused as error:
            if NOT_MODIFIED not in str(error).lower():
                await self._show_first()

    async def _show_first(self) -> None:
        formatted = render(self._pages[0])
        if units(formatted.text) + units(MORE) <= TEXT_UNITS:
            formatted = formatted._replace(text=formatted.text + MORE)
        await self._show(formatted, ())

    async def delete(self) -> None:
        """An inline message cannot be deleted."""

    async def _put(self, formatted: Formatted, buttons: Sequence[Button]) -> None:
        try:
            with telegram_errors():
                await self._bot.edit_message_text(
                    formatted.text,
                    inline_message_id=self._inline,
                    entities=entities_of(formatted.entities),
                    link_preview_options=NO_PREVIEW,
                )
        except ContentRefused as error:
            if NOT_MODIFIED not in str(error).lower():
                raise
