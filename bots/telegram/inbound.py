"""Telegram's updates to incomings. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec
from telegram import CallbackQuery, Message, MessageEntity, Update, User
from telegram.constants import ChatType

from bots.telegram.aside import GUEST, alone, aside
from bots.telegram.content import (
    UNKNOWN,
    attachments,
    author_of,
    chat_name,
    described,
    entities_of,
    is_service,
    with_links,
)
from bots.telegram.pointing import (
    NOBODY,
    TELEGRAM,
    Me,
    files_pointed_at,
    is_ours,
    people_named,
    quote_of,
    reference_of,
    replied_person,
    replied_to,
)
from core.messages import (
    CUT,
    FORWARD,
    TITLE,
    ConversationId,
    Incoming,
    Quote,
    Sender,
    conversation_id,
)

CUT_CHARS = 3900
"""Clients cut a text at 4096 UTF-16 units, or at a space or line end a little before."""


def read_update(update: Update, me: Me) -> Incoming | None:
    """The incoming of *update*, or None if it is none."""
    event_id = f"{me.tenant}:{me.id}:{update.update_id}"
    if (stopped := update.api_kwargs.get(STOPPED)) is not None:
        return _stopped(stopped, event_id, me)
    if update.callback_query is not None:
        return _pressed(update.callback_query, event_id, me)
    message = update.message or update.edited_message
    if message is not None and message.migrate_to_chat_id:
        return _moved(message, message.migrate_to_chat_id, event_id, me)
    if (
        message is None
        or message.is_automatic_forward
        or (sender := sender_of(message, me)) is None
    ):
        return None
    if title := _title(message):
        return _titled(message, sender, title, event_id, me)
    return _said(message, sender, event_id, me, edited=update.edited_message is not None)


def sender_of(message: Message, me: Me) -> Sender | None:
    """Who wrote *message*. If they write as a group or channel, only that is known of them."""
    user, chat = message.from_user, message.sender_chat
    if user is None or (user.id == TELEGRAM and chat is None):
        return None
    if chat is not None and user.id in NOBODY:
        name = message.author_signature or chat_name(chat)
        return Sender(f"{me.tenant}:{chat.id}", name, shared=True)
    return None if user.is_bot else _sender(user, me)


def conversation_of(message: Message, me: Me) -> ConversationId:
    thread = ""
    if message.direct_messages_topic is not None:
        # In a channel's direct messages each person has a topic.
        thread = f"{DIRECT}{message.direct_messages_topic.topic_id}"
    elif message.is_topic_message and message.message_thread_id:
        # In a group without topics, a reply has a thread id too.
        thread = str(message.message_thread_id)
    return conversation_id(me.tenant, str(message.chat.id), thread)


STOPPED = "stopped_message_generation"
"""Bot API 10.3, which the library does not know yet."""
DIRECT = "d"
"""Stands before the topic id of a person who writes to a channel."""


def read_guest(message: Message, inline: str, update_id: int, me: Me) -> Incoming | None:
    """A question in a chat of which we are not a member. *inline*: the message for the answer.

    Each question is a conversation of its own, because we must not know what else is said there.
    """
    if (sender := sender_of(message, me)) is None:
        return None
    said = with_links(message, _mentions(message, me)[0])
    return Incoming(
        event_id=f"{me.tenant}:{me.id}:{update_id}",
        conversation=conversation_id(me.tenant, str(message.chat.id), f"{GUEST}{inline}"),
        sender=sender,
        text=said.strip(),
        reply_to=f"{GUEST}{inline}",
        private=False,
        attachments=(*attachments(message), *files_pointed_at(message)),
        quote=quote_of(message, me),
        sent_at=message.date.timestamp(),
    )


def _stopped(stopped: dict[str, Any], event_id: str, me: Me) -> Incoming:
    """The Stop of a draft. Drafts exist only in private chats, whose id is the person's id."""
    chat, thread = stopped["chat"]["id"], stopped.get("message_thread_id")
    return Incoming(
        event_id=event_id,
        conversation=conversation_id(me.tenant, str(int(chat)), str(thread or "")),
        sender=Sender(f"{me.tenant}:{int(chat)}", stopped["chat"].get("first_name", "")),
        text="",
        command="stop",
    )


def _pressed(query: CallbackQuery, event_id: str, me: Me) -> Incoming | None:
    message = query.message
    if message is None or not query.data:
        return None
    readable = isinstance(message, Message)
    private = message.chat.type == ChatType.PRIVATE
    return Incoming(
        event_id=event_id,
        conversation=conversation_of(message, me)
        if isinstance(message, Message)
        else conversation_id(me.tenant, str(message.chat.id)),
        sender=_sender(query.from_user, me),
        text="",
        command=query.data,
        private=private,
        under=str(message.message_id),
        aside="" if private else aside(query.from_user.id, callback=query.id),
        sent_at=message.date.timestamp() if readable else 0.0,
    )


def _title(message: Message) -> str:
    """The name that a person just gave to a topic of a private chat; empty if nobody gave one.

    Source: core.telegram.org/bots/api#forumtopiccreated. An implicit name comes from the client,
    and the bot should find a better one.
    """
    made, changed = message.forum_topic_created, message.forum_topic_edited
    if message.chat.type != ChatType.PRIVATE:
        return ""
    if made is not None:
        return "" if made.is_name_implicit else made.name
    return (changed.name or "") if changed is not None else ""


