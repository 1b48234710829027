"""The body of a request or of a response, as much of it as one is ready to hold."""

import aiohttp

PIECE_BYTES = 1 << 16


async def read_up_to(content: aiohttp.StreamReader, most_bytes: int) -> bytes:
    """All of *content*, or its beginning: more than *most_bytes* of it if there is more.

    One `read` of aiohttp's gives only what has arrived.
    """
    body = bytearray()
    async for piece in content.iter_chunked(PIECE_BYTES):
        body += piece
        if len(body) > most_bytes:
            break
    return bytes(body)
