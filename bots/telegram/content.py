"""What a Telegram message holds: its words, its files, and everything else in words. Pure."""

import mimetypes
from collections.abc import Callable, Collection

from telegram import (
    Chat,
    ExternalReplyInfo,
    Message,
    MessageEntity,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    Story,
    User,
)

from core.messages import Attachment
from core.words import file_name

Holder = Message | ExternalReplyInfo
SERVICE = (
    *("new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo"),
    *("delete_chat_photo", "group_chat_created", "supergroup_chat_created"),
    *("channel_chat_created", "message_auto_delete_timer_changed", "migrate_to_chat_id"),
    *("migrate_from_chat_id", "pinned_message", "forum_topic_created", "forum_topic_edited"),
    *("forum_topic_closed", "forum_topic_reopened", "general_forum_topic_hidden"),
    *("general_forum_topic_unhidden", "video_chat_scheduled", "video_chat_started"),
    *("video_chat_ended", "video_chat_participants_invited", "write_access_allowed"),
    *("web_app_data", "users_shared", "chat_shared", "connected_website", "passport_data"),
    *("proximity_alert_triggered", "boost_added", "chat_background_set", "refunded_payment"),
    *("successful_payment", "gift", "unique_gift", "paid_message_price_changed"),
    *("direct_message_price_changed", "checklist_tasks_done", "checklist_tasks_added"),
    *("giveaway_created", "giveaway_completed", "gift_upgrade_sent"),
    *("suggested_post_approved", "suggested_post_approval_failed", "suggested_post_declined"),
    *("suggested_post_paid", "suggested_post_refunded", "chat_owner_changed", "chat_owner_left"),
)
"""Service messages of a chat. In them nobody asks anything."""
_QUIET = ("sticker", "dice", "game")
"""In a group these are reactions, not questions."""


def is_service(message: Message) -> bool:
    return any(getattr(message, name, None) for name in SERVICE)


def text_of(message: Message) -> str:
    return message.text or message.caption or _rich(message.api_kwargs.get("rich_message"))


def _rich(value: object) -> str:
    """The words of a rich message, which has no `text` (Bot API 10.1, `rich_message.blocks`)."""
    match value:
        case str():
            return value
        case list():
            return "".join(map(_rich, value))
        case {"blocks": list(blocks)}:
            return "\n".join(filter(None, map(_rich, blocks)))
        case {"cells": list(cells)}:
            return " | ".join(map(_rich, cells))
        case dict():
            parts = (value.get(key) for key in ("text", "items", "rows", "caption"))
            return "\n".join(filter(None, map(_rich, parts)))
    return ""


def _buttons(message: Message) -> str:
    """The addresses behind the buttons of a message of some bot."""
    rows = message.reply_markup.inline_keyboard if message.reply_markup is not None else ()
    found = [one for row in rows for one in row if one.url]
    return "".join(f"\n[a button: {one.text} ({one.url})]" for one in found)


def entities_of(message: Message) -> tuple[MessageEntity, ...]:
    return tuple(message.entities if message.text else message.caption_entities)


def with_links(message: Message, without: Collection[MessageEntity] = ()) -> str:
    """The words, without those of *without*, and with the address of each link that hides it."""
    text = text_of(message).encode("utf-16-le")
    for entity in sorted(entities_of(message), key=lambda one: one.offset, reverse=True):
        end = 2 * (entity.offset + entity.length)
        if entity in without:
            text = text[: 2 * entity.offset] + text[end:]
        elif entity.type == MessageEntity.TEXT_LINK and entity.url:
            shown = text[2 * entity.offset : end].decode("utf-16-le", "replace")
            if shown.strip("/") not in entity.url:
                text = text[:end] + f" ({entity.url})".encode("utf-16-le") + text[end:]
    return text.decode("utf-16-le", "replace") + _buttons(message)


def attachments(holder: Holder) -> tuple[Attachment, ...]:
    """The file of *holder*. If it has no name, its kind is its name."""
    if holder.photo:
        largest = holder.photo[-1]
        return (
            Attachment("image", largest.file_id, "photo.jpg", "image/jpeg", largest.file_size or 0),
        )
    if holder.voice is not None:
        voice = holder.voice
        mime = voice.mime_type or "audio/ogg"
        return (Attachment("audio", voice.file_id, "voice.ogg", mime, voice.file_size or 0),)
    if holder.video_note is not None:
        note = holder.video_note
        name = "video message.mp4"
        return (Attachment("file", note.file_id, name, "video/mp4", note.file_size or 0),)
    for what in ("animation", "video", "audio", "document"):
        file = getattr(holder, what)
        if file is None:
            continue
        mime = file.mime_type or ""
        name = file_name(file.file_name or "") or _named(_track(file) or what, mime)
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


