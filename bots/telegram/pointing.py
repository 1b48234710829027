"""What a message refers to: what it replies to or quotes, and the files there. Pure."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from telegram import Message, User

from bots.telegram.content import (
    Holder,
    attachments,
    author_of,
    chat_name,
    described,
    entities_of,
    of_story,
    origin_name,
    with_links,
)
from core.messages import Attachment, ConversationId, Quote, split_conversation

NAME = "telegram"
TELEGRAM = 777000
"""Telegram itself, in whose name channels post in their groups."""
NOBODY = frozenset((1087968824, 136817688, TELEGRAM))
"""GroupAnonymousBot, Channel_Bot, Telegram: they stand for a chat and have no rights themselves.

Source: tdlib/telegram-bot-api, Client.cpp, `JsonMessage`.
"""
QUOTE_CHARS = 4000
UNTOLD = "(its words are not shown to bots: ask for them)"
"""Telegram shows bots only the quoted words of a message in another chat."""


class Me(NamedTuple):
    """Who the bot is, the *commands* that it knows, and the *tenant* that it is."""

    id: int
    username: str
    commands: Collection[str]
    tenant: str = NAME


def replied_to(message: Message) -> Message | None:
    """What *message* replies to, if a person chose that.

    In a topic every message "replies" to the service message that made the topic.
    Source: tdlib/telegram-bot-api, Client.cpp, `JsonMessage`, `reply_to_message`.
    """
    replied = message.reply_to_message
    return None if replied is None or replied.forum_topic_created is not None else replied


def reference_of(message: Message | None) -> str:
    """The id of *message*; empty if there is none."""
    return "" if message is None else str(message.message_id)


def is_ours(message: Message | None, me: Me) -> bool:
    return (
        message is not None
        and message.from_user is not None
        and message.from_user.id == me.id
        and not message.is_automatic_forward
    )


def people_named(message: Message, me: Me) -> tuple[str, ...]:
    """The ids of the people whom *message* mentions.

    A mention by name has no id: Bot API cannot look one up.
    """
    return _ids_of((one.user for one in entities_of(message)), me)


def replied_person(message: Message, me: Me) -> str:
    """The id of the person to whom *message* replies; or empty."""
    replied = replied_to(message)
    return next(iter(_ids_of([replied.from_user] if replied is not None else [], me)), "")


def _ids_of(people: Iterable[User | None], me: Me) -> tuple[str, ...]:
    # A bot that is an author stands for a group or channel.
    ids = (one.id for one in people if one is not None and not one.is_bot and one.id != TELEGRAM)
    return tuple(f"{me.tenant}:{one}" for one in dict.fromkeys(ids))


def quote_of(message: Message, me: Me) -> Quote | None:
    replied, elsewhere = replied_to(message), message.external_reply
    chosen = message.quote.text if message.quote is not None else ""
    if replied is not None:
        author = "the assistant" if is_ours(replied, me) else author_of(replied)
        text = chosen or with_links(replied) or described(replied, private=True) or _file(replied)
        post = str(replied.message_id) if is_ours(replied, me) else ""
    elif elsewhere is not None:
        # A message of another chat or topic has no text but the quote.
        author, post = origin_name(elsewhere.origin), ""
        text = chosen or described(elsewhere, private=True) or _file(elsewhere) or UNTOLD
    elif message.reply_to_story is not None:
        story = message.reply_to_story
        author, post, text = chat_name(story.chat), "", of_story(story)
    else:
        return None
    return Quote(author, text[:QUOTE_CHARS], post, bool(chosen)) if text else None


def files_pointed_at(message: Message) -> tuple[Attachment, ...]:
    """The file of the message that *message* refers to, also if that is ours."""
    holder = replied_to(message) or message.external_reply
    return attachments(holder) if holder is not None else ()


def _file(holder: Holder) -> str:
    """A file in words, so that the model does not take it for a file of the asker."""
    return "".join(f"(the file {one.title})" for one in attachments(holder))


def link_to(conversation: ConversationId, message: str) -> str:
    """The address of *message* for members of its supergroup. Other chats have no addresses.

    Source: core.telegram.org/api/links#private-message-links.
    """
    _, chat, topic = split_conversation(conversation)
    number = chat.removeprefix("-100")
    if number == chat or not (number.isdigit() and message.isdigit()):
        return ""
    where = f"{number}/{topic}" if topic.isdigit() else number
    return f"https://t.me/c/{where}/{message}"
