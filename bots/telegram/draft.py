"""Message drafts: a preview that Telegram animates, in private chats only.

Source: Bot API 9.5, sendMessageDraft. Telegram shows a draft for 30 s, and removes it when the bot
sends its message. No call turns a draft into the message, so some clients show a flash.
"""

import secrets
from collections.abc import Sequence

from bots.telegram.markup import render
from bots.telegram.surface import TelegramSurface, entities_of, telegram_errors
from bots.telegram.wire import TelegramBot
from core.errors import ContentRefused, NoRight
from core.messages import Button, ConversationId
from core.platform import Bucket


class DraftSurface(TelegramSurface):
    """Previews are drafts, and the final text is a message. Edits, once a draft was refused."""

    def __init__(
        self,
        bot: TelegramBot,
        conversation: ConversationId,
        budget: Sequence[Bucket],
        *,
        reply_to: str = "",
    ) -> None:
        super().__init__(bot, conversation, budget, reply_to=reply_to)
        self._draft_id = secrets.randbelow(2**31 - 1) + 1

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._draft_id:
            formatted = render(text)
            try:
                with telegram_errors():
                    await self._bot.send_message_draft(
                        self._chat,
                        self._draft_id,
                        formatted.text,
                        message_thread_id=self._topic,
                        entities=entities_of(formatted.entities),
                        # Bot API 10.3: Telegram's own Stop button. A draft takes no buttons of
                        # ours, and some clients let nobody type while they show it.
                        api_kwargs={"can_stop": bool(buttons), "keep_on_stop": True},
                    )
                return
            except (ContentRefused, NoRight):
                self._draft_id = 0
        await super().show(text, buttons)
