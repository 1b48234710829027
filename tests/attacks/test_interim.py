"""Servers that say `100 Continue` again and again, and never answer."""

import asyncio
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from core.net.way import DIRECT
from tests.attacks.watching import watched
from tests.harness import until

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MANY = 400_000
"""Ten megabytes of them: more than the kernel keeps for anybody."""


@asynccontextmanager
async def saying(*parts):
    """A server that answers each request with *parts*. Gives its address, and who is answered."""
    under_way = set()

    async def serve(reader, writer):
        under_way.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
        under_way.discard(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", under_way
    finally:
        server.close()
        for writer in [*under_way]:
            writer.close()


async def test_who_only_says_that_we_may_go_on_is_left():
    endless = [CONTINUE * 1_000] * (MANY // 1_000)
    async with saying(*endless, ANSWER) as (url, under_way), DIRECT.session() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(url)
        await until(lambda: not under_way)


async def test_a_few_words_before_each_answer_are_allowed():
    async with saying(HINTS * 10, CONTINUE * 5, ANSWER) as (url, _), DIRECT.session() as session:
        for _ in range(5):
            async with session.get(url) as response:
                assert await response.text() == "ok"


@pytest.mark.timeout(120)
async def test_a_model_that_only_says_so_keeps_nobody_else_waiting(server, replica):
    endless = [CONTINUE * 1_000] * (4 * MANY // 1_000)
    async with saying(*endless) as (url, _), watched(replica, llm_base_url=f"{url}/v1") as app:
        for person in range(101, 104):
            server.add_private(person)
            server.say(person, "hello", user=server.person(person, "Ann"))
        await until(lambda: all(server.posts(person) for person in range(101, 104)), 60)
        assert app.unharmed()