def _track(file: object) -> str:
    """Who plays which piece of music, if *file* says so."""
    parts = (getattr(file, key, None) for key in ("performer", "title"))
    return file_name(" - ".join(filter(None, parts)))


def _named(what: str, mime: str) -> str:
    known = mimetypes.guess_extension(mime) if mime else None
    return f"{what}{known}" if known else ("" if what == "document" else what)


def described(holder: Holder, *, private: bool) -> str:
    """What *holder* shows besides words and files, in words; empty if there is nothing else."""
    for kind, words in _KINDS.items():
        if (what := getattr(holder, kind, None)) and (private or kind not in _QUIET):
            return words(what)
    return ""


def _sticker(sticker: object) -> str:
    emoji = getattr(sticker, "emoji", None)
    of = getattr(sticker, "set_name", None)
    return f"a sticker {emoji or ''}".rstrip() + (f" of the set {of}" if of else "")


def _poll(poll: object) -> str:
    options = " / ".join(f"{one.text} ({one.voter_count})" for one in getattr(poll, "options", ()))
    state = "closed " if getattr(poll, "is_closed", False) else ""
    return f"a {state}poll: {getattr(poll, 'question', '')} Options, with votes: {options}"


def _location(location: object) -> str:
    latitude, longitude = getattr(location, "latitude", 0.0), getattr(location, "longitude", 0.0)
    live = ", live" if getattr(location, "live_period", None) else ""
    return f"a location{live}: latitude {latitude:.5f}, longitude {longitude:.5f}"


def _venue(venue: object) -> str:
    where = _location(getattr(venue, "location", None)).removeprefix("a location")
    return f"a venue: {getattr(venue, 'title', '')}, {getattr(venue, 'address', '')}{where}"


def _contact(contact: object) -> str:
    names = (getattr(contact, "first_name", ""), getattr(contact, "last_name", "") or "")
    return f"a contact: {' '.join(names).strip()}, {getattr(contact, 'phone_number', '')}"


def _checklist(checklist: object) -> str:
    tasks = "; ".join(
        f"[{'x' if one.completion_date else ' '}] {one.text}"
        for one in getattr(checklist, "tasks", ())
    )
    return f"a checklist: {getattr(checklist, 'title', '')}: {tasks}"


def _game(game: object) -> str:
    return f"a game: {getattr(game, 'title', '')}. {getattr(game, 'description', '')}".strip()


def _invoice(invoice: object) -> str:
    what, about = getattr(invoice, "title", ""), getattr(invoice, "description", "")
    return f"an invoice: {what}. {about}".strip()


def of_story(story: Story) -> str:
    return f"a story of {chat_name(story.chat)}: bots cannot see stories, so say so"


def _paid(media: object) -> str:
    many, stars = len(getattr(media, "paid_media", ())), getattr(media, "star_count", 0)
    return f"paid media ({many} for {stars} Stars): you cannot see it, so say that you cannot"


_KINDS: dict[str, Callable[[object], str]] = {
    "sticker": _sticker,
    "poll": _poll,
    "dice": lambda dice: f"{getattr(dice, 'emoji', '🎲')} rolled: {getattr(dice, 'value', 0)}",
    "venue": _venue,  # Before `location`: a venue comes with its location.
    "location": _location,
    "contact": _contact,
    "story": lambda story: of_story(story) if isinstance(story, Story) else "a story",
    "checklist": _checklist,
    "game": _game,
    "invoice": _invoice,  # Another bot's, passed on.
    "paid_media": _paid,
    "giveaway": lambda _: "a giveaway",
    "giveaway_winners": lambda _: "the winners of a giveaway",
}
UNKNOWN = "something of a kind that you cannot read: say that you cannot, and what you can read"


def author_of(message: Message) -> str:
    """Who wrote *message*; of a forward, who wrote it first."""
    if message.forward_origin is not None:
        return origin_name(message.forward_origin)
    if message.sender_chat is not None:
        return message.author_signature or chat_name(message.sender_chat)
    return message.from_user.full_name if message.from_user is not None else "someone"


def origin_name(origin: object) -> str:
    match origin:
        case MessageOriginUser(sender_user=User() as user):
            return user.full_name
        case MessageOriginHiddenUser(sender_user_name=str() as name):
            return name
        case MessageOriginChat(sender_chat=Chat() as chat) | MessageOriginChannel(chat=chat):
            return chat_name(chat)
        case _:
            return "someone"


def chat_name(chat: Chat | None) -> str:
    return (chat.title or chat.full_name or "someone") if chat is not None else "someone"


def wording(message: Message) -> tuple[object, ...]:
    """What a real edit changes. Telegram also reports changed buttons and previews as edits."""
    marks = [(one.type, one.offset, one.length, one.url) for one in entities_of(message)]
    return (text_of(message), *marks, *(one.ref for one in attachments(message)))
