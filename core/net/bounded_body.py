"""Reads the body of a request or a response, up to a limit."""

import aiohttp

PIECE_BYTES = 1 << 16


async def read_up_to(content: aiohttp.StreamReader, most_bytes: int) -> bytes:
    """All of *content*; if it is longer than *most_bytes*, a beginning that is longer too.

    A single `read` of aiohttp gives only what has arrived.
    """
    body = bytearray()
    async for piece in content.iter_chunked(PIECE_BYTES):
        body += piece
        if len(body) > most_bytes:
            break
    return bytes(body)
