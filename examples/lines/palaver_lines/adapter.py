"""A chat of lines over TCP, on this machine only; try it with `nc 127.0.0.1 PORT`.

Posts stand in the post log that the core lends. A new connection is sent all posts, and then each
change. A line is acknowledged only when the inbox holds it.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from bots.push_queue import PushQueue
from core.border import set_aside
from core.errors import AttachmentLost, ContentRefused, PlatformError, StoreError
from core.lent import PostLog
from core.messages import Attachment, Button, ConversationId, Incoming, Picture, conversation_id
from core.platform import Bucket, Limits
from core.posted import Posted
from core.said import Feeling, Span, Transcript
from palaver_lines.surface import LinesSurface
from palaver_lines.wire import (
    NAME,
    File,
    Hello,
    Post,
    incoming,
    picture_post,
    read_hello,
    read_line,
    read_post,
    write,
)

LINE_BYTES = 1_000_000
ACCEPT_S = 10.0


class LinesPlatform:
    """The platform. *port* 0 means any free port."""

    name = NAME
    limits = Limits(
        page_chars=1_000_000,
        caption_chars=2_000,
        pictures_per_post=4,
        interval_s=0.1,
        indicate_every_s=4.0,
        replaces_pictures=True,
    )
    # It listens on this machine only, so the lists of who may ask do not apply.
    local = True

    def __init__(self, port: int, post_log: PostLog) -> None:
        self.identity = f"nc 127.0.0.1 {port}"
        self._port = port
        self._post_log = post_log
        self._push_queue = PushQueue()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(
                self._connected, "127.0.0.1", self._port, limit=LINE_BYTES
            )
        except OSError as error:
            raise PlatformError(f"cannot listen on port {self._port}") from error
        self._port = self._server.sockets[0].getsockname()[1]
        self.identity = f"nc 127.0.0.1 {self._port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, lines: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this in a task
        self._connections.add(task)
        try:
            hello = read_hello(await lines.readline())
            async with asyncio.TaskGroup() as both:
                shown = both.create_task(self._show(hello, out))
                await self._listen(hello, lines, out)
                shown.cancel()
        except* (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            # The line is not JSON, or too long. Nobody knows where the next line begins.
            set_aside(NAME, "no line of ours")
        except* (OSError, StoreError, asyncio.CancelledError):
            # The person will connect again, and will be sent all posts.
            pass
        finally:
            self._connections.discard(task)
            out.close()

    async def _listen(
        self, hello: Hello, lines: asyncio.StreamReader, out: asyncio.StreamWriter
    ) -> None:
        while raw := await lines.readline():
            try:
                line = read_line(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                set_aside(NAME, "no line of ours")
                out.write(write({"wrong": "a line is {id, say} or {id, press}"}) + b"\n")
                continue
            try:
                await self._push_queue.accept(incoming(line, hello), ACCEPT_S)
                out.write(write({"held": line.id}) + b"\n")
            except TimeoutError:
                out.write(write({"again": line.id}) + b"\n")

    async def _show(self, hello: Hello, out: asyncio.StreamWriter) -> None:
        post_log = conversation_id(NAME, hello.hello)
        # Watch first, then read. A change in between is shown twice instead of being missed.
        async with self._post_log.watch(post_log) as changes:
            for key, value in await self._post_log.read(post_log):
                await _tell(out, key, value)
            async for key, changed in changes:
                await _tell(out, key, changed)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return ()

    async def updates(self) -> AsyncGenerator[Sequence[Incoming]]:
        async for batch in self._push_queue.batches():
            yield batch

    def budget(self, conversation: ConversationId) -> Sequence[Bucket]:
        return ()

    def indicate_budget(self, conversation: ConversationId, *, busy: bool) -> Sequence[Bucket]:
        return ()

    def fill(self, text: str) -> float:
        return len(text) / self.limits.page_chars

    def open_surface(self, conversation: ConversationId, reply_to: str) -> LinesSurface:
        return LinesSurface(self._post_log, conversation)

    def reopen_surface(self, conversation: ConversationId, handle: str) -> LinesSurface:
        return LinesSurface(self._post_log, conversation, int(handle))

    async def send_pictures(
        self,
        conversation: ConversationId,
        reply_to: str,
        pictures: Sequence[Picture],
        buttons: Sequence[Button] = (),
        *,
        replacing: str = "",
    ) -> Posted:
        key = int(replacing) if replacing else None
        surface = LinesSurface(self._post_log, conversation, key)
        await surface.put(picture_post(tuple(pictures), tuple(buttons)))
        return Posted(surface.handle)

    async def send_voice(self, conversation: ConversationId, reply_to: str, sound: bytes) -> None:
        post = Post(sound=base64.b64encode(sound).decode())
        await LinesSurface(self._post_log, conversation).put(post)

    async def send_file(
        self, conversation: ConversationId, reply_to: str, name: str, data: bytes, mime: str
    ) -> None:
        post = Post(file=File(name, base64.b64encode(data).decode()))
        await LinesSurface(self._post_log, conversation).put(post)

    async def indicate(
        self, conversation: ConversationId, *, busy: bool, asked: bool = False
    ) -> None:
        """Do nothing: a line cannot show that we are typing."""

    async def entitle(self, conversation: ConversationId, title: str) -> None:
        """Do nothing: a chat of lines has no titles."""

    async def administers(self, conversation: ConversationId, person: str) -> bool:
        # Only the operator's machine can reach it.
        return True

    async def private_with(self, person: str) -> ConversationId:
        return conversation_id(NAME, person.partition(":")[2])

    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes:
        raise AttachmentLost("lines carry no attachments")

    async def read(self, conversation: ConversationId, span: Span) -> Transcript:
        return Transcript()

    async def react(self, conversation: ConversationId, message: str, feeling: Feeling) -> None:
        raise ContentRefused("a chat of lines has no reactions")

    async def alone(self, incoming: Incoming) -> str:
        return ""

    async def hears(self, conversation: ConversationId) -> bool:
        return True

    def link_to(self, conversation: ConversationId, message: str) -> str:
        return ""


async def _tell(out: asyncio.StreamWriter, key: int, value: bytes | None) -> None:
    told = (
        {"gone": key} if value is None else {"post": key, **msgspec.to_builtins(read_post(value))}
    )
    out.write(write(told) + b"\n")
    await out.drain()