def _titled(message: Message, sender: Sender, title: str, event_id: str, me: Me) -> Incoming:
    return Incoming(
        event_id=event_id,
        conversation=conversation_of(message, me),
        sender=sender,
        text=title,
        command=TITLE,
        sent_at=message.date.timestamp(),
    )


def _moved(message: Message, to_chat: int, event_id: str, me: Me) -> Incoming:
    """A group became a supergroup: another chat with the same people."""
    return Incoming(
        event_id=event_id,
        conversation=conversation_id(me.tenant, str(message.chat.id)),
        sender=Sender(f"{me.tenant}:{message.chat.id}", message.chat.title or ""),
        text="",
        private=False,
        moved_to=conversation_id(me.tenant, str(to_chat)),
        sent_at=message.date.timestamp(),
    )


def _said(
    message: Message, sender: Sender, event_id: str, me: Me, *, edited: bool
) -> Incoming | None:
    text, files = with_links(message), attachments(message)
    private = message.chat.type == ChatType.PRIVATE
    besides = described(message, private=private)
    if edited and not (text or files):
        return None  # A live location moved, or somebody voted. That is no new question.
    if not (text or files or besides):
        if not private or is_service(message):
            return None  # A sticker in a group, or somebody joined. That is no question.
        besides = UNKNOWN
    forwarded = message.forward_origin is not None
    # A command or a mention in a forward was written for somebody else.
    command, said, addressed = ("", text, False) if forwarded else _command(message, text, me)
    if addressed is None or (edited and command):
        return None  # It is for another bot, or it is an edit: the command ran before.
    if not command:
        mentions, others = ((), False) if forwarded else _mentions(message, me)
        said = with_links(message, mentions) if mentions else text
        replies = is_ours(replied_to(message), me) and not others
        addressed = private or bool(mentions) or replies
    quote = quote_of(message, me)
    # Bot API 10.2: only its writer and we see such a message. It has no other id.
    ephemeral = int(message.api_kwargs.get("ephemeral_message_id", 0))
    reply_to = _alone(message, ephemeral) if ephemeral else str(message.message_id)
    if forwarded and said:
        quote, said = Quote(author_of(message), said.strip(), forwarded=True), ""
    elif forwarded:
        besides = "; ".join(filter(None, (besides, f"forwarded, by {author_of(message)}")))
    return Incoming(
        event_id=event_id,
        conversation=conversation_of(message, me),
        sender=sender,
        text=said.strip(),
        command=command,
        reply_to="" if private else reply_to,
        aside="" if private else _alone(message, ephemeral),
        private=private,
        address="direct" if addressed else "overheard",
        attachments=(*files, *files_pointed_at(message)),
        described=besides,
        quote=quote,
        burst=_burst(message, text),
        message="" if ephemeral else str(message.message_id),
        edited=edited,
        sent_at=message.date.timestamp(),
        place_name="" if private else chat_name(message.chat),
        replies_to=reference_of(replied_to(message)),
        about=replied_person(message, me),
        named=people_named(message, me),
    )


def _alone(message: Message, ephemeral: int) -> str:
    user = message.from_user
    if user is None or user.id in NOBODY or message.chat.type == ChatType.CHANNEL:
        return ""
    return aside(user.id, message=0 if ephemeral else message.message_id, ephemeral=ephemeral)


def _burst(message: Message, text: str) -> str:
    if message.media_group_id:
        return f"album:{message.media_group_id}"
    if message.forward_origin is not None:
        return FORWARD
    # Clients cut a longer paste into messages of full length.
    return CUT if len(text) >= CUT_CHARS else ""


def _command(message: Message, text: str, me: Me) -> tuple[str, str, bool | None]:
    """(command, arguments, whether it is for us). None: it is for another bot, or for nobody."""
    entities = entities_of(message)
    first = entities[0] if entities else None
    if first is None or first.type != MessageEntity.BOT_COMMAND or first.offset != 0:
        return "", text, False
    name, _, bot = text[1 : first.length].partition("@")
    if bot and bot.lower() != me.username.lower():
        return "", text, None
    name = name.lower()
    private = message.chat.type == ChatType.PRIVATE
    if name not in me.commands and not private and not bot:
        return name, text[first.length :], False  # In a group it may be meant for any bot.
    return name, text[first.length :], True


def _mentions(message: Message, me: Me) -> tuple[Sequence[MessageEntity], bool]:
    """The mentions of us in *message*, and whether it mentions another bot."""
    kinds: list[str | None] = [MessageEntity.MENTION, MessageEntity.TEXT_MENTION]
    parsed = (
        message.parse_entities(kinds) if message.text else message.parse_caption_entities(kinds)
    )
    ours, others = [], False
    for entity, shown in parsed.items():
        name = shown.lower() if entity.type == MessageEntity.MENTION else ""
        if name == f"@{me.username}".lower() or (entity.user and entity.user.id == me.id):
            ours.append(entity)
        elif name.endswith("bot") or (entity.user and entity.user.is_bot):
            # core.telegram.org/bots/features#creating-a-new-bot: a bot's name ends in "bot".
            others = True
    return ours, others


def _sender(user: User, me: Me) -> Sender:
    return Sender(f"{me.tenant}:{user.id}", user.full_name, user.language_code or "")


def sound(incoming: Incoming) -> Incoming:
    """*incoming*, if the inbox can read it; else `ValidationError`. The library checks no types."""
    incoming = msgspec.structs.replace(incoming, if_barred=alone(incoming.aside))
    return msgspec.convert(msgspec.to_builtins(incoming), Incoming)
