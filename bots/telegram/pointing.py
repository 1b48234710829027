"""What a message points at: what it replies to or quotes, and the files of that. Pure."""

from collections.abc import Collection
from typing import NamedTuple

from telegram import Message

from bots.telegram.content import (
    Holder,
    attachments,
    author_of,
    chat_name,
    described,
    of_story,
    origin_name,
    with_links,
)
from core.messages import Attachment, Quote

QUOTE_CHARS = 4000
UNTOLD = "(its words are not shown to bots: ask for them)"
"""Of what stands in another chat, bots are told no more than what was marked."""


class Me(NamedTuple):
    """Who the bot is; *commands* are those it knows."""

    id: int
    username: str
    commands: Collection[str]


def replied_to(message: Message) -> Message | None:
    """What *message* replies to, chosen by a person.

    In a topic every message "replies" to the service message that made the topic.
    Source: tdlib/telegram-bot-api, Client.cpp, `JsonMessage`, `reply_to_message`.
    """
    replied = message.reply_to_message
    return None if replied is None or replied.forum_topic_created is not None else replied


def is_ours(message: Message | None, me: Me) -> bool:
    return (
        message is not None
        and message.from_user is not None
        and message.from_user.id == me.id
        and not message.is_automatic_forward
    )


def quote_of(message: Message, me: Me) -> Quote | None:
    replied, elsewhere = replied_to(message), message.external_reply
    chosen = message.quote.text if message.quote is not None else ""
    if replied is not None:
        author = "the assistant" if is_ours(replied, me) else author_of(replied)
        text = chosen or with_links(replied) or described(replied, private=True) or _file(replied)
        post = str(replied.message_id) if is_ours(replied, me) else ""
    elif elsewhere is not None:
        # From another chat or topic: it has no text but the quote.
        author, post = origin_name(elsewhere.origin), ""
        text = chosen or described(elsewhere, private=True) or _file(elsewhere) or UNTOLD
    elif message.reply_to_story is not None:
        story = message.reply_to_story
        author, post, text = chat_name(story.chat), "", of_story(story)
    else:
        return None
    return Quote(author, text[:QUOTE_CHARS], post, bool(chosen)) if text else None


def files_pointed_at(message: Message) -> tuple[Attachment, ...]:
    """The file that is spoken about, be it somebody's or our own."""
    holder = replied_to(message) or message.external_reply
    return attachments(holder) if holder is not None else ()


def _file(holder: Holder) -> str:
    """A file in words, so that nobody takes it for one of who points at it."""
    return "".join(f"(the file {one.title})" for one in attachments(holder))
