"""Requests with a large body are answered a few at a time: a thousand at once would be gigabytes.

A request holds its place until it is answered. Who takes long to answer, and bounds by itself how
much is kept meanwhile, gives the place back before.
"""

import asyncio
from contextlib import AsyncExitStack

from aiohttp import web

SMALL_BYTES = 64 * 1024
MOST_LARGE = 16
"""So many requests with a larger body are answered at once; the others wait."""
_PLACE = web.RequestKey("place", AsyncExitStack)


async def wait_unread(
    request: web.BaseRequest, stack: AsyncExitStack, at_once: asyncio.Semaphore
) -> None:
    """Wait for a place. Otherwise each that waits would hold 700 kB of its body already."""
    arriving = not request.content.is_eof()
    if arriving:
        request.protocol.pause_reading()
    place = await stack.enter_async_context(AsyncExitStack())
    await place.enter_async_context(at_once)
    request[_PLACE] = place
    if arriving and request.transport is not None:
        request.protocol.resume_reading()


async def give_back(request: web.BaseRequest) -> None:
    """Let another large body in: *request* is read, but not answered yet."""
    if (place := request.get(_PLACE)) is not None:
        await place.aclose()
