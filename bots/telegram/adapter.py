"""Telegram as a platform: long polling or webhook in, messages and photos out."""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from aiohttp import web
from telegram.error import TelegramError

from bots.telegram.admins import Admins, hears, is_admin
from bots.telegram.afterwards import REACTIONS, Afterwards
from bots.telegram.aside import GUEST, Asides
from bots.telegram.draft import DraftSurface
from bots.telegram.files import Files
from bots.telegram.guest import Guests
from bots.telegram.limits import place_budget
from bots.telegram.markup import CAPTION_UNITS, fill
from bots.telegram.menu import set_menus
from bots.telegram.pictures import ALBUM, send, send_document, send_voice
from bots.telegram.pointing import NAME, Me, link_to
from bots.telegram.rich import RichSurface
from bots.telegram.surface import (
    TelegramSurface,
    place,
    reply_parameters,
    telegram_errors,
)
from bots.telegram.updates import ALLOWED_UPDATES, Updates
from bots.telegram.wire import open_bot
from core.errors import ChatLost, ConfigError, ContentRefused
from core.lent import Leases, Recent, Spare
from core.messages import (
    Attachment,
    Button,
    ConversationId,
    Incoming,
    Picture,
    conversation_id,
    place_id,
    split_conversation,
)
from core.net.way import DIRECT, Way
from core.platform import Bucket, Limits
from core.posted import Posted
from core.retry import retry_while_away
from core.said import Feeling, Span, Transcript

TITLE_CHARS = 128
"""createForumTopic: name."""


