"""People who ask in the name of their group or channel, but press buttons in their own name.

Telegram does not tell which person asked (tdlib/telegram-bot-api, Client.cpp, `JsonMessage`). So
each admin of that group or channel may press the buttons under such an answer. Telegram tells who
is an admin of a channel only to a bot that is one too (core.telegram.org/bots/api#getchatmember).
"""

from msgspec.structs import replace
from telegram import CallbackQuery, Message
from telegram.error import TelegramError

from bots.telegram.inbound import sender_of
from bots.telegram.pointing import Me
from bots.telegram.wire import TelegramBot
from core.messages import Incoming

ADMINS = ("creator", "administrator")
"""core.telegram.org/bots/api#chatmember: status."""


async def in_whose_name(
    bot: TelegramBot, query: CallbackQuery, incoming: Incoming, me: Me
) -> Incoming:
    """*incoming*, the press of *query*, in the name of the chat that asked if its admin pressed."""
    post = query.message
    asked = post.reply_to_message if isinstance(post, Message) else None
    if asked is None or asked.sender_chat is None:
        return incoming
    whom = {"chat_id": asked.sender_chat.id, "user_id": query.from_user.id}
    try:
        member = await bot.call("getChatMember", whom)
    except TelegramError:
        return incoming
    sender = sender_of(asked, me)
    known = isinstance(member, dict) and member.get("status") in ADMINS
    return replace(incoming, sender=sender) if known and sender is not None else incoming
