"""Telegram's updates to incomings. Pure."""

from collections.abc import Collection
from typing import NamedTuple

from telegram import CallbackQuery, Message, MessageEntity, Update, User
from telegram.constants import ChatType

from core.messages import CUT, Attachment, Incoming, Quote, Sender, conversation_id, file_name

NAME = "telegram"
QUOTE_CHARS = 4000
CUT_CHARS = 3900
"""Clients cut at 4096 UTF-16 units, at a space or line before that where there is one."""


class Me(NamedTuple):
    """Who the bot is; *commands* are those it knows."""

    id: int
    username: str
    commands: Collection[str]


def read_update(update: Update, me: Me) -> Incoming | None:
    """The incoming that *update* is, or None where nobody spoke to anybody."""
    event_id = f"{NAME}:{me.id}:{update.update_id}"
    if update.callback_query is not None:
        return _pressed(update.callback_query, event_id)
    message = update.message or update.edited_message
    if message is not None and message.migrate_to_chat_id:
        return _moved(message, message.migrate_to_chat_id, event_id)
    if message is None or message.from_user is None or message.from_user.is_bot:
        return None
    edited = update.edited_message is not None
    return _said(message, message.from_user, event_id, me, edited=edited)


def _pressed(query: CallbackQuery, event_id: str) -> Incoming | None:
    message = query.message
    if message is None or not query.data:
        return None
    thread = ""
    if isinstance(message, Message) and message.is_topic_message and message.message_thread_id:
        thread = str(message.message_thread_id)
    return Incoming(
        event_id=event_id,
        conversation=conversation_id(NAME, str(message.chat.id), thread),
        sender=_sender(query.from_user),
        text="",
        command=query.data,
        private=message.chat.type == ChatType.PRIVATE,
        sent_at=message.date.timestamp() if isinstance(message, Message) else 0.0,
    )


def _moved(message: Message, to_chat: int, event_id: str) -> Incoming:
    """A group became a supergroup, which is another chat with the same people."""
    return Incoming(
        event_id=event_id,
        conversation=conversation_id(NAME, str(message.chat.id)),
        sender=Sender(f"{NAME}:{message.chat.id}", message.chat.title or ""),
        text="",
        private=False,
        moved_to=conversation_id(NAME, str(to_chat)),
        sent_at=message.date.timestamp(),
    )


def _said(message: Message, user: User, event_id: str, me: Me, *, edited: bool) -> Incoming | None:
    text = message.text or message.caption or ""
    attachments = _attachments(message)
    if not text and not attachments:
        return None  # A sticker, a poll, somebody who joined: nobody asked anything.
    private = message.chat.type == ChatType.PRIVATE
    command, said, addressed = _command(message, text, me)
    if addressed is None:
        return None
    if not command:
        said, mentioned = _without_mention(message, text, me)
        addressed = private or mentioned or _replies_to(message, me)
    topic = message.message_thread_id if message.is_topic_message else None
    return Incoming(
        event_id=event_id,
        conversation=conversation_id(NAME, str(message.chat.id), str(topic or "")),
        sender=_sender(user),
        text=said.strip(),
        command=command,
        reply_to="" if private else str(message.message_id),
        private=private,
        address="direct" if addressed else "overheard",
        attachments=(*attachments, *_pictures_replied_to(message)),
        quote=_quote(message, me),
        burst=_burst(message, text),
        message=str(message.message_id),
        edited=edited,
        sent_at=message.date.timestamp(),
    )


def _burst(message: Message, text: str) -> str:
    if message.media_group_id:
        return f"album:{message.media_group_id}"
    if message.forward_origin is not None:
        return "forward"
    # Clients cut a longer paste into messages of full length.
    return CUT if len(text) >= CUT_CHARS else ""


def _command(message: Message, text: str, me: Me) -> tuple[str, str, bool | None]:
    """(command, its arguments, whether it is for us; None: for another bot, or for nobody)."""
    entities = message.entities if message.text else message.caption_entities
    first = entities[0] if entities else None
    if first is None or first.type != MessageEntity.BOT_COMMAND or first.offset != 0:
        return "", text, False
    name, _, bot = text[1 : first.length].partition("@")
    if bot and bot.lower() != me.username.lower():
        return "", text, None
    name = name.lower()
    private = message.chat.type == ChatType.PRIVATE
    if name not in me.commands and not private and not bot:
        return "", text, None  # In a group it may be meant for any of its bots.
    return name, text[first.length :], True


def _without_mention(message: Message, text: str, me: Me) -> tuple[str, bool]:
    """*text* without the bot's mention, and whether there was one."""
    parsed = (
        message.parse_entities([MessageEntity.MENTION, MessageEntity.TEXT_MENTION])
        if message.text
        else message.parse_caption_entities([MessageEntity.MENTION, MessageEntity.TEXT_MENTION])
    )
    found = False
    for entity, shown in parsed.items():
        by_name = (
            entity.type == MessageEntity.MENTION and shown.lower() == f"@{me.username}".lower()
        )
        by_id = entity.user is not None and entity.user.id == me.id
        if by_name or by_id:
            found = True
            text = text.replace(shown, "", 1)
    return text, found


def _replies_to(message: Message, me: Me) -> bool:
    replied = message.reply_to_message
    # In a topic every message "replies" to the service message that made the topic.
    return (
        replied is not None
        and replied.forum_topic_created is None
        and replied.from_user is not None
        and replied.from_user.id == me.id
    )


def _quote(message: Message, me: Me) -> Quote | None:
    replied = message.reply_to_message
    if replied is None or replied.forum_topic_created is not None:
        return None
    own = replied.from_user is not None and replied.from_user.id == me.id
    chosen = message.quote.text if message.quote is not None else ""
    if own and not chosen:
        return None  # Its own words are in the history.
    text = chosen or replied.text or replied.caption or ""
    if not text:
        return None
    author = "the assistant" if own else _name(replied)
    return Quote(author=author, text=text[:QUOTE_CHARS])


def _pictures_replied_to(message: Message) -> tuple[Attachment, ...]:
    """The picture that is spoken about, be it somebody's or our own."""
    replied = message.reply_to_message
    if replied is None or replied.forum_topic_created is not None:
        return ()
    return tuple(one for one in _attachments(replied) if one.kind == "image")


def _name(message: Message) -> str:
    if message.from_user is not None:
        return message.from_user.full_name
    return message.sender_chat.title or "someone" if message.sender_chat else "someone"


def _sender(user: User) -> Sender:
    return Sender(f"{NAME}:{user.id}", user.full_name, user.language_code or "")


def _attachments(message: Message) -> tuple[Attachment, ...]:
    if message.photo:
        largest = message.photo[-1]
        return (
            Attachment("image", largest.file_id, "photo.jpg", "image/jpeg", largest.file_size or 0),
        )
    if message.voice is not None:
        voice = message.voice
        mime = voice.mime_type or "audio/ogg"
        return (Attachment("audio", voice.file_id, "voice.ogg", mime, voice.file_size or 0),)
    for file in (message.document, message.audio, message.video, message.video_note):
        if file is None:
            continue
        mime = getattr(file, "mime_type", None) or ""
        name = file_name(getattr(file, "file_name", None) or "")
        kind = mime.partition("/")[0]
        return (
            Attachment(
                "image" if kind == "image" else "audio" if kind == "audio" else "file",
                file.file_id,
                name,
                mime,
                file.file_size or 0,
            ),
        )
    return ()
