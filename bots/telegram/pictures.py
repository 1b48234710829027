"""Sends pictures to Telegram: as photos or else as files, one by one or as an album. And files."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from telegram import InputMediaDocument, InputMediaPhoto, Message, ReplyParameters

from bots.telegram.aside import GUEST
from bots.telegram.content import attachments
from bots.telegram.entities import units
from bots.telegram.markup import CAPTION_UNITS, plain
from bots.telegram.surface import keyboard, place, reply_parameters, telegram_errors
from bots.telegram.wire import TelegramBot
from core.errors import ContentRefused, Impossible, NoRight
from core.messages import Attachment, Button, ConversationId, Picture, split_conversation
from core.posted import Posted

ALBUM = 10
"""sendMediaGroup: 2 to 10 items."""
PHOTO_BYTES = 10 * 1024 * 1024
"""sendPhoto: larger pictures go as files."""
Thread = int | None


async def send(
    bot: TelegramBot,
    where: tuple[int, Thread],
    reply: ReplyParameters | None,
    pictures: Sequence[Picture],
    buttons: Sequence[Button],
    replacing: str,
) -> Posted:
    """The same as `Platform.send_pictures`."""
    if replacing and len(pictures) == 1:
        # Somebody deleted the post meanwhile. Send a new one.
        with suppress(Impossible), telegram_errors():
            post = await bot.edit_message_media(
                media(pictures[0]), where[0], int(replacing), reply_markup=keyboard(buttons)
            )
            return Posted(replacing, attached([post]))
    if len(pictures) > 1:
        return Posted(pictures=attached(await send_album(bot, where, reply, pictures)))
    return await send_one(bot, where, reply, pictures[0], buttons)


async def send_one(
    bot: TelegramBot,
    where: tuple[int, Thread],
    reply: ReplyParameters | None,
    picture: Picture,
    buttons: Sequence[Button],
) -> Posted:
    """The post of *picture*. Raises as a surface, and `NoRight`."""
    if len(picture.data) <= PHOTO_BYTES:
        try:
            with telegram_errors():
                post = await bot.send_photo(
                    where[0],
                    picture.data,
                    caption=caption(picture),
                    message_thread_id=where[1],
                    reply_parameters=reply,
                    reply_markup=keyboard(buttons),
                )
        except (ContentRefused, NoRight):
            # The picture is too large for a photo, or photos are not allowed. Try it as a file.
            pass
        else:
            return Posted(str(post.message_id), attached([post]))
    with telegram_errors():
        post = await bot.send_document(
            where[0],
            picture.data,
            filename=file_name(picture),
            caption=caption(picture),
            message_thread_id=where[1],
            reply_parameters=reply,
            reply_markup=keyboard(buttons),
        )
    return Posted(str(post.message_id), attached([post]))


async def send_album(
    bot: TelegramBot,
    where: tuple[int, Thread],
    reply: ReplyParameters | None,
    pictures: Sequence[Picture],
) -> Sequence[Message]:
    """An album of photos, or else of files: Telegram does not mix them. It takes no buttons."""
    photos = [InputMediaPhoto(one.data, caption=caption(one)) for one in pictures]
    if all(len(one.data) <= PHOTO_BYTES for one in pictures):
        try:
            with telegram_errors():
                return await bot.send_media_group(
                    where[0], photos, message_thread_id=where[1], reply_parameters=reply
                )
        except (ContentRefused, NoRight):
            pass
    files = [
        InputMediaDocument(one.data, caption=caption(one), filename=file_name(one))
        for one in pictures
    ]
    with telegram_errors():
        return await bot.send_media_group(
            where[0], files, message_thread_id=where[1], reply_parameters=reply
        )


def attached(posts: Iterable[object]) -> tuple[Attachment, ...]:
    """The pictures of *posts*, to be fetched again."""
    return tuple(
        one
        for post in posts
        if isinstance(post, Message)
        for one in attachments(post)
        if one.ref and one.kind == "image"
    )


async def send_voice(
    bot: TelegramBot, conversation: ConversationId, reply_to: str, sound: bytes
) -> None:
    """The same as `Platform.send_voice`."""
    chat, topic = place(conversation)
    with telegram_errors():
        await bot.send_voice(
            chat, sound, message_thread_id=topic, reply_parameters=reply_parameters(reply_to)
        )


async def send_document(
    bot: TelegramBot, conversation: ConversationId, reply_to: str, name: str, data: bytes
) -> None:
    """As `Platform.send_file`. Telegram finds out the kind of the file by itself."""
    if split_conversation(conversation)[2].startswith(GUEST):
        raise NoRight("we are not a member of that chat", "files")
    chat, topic = place(conversation)
    with telegram_errors():
        await bot.send_document(
            chat,
            data,
            filename=name,
            message_thread_id=topic,
            reply_parameters=reply_parameters(reply_to if reply_to.isdigit() else ""),
            # A text file could be taken for something that is played or shown within the chat.
            disable_content_type_detection=True,
        )


def media(picture: Picture) -> InputMediaPhoto | InputMediaDocument:
    if len(picture.data) <= PHOTO_BYTES:
        return InputMediaPhoto(picture.data, caption=caption(picture))
    return InputMediaDocument(picture.data, caption=caption(picture), filename=file_name(picture))


def file_name(picture: Picture) -> str:
    return f"picture.{picture.mime.rpartition('/')[2]}"


def caption(picture: Picture) -> str | None:
    text = plain(picture.caption)
    while units(text) > CAPTION_UNITS:
        text = text[:-1]
    return text or None
