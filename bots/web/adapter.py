"""The web chat as a platform. Its posts stand in a post log that the core lends."""

import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web
from msgspec.structs import replace

from bots.push_queue import PushQueue
from bots.web.admission import Admission
from bots.web.files import Files
from bots.web.listing import Listing
from bots.web.posts import NAME, STATUS_KEY, Download, Post, decode_post, files_of, posts_of
from bots.web.proxies import PERSON, Proxies
from bots.web.routes import WebRoutes
from bots.web.sessions import Sessions
from bots.web.surface import WebSurface, question_of, store_as_platform
from core.errors import ChatLost, ContentRefused, PlatformError, StoreError
from core.lent import PostLog, Secret, Visits
from core.messages import (
    Attachment,
    Button,
    ConversationId,
    Incoming,
    Picture,
    split_conversation,
)
from core.platform import Bucket, Limits
from core.posted import Posted
from core.said import Feeling, Span, Transcript


class WebPlatform:
    """The page as a platform.

    Args:
        local: whether only this machine can reach it.
        everyone: whether it asks nobody for the link's key, though others can reach it.
    """

    name = NAME
    limits = Limits(
        page_chars=1_000_000,
        caption_chars=2_000,
        pictures_per_post=4,
        interval_s=0.04,
        indicate_every_s=4.0,
        replaces_pictures=True,
        rates=True,
    )

    # Everybody here was let in: they are on this machine, or have the key, or all may come in.
    local = True

    def __init__(
        self,
        post_log: PostLog,
        secret: Secret,
        visits: Visits,
        *,
        local: bool,
        everyone: bool = False,
        public_url: str = "",
        proxies: Proxies | None = None,
    ) -> None:
        self.identity = public_url
        self._post_log = post_log
        self._public_url = public_url
        self._everyone = everyone
        self._push_queue = PushQueue()
        self._files = Files(post_log)
        self._listing = Listing(post_log)
        self._sessions = Sessions(secret, guarded=not (local or everyone))
        admission = Admission(
            self._sessions, proxies or Proxies(), visits, local=local, public_url=public_url
        )
        self._routes = WebRoutes(post_log, self._push_queue, admission, visits)
        visits.open()

    async def __aenter__(self) -> Self:
        try:
            key = await self._sessions.key()
        except StoreError as error:
            raise PlatformError(str(error)) from error
        # After the #, where no server, log or link preview ever sees it.
        self.identity = f"{self._public_url}/#in={key}" if key else self._public_url
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return self._routes.table()

    async def updates(self) -> AsyncGenerator[Sequence[Incoming]]:
        async for batch in self._push_queue.batches():
            yield batch

    def budget(self, conversation: ConversationId) -> Sequence[Bucket]:
        return ()

    def indicate_budget(self, conversation: ConversationId, *, busy: bool) -> Sequence[Bucket]:
        return ()

    def fill(self, text: str) -> float:
        return 0.0

    def open_surface(self, conversation: ConversationId, reply_to: str) -> WebSurface:
        return WebSurface(self._post_log, conversation, reply_to=reply_to)

    def reopen_surface(self, conversation: ConversationId, handle: str) -> WebSurface:
        return WebSurface(self._post_log, conversation, int(handle))

    async def send_pictures(
        self,
        conversation: ConversationId,
        reply_to: str,
        pictures: Sequence[Picture],
        buttons: Sequence[Button] = (),
        *,
        replacing: str = "",
    ) -> Posted:
        with store_as_platform():
            files = [await self._files.keep(conversation, one.mime, one.data) for one in pictures]
            key = int(replacing) if replacing else None
            captions = [picture.caption for picture in pictures if picture.caption]
            post = Post(
                "bot",
                "\n\n".join(captions),
                files=tuple(files),
                buttons=tuple(buttons),
                growing=any(button.command == "stop" for button in buttons),
                at=time.time(),
            )
            post = replace(post, to=await question_of(self._post_log, conversation, reply_to, key))
            before = await self._pictures_of(conversation, key)
            key = await self._post_log.put(posts_of(conversation), msgspec.json.encode(post), key)
            for file in before:
                await self._post_log.remove(files_of(conversation), file)
            shown = zip(pictures, files, strict=True)
            return Posted(str(key), tuple(_attached(conversation, *one) for one in shown))

    async def send_voice(self, conversation: ConversationId, reply_to: str, sound: bytes) -> None:
        with store_as_platform():
            file = await self._files.keep(conversation, "audio/ogg", sound)
            to = await question_of(self._post_log, conversation, reply_to)
            post = Post("bot", sounds=(file,), at=time.time(), to=to)
            await self._post_log.put(posts_of(conversation), msgspec.json.encode(post))

    async def send_file(
        self, conversation: ConversationId, reply_to: str, name: str, data: bytes, mime: str
    ) -> None:
        with store_as_platform():
            file = await self._files.keep(conversation, mime, data, name)
            to = await question_of(self._post_log, conversation, reply_to)
            post = Post("bot", downloads=(Download(file, name),), at=time.time(), to=to)
            await self._post_log.put(posts_of(conversation), msgspec.json.encode(post))

    async def _pictures_of(self, conversation: ConversationId, key: int | None) -> Sequence[int]:
        """The files of the post with *key*."""
        value = None if key is None else await self._post_log.get(posts_of(conversation), key)
        return decode_post(value).files if value is not None else ()

    async def indicate(
        self, conversation: ConversationId, *, busy: bool, asked: bool = False
    ) -> None:
        status = Post("status", growing=busy, at=time.time())
        try:
            await self._post_log.put(
                posts_of(conversation), msgspec.json.encode(status), STATUS_KEY
            )
        except StoreError:
            return

    async def entitle(self, conversation: ConversationId, title: str) -> None:
        _, visitor, thread = split_conversation(conversation)
        with suppress(StoreError):
            await self._listing.change(visitor, thread, title=title)

    async def administers(self, conversation: ConversationId, person: str) -> bool:
        # Who is on this machine, or has the key of the start's link, is the operator.
        # Whom a proxy signed in is a person like others.
        own = person.startswith(f"{NAME}:") and not person.startswith(f"{NAME}:{PERSON}")
        return own and not self._everyone

    async def private_with(self, person: str) -> ConversationId:
        raise ChatLost("the page shows only conversations that its visitor began")

    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes:
        with store_as_platform():
            return await self._files.fetch(attachment, most_bytes)

    async def read(self, conversation: ConversationId, span: Span) -> Transcript:
        return Transcript()  # On the page nobody talks but the person and we.

    async def react(self, conversation: ConversationId, message: str, feeling: Feeling) -> None:
        raise ContentRefused("the page shows no reactions")

    async def alone(self, incoming: Incoming) -> str:
        return ""

    async def hears(self, conversation: ConversationId) -> bool:
        return True

    def link_to(self, conversation: ConversationId, message: str) -> str:
        return ""


def _attached(conversation: ConversationId, picture: Picture, file: int) -> Attachment:
    ref = f"{conversation} {file}"
    return Attachment("image", ref, mime=picture.mime, size_bytes=len(picture.data))