class TelegramPlatform:
    """The bot of one token. *name*: its tenant."""

    local = False
    limits = Limits(
        # Rendered text is often shorter than its Markdown. So `fill` decides, not the length.
        page_chars=6_000,
        caption_chars=CAPTION_UNITS // 2,
        pictures_per_post=ALBUM,
        interval_s=0.02,
        indicate_every_s=4.5,
        replaces_pictures=True,
        passes_on=True,
        groups=("-",),
    )

    def __init__(
        self,
        token: str,
        api_url: str,
        leases: Leases,
        recent: Recent,
        spare: Spare,
        *,
        name: str = NAME,
        menus: Mapping[str, Mapping[str, str]],
        for_asker: Collection[str] = (),
        webhook_secret: str = "",
        public_url: str = "",
        webhook_path: str = "",
        drafts: bool = False,
        way: Way = DIRECT,
        rich: Collection[str] = (),
        reactions: bool = False,
    ) -> None:
        if webhook_secret and not public_url:
            raise ConfigError("PUBLIC_URL", "is needed with TELEGRAM_WEBHOOK_SECRET")
        self.name = name
        self._drafts, self._rich = drafts, frozenset(rich)
        self._bot = open_bot(token, api_url, way, recent)
        self._token, self._api_url, self._way = token, api_url, way
        self._asides = Asides(self._bot)
        self._afterwards = Afterwards(self._bot, spare, reactions=reactions)
        self._menus, self._for_asker = menus, for_asker
        self._webhook_secret = webhook_secret
        self._public_url, self._webhook_path = public_url, webhook_path
        self._updates = Updates(
            self._bot, self._afterwards, leases, recent, webhook_secret, self._asides
        )
        self._guests = Guests(self._bot)
        self._admins = Admins(self._bot, name)
        self._me = Me(0, "", (), name)
        self.identity = "Telegram"

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            # Nobody calls `__aexit__` then, and the bot may hold sessions already.
            await self._bot.shutdown()
            raise
        self._session = self._way.session()
        self._files = Files(self._session, self._bot, self._api_url, self._token)
        user = self._bot.bot
        self._bot.slow.bot, self._bot.slow.tenant = user.id, self.name
        commands = {*self._menus[""], "start"}
        self._updates.me = self._me = Me(user.id, user.username or "", commands, self.name)
        privacy = "reads all group messages" if user.can_read_all_group_messages else "privacy mode"
        mode = "webhook" if self._webhook_secret else "long polling"
        self.identity = f"https://t.me/{user.username} ({mode}, {privacy})"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._afterwards.close()
        await self._bot.slow.close()
        with suppress(TelegramError, RuntimeError):
            await self._bot.shutdown()
        await self._session.close()

    @retry_while_away
    async def _start(self) -> None:
        with telegram_errors():
            await self._bot.initialize()
            await self._set_up()

    async def _set_up(self) -> None:
        if self._webhook_secret:
            await self._bot.set_webhook(
                f"{self._public_url}{self._webhook_path}",
                secret_token=self._webhook_secret,
                allowed_updates=ALLOWED_UPDATES,
            )
        else:
            # No pending update may be dropped: people wrote while we were down.
            await self._bot.delete_webhook(drop_pending_updates=False)
        await set_menus(self._bot, self._menus, self._for_asker)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        hooked = web.post(self._webhook_path, self._updates.webhook)
        return [hooked] if self._webhook_secret else []

    async def updates(self) -> AsyncGenerator[Sequence[Incoming]]:
        async for batch in self._updates.batches():
            yield batch

    def budget(self, conversation: ConversationId) -> Sequence[Bucket]:
        chat = place(conversation)[0]
        return (*place_budget(self._me.id, self.name, chat), *self._bot.slow.buckets(chat))

    def indicate_budget(self, conversation: ConversationId, *, busy: bool) -> Sequence[Bucket]:
        return self._calls(conversation) if busy else ()

    def _calls(self, conversation: ConversationId) -> Sequence[Bucket]:
        """The buckets of every call there, of new posts and others."""
        return place_budget(self._me.id, self.name, place(conversation)[0])

    def fill(self, text: str) -> float:
        return fill(text)

    def open_surface(self, conversation: ConversationId, reply_to: str) -> TelegramSurface:
        budget = self._calls(conversation)
        if (thread := split_conversation(conversation)[2]).startswith(GUEST):
            return self._guests.surface(conversation, budget, thread, first=bool(reply_to))
        if ":" in reply_to:
            return self._asides.surface(conversation, budget, reply_to)
        kind = self._kind(conversation)
        if self._drafts and place(conversation)[0] > 0 and kind is TelegramSurface:
            kind = DraftSurface
        return kind(self._bot, conversation, budget, reply_to=reply_to)

    def _kind(self, conversation: ConversationId) -> type[TelegramSurface]:
        wanted = {"*", place_id(conversation)} & self._rich
        return RichSurface if wanted else TelegramSurface

    def reopen_surface(self, conversation: ConversationId, handle: str) -> TelegramSurface:
        budget = self._calls(conversation)
        if handle.startswith(GUEST):
            return self._guests.surface(conversation, budget, handle, first=True)
        return self._kind(conversation)(self._bot, conversation, budget, message_id=int(handle))

    async def send_pictures(
        self,
        conversation: ConversationId,
        reply_to: str,
        pictures: Sequence[Picture],
        buttons: Sequence[Button] = (),
        *,
        replacing: str = "",
    ) -> Posted:
        where, reply = place(conversation), reply_parameters(reply_to)
        return await send(self._bot, where, reply, pictures, buttons, replacing)

    async def send_voice(self, conversation: ConversationId, reply_to: str, sound: bytes) -> None:
        await send_voice(self._bot, conversation, reply_to, sound)

    async def send_file(
        self, conversation: ConversationId, reply_to: str, name: str, data: bytes, mime: str
    ) -> None:
        await send_document(self._bot, conversation, reply_to, name, data)

    async def indicate(
        self, conversation: ConversationId, *, busy: bool, asked: bool = False
    ) -> None:
        if not busy:
            return  # Typing ends by itself, with the next message or after 5 s.
        chat, topic = place(conversation)
        if split_conversation(conversation)[2].startswith(GUEST):
            return  # We are not a member of that chat.
        with telegram_errors():
            typing = {"chat_id": chat, "message_thread_id": topic, "action": "typing"}
            await self._bot.call("sendChatAction", typing)

    async def entitle(self, conversation: ConversationId, title: str) -> None:
        chat, topic = place(conversation)
        if chat > 0 and topic is not None:
            # core.telegram.org/bots/api#editforumtopic: also in private chats since Bot API 9.3.
            with suppress(TelegramError):
                await self._bot.edit_forum_topic(chat, topic, name=title[:TITLE_CHARS])

    async def administers(self, conversation: ConversationId, person: str) -> bool:
        return await self._admins.has(place(conversation)[0], person)

    async def private_with(self, person: str) -> ConversationId:
        user = person.partition(":")[2]
        if not user.isdigit():
            raise ChatLost(f"{person} is a group or channel")
        return conversation_id(self.name, user)

    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes:
        return await self._files.download(attachment, most_bytes)

    async def read(self, conversation: ConversationId, span: Span) -> Transcript:
        return Transcript(missing="all")  # Telegram has no call for that.

    async def react(self, conversation: ConversationId, message: str, feeling: Feeling) -> None:
        if split_conversation(conversation)[2].startswith(GUEST):
            raise ContentRefused("a guest cannot react")
        with telegram_errors():
            chat = place(conversation)[0]
            await self._bot.set_message_reaction(chat, int(message), REACTIONS[feeling])

    async def alone(self, incoming: Incoming) -> str:
        # An admin may write to one person at any time (core.telegram.org/bots/api, Bot API 10.2).
        chat = place(incoming.conversation)[0]
        return incoming.aside if chat < 0 and await is_admin(self._bot, chat) else ""

    async def hears(self, conversation: ConversationId) -> bool:
        return await hears(self._bot, place(conversation)[0])

    def link_to(self, conversation: ConversationId, message: str) -> str:
        return link_to(conversation, message)
