"""Rich messages: tables and maths, drawn by Telegram's newer clients, where the operator wants it.

Source: core.telegram.org/bots/api#inputrichmessage (Bot API 10.1): Markdown as models write it,
32,768 characters. We never use them for Chinese, Japanese or Korean, which some clients draw badly
(autumn 2026). An answer grows as plain text, and ends as a rich message in the same post.
"""

import json
import re
from collections.abc import Sequence

from bots.telegram.surface import TelegramSurface, keyboard, telegram_errors
from core.errors import Impossible
from core.messages import Button

MOST_CHARS = 32_000
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]")
_FETCHED = re.compile(
    r"!\[|<\s{0,8}(?:img|picture|video|audio|source|iframe|embed|object)\b", re.IGNORECASE
)
"""Telegram would fetch it, without a click: its address may carry away what a model has read."""
_MATHS = ("$$", "\\[", "\\(", "```math")


def _is_rule(line: str) -> bool:
    """Whether *line* is the line under a table's head."""
    return "---" in line and "|" in line and not line.strip(" :|-")


def worth(text: str) -> bool:
    """Whether *text* holds a table or maths, and nothing that is drawn badly or fetched."""
    if len(text) > MOST_CHARS or _WIDE.search(text) or _FETCHED.search(text):
        return False
    table = any(map(_is_rule, text.splitlines()))
    return table or any(mark in text for mark in _MATHS)


def unfetched(text: str) -> str:
    """*text*, in which pictures are links, and what else would be fetched is text."""
    return _FETCHED.sub(lambda found: found[0].replace("![", "[").replace("<", "&lt;"), text)


class RichSurface(TelegramSurface):
    """Ends as a rich message if that is `worth` it, and as plain text on an older server."""

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if worth(text):
            try:
                await self._finish_rich(text, buttons)
            except Impossible:
                # The plain call then finds out whether the post or the chat is lost.
                pass
            else:
                return
        await super().finish(text, buttons)

    async def _finish_rich(self, text: str, buttons: Sequence[Button]) -> None:
        markup = keyboard(buttons)
        asked: dict[str, object] = {
            "chat_id": self._chat,
            # What a model writes must be no command and no mention.
            "rich_message": {"markdown": text, "skip_entity_detection": True},
            "reply_markup": markup.to_json() if markup is not None else None,
        }
        with telegram_errors():
            if self._message_id is not None:
                await self._bot.call("editMessageText", {**asked, "message_id": self._message_id})
                return
            asked["message_thread_id"] = self._topic
            if self._reply_to:
                reply = {"message_id": int(self._reply_to), "allow_sending_without_reply": True}
                asked["reply_parameters"] = json.dumps(reply)
            sent = await self._bot.call("sendRichMessage", asked)
        self._message_id = int(sent["message_id"])
