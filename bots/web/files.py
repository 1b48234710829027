"""The files of a conversation: pictures and sounds of answers, and what people attach."""

import msgspec
from aiohttp import web

from bots.web.posts import MOST_FILES, files_of
from core.errors import AttachmentLost, AttachmentTooLarge
from core.lent import PostLog
from core.messages import Attachment, ConversationId
from core.words import file_name

MOST_BYTES = 20 * 1024 * 1024
"""The largest file that is taken: what Telegram's getFile gives too."""
TOTAL_BYTES = 100 * 1024 * 1024
"""So much one conversation keeps. Then its oldest files leave."""
SIZES_KEY = 0
"""Under this key stand the sizes of all files, so that nobody reads them to add them up."""
MOST_ATTACHED = 10
_SHOWN = (b"image/png", b"image/jpeg", b"image/gif", b"image/webp", b"image/avif", b"audio/")
_PLAIN = "application/octet-stream"


class Kept(msgspec.Struct, frozen=True):
    """What stands before a file's bytes. Earlier versions wrote its kind only."""

    mime: str
    name: str = ""


class Files:
    """A file is one value: its kind or what `Kept` says, a line break, its bytes."""

    def __init__(self, post_log: PostLog) -> None:
        self._post_log = post_log

    async def keep(
        self, conversation: ConversationId, mime: str, data: bytes, name: str = ""
    ) -> int:
        """The key of a new file. The oldest files make room. Raises `StoreError`."""
        log_name = files_of(conversation)
        head = msgspec.json.encode(Kept(mime, name))
        key = await self._post_log.put(log_name, head + b"\n" + data)
        held = await self._post_log.get(log_name, SIZES_KEY)
        sizes = {} if held is None else msgspec.json.decode(held, type=dict[int, int])
        kept = [one for one in await self._post_log.keys(log_name) if one != SIZES_KEY]
        sizes = {one: sizes.get(one, 0) for one in kept} | {key: len(data)}
        while len(sizes) > MOST_FILES or (sum(sizes.values()) > TOTAL_BYTES and len(sizes) > 1):
            oldest = min(sizes)
            del sizes[oldest]
            await self._post_log.remove(log_name, oldest)
        await self._post_log.put(log_name, msgspec.json.encode(sizes), SIZES_KEY)
        return key

    async def get(self, conversation: ConversationId, key: str) -> tuple[Kept, bytes] | None:
        """The file with *key*, as a request or a reference names it. Raises `StoreError`."""
        if not (key.isascii() and key.isdigit() and len(key) < 10) or int(key) == SIZES_KEY:
            return None
        value = await self._post_log.get(files_of(conversation), int(key))
        if value is None:
            return None
        head, _, data = value.partition(b"\n")
        try:
            return msgspec.json.decode(head, type=Kept), data
        except msgspec.MsgspecError:
            return Kept(head.decode("utf-8", "replace")), data

    async def attached(self, conversation: ConversationId, key: int) -> Attachment | None:
        """The attachment that the file with *key* is; None if there is no such file."""
        found = await self.get(conversation, str(key))
        if found is None:
            return None
        kept, data = found
        top = kept.mime.partition("/")[0]
        return Attachment(
            "image" if top == "image" else "audio" if top == "audio" else "file",
            f"{conversation} {key}",
            kept.name,
            kept.mime,
            len(data),
        )

    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes:
        """The bytes of what `attached` told. Raises as `Platform.fetch`, or `StoreError`."""
        conversation, _, key = attachment.ref.rpartition(" ")
        found = await self.get(ConversationId(conversation), key)
        if found is None:
            raise AttachmentLost("the file is not kept any more")
        if len(found[1]) > most_bytes:
            raise AttachmentTooLarge(f"it is larger than {most_bytes // 1_000_000} MB")
        return found[1]


def response_of(kept: Kept, data: bytes) -> web.Response:
    """A file as the page gets it. Only pictures and sounds are shown."""
    shown = kept.mime.encode().startswith(_SHOWN)
    return web.Response(
        body=data,
        headers={
            "Content-Type": kept.mime if shown else _PLAIN,
            "Cache-Control": "private, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'",
            # The page's link names the file.
            "Content-Disposition": "inline" if shown else "attachment",
        },
    )


async def received(request: web.Request) -> tuple[str, str, bytes]:
    """The kind, the name and the bytes of what *request* uploads."""
    if (request.content_length or 0) > MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_BYTES, request.content_length or 0)
    data = bytearray()
    # `request.read` knows only the bound of a message.
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(MOST_BYTES, len(data))
    if not data:
        raise web.HTTPBadRequest(text="the file is empty")
    name = file_name(request.query.get("name", "")[:1_000])
    return request.content_type, name, bytes(data)
