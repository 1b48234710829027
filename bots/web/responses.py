"""The stream of events that the page's server sends."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from bots.web.posts import decode_post

KEEP_ALIVE_S = 15.0


async def keep_alive(response: web.StreamResponse, may_stay: Callable[[], Awaitable[bool]]) -> None:
    """Raises `ConnectionError` when the visitor may not stay any more."""
    while True:
        await asyncio.sleep(KEEP_ALIVE_S)
        if not await may_stay():
            raise ConnectionError("signed out")
        # An event, because a page does not see comments: see SILENT_MS in `thread.js`.
        await response.write(b"event: alive\ndata: {}\n\n")


def change(key: int, value: bytes | None, texts: dict[int, str]) -> bytes:
    """One event: the post, without the text that the page already has."""
    if value is None:
        texts.pop(key, None)
        return b'event: gone\ndata: {"key":%d}\n\n' % key
    post = decode_post(value)
    start = common(texts.get(key, ""), post.text)
    texts[key] = post.text
    sent = msgspec.structs.replace(post, text=post.text[start:])
    # The page counts in UTF-16, as JavaScript does.
    stays = len(post.text[:start].encode("utf-16-le", "surrogatepass")) // 2
    head = b'event: post\ndata: {"key":%d,"from":%d,"post":' % (key, stays)
    return head + msgspec.json.encode(sent) + b"}\n\n"


def common(one: str, other: str) -> int:
    """How many characters at the beginning of *one* and *other* are the same.

    A growing text is healed: its last marks are closed, so the next one is no continuation of it.
    """
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
