"""Pictures that are painted later. We send a `callback_url`, and the provider calls it.

Source: AceData's image API (`/openai/images/generations` with `callback_url`, `/openai/tasks`).
Callbacks have no signature. So the address itself is the secret, and it works once.
"""

import asyncio
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from aiohttp import web

from core.images.download import MOST_BYTES
from core.net.bounded_body import read_up_to

CALLBACK_BYTES = MOST_BYTES
CALLBACKS_AT_ONCE = 2
READ_S = 60.0
PATH = "/callbacks/images/"


class Task(NamedTuple):
    """*token* is the secret in the callback's address. *id* is the provider's id, once known."""

    token: str
    id: str = ""


class Tasks(Protocol):
    """See `core.store.tasks.Tasks`."""

    async def begin(self, name: str) -> Task: ...

    async def name(self, name: str, task_id: str) -> None: ...

    async def forget(self, name: str) -> None: ...

    async def tell(self, token: str, message: bytes) -> Literal["kept", "again", "unknown"]: ...

    async def known(self, token: str) -> bool: ...

    async def wait(self, token: str, seconds: float) -> bytes: ...


class Callbacks(NamedTuple):
    """*tasks* keeps callbacks. *url* is our server's address, without a slash at its end."""

    tasks: Tasks
    url: str

    def callback_url(self, task: Task) -> str:
        return f"{self.url}{PATH}{task.token}"


def callback_routes(tasks: Tasks) -> Sequence[web.AbstractRouteDef]:
    """The route that providers call back."""
    reading = asyncio.Semaphore(CALLBACKS_AT_ONCE)

    async def handle(request: web.Request) -> web.Response:
        token = request.match_info["token"]
        # The body of a call with a wrong token is not read.
        if not await tasks.known(token):
            raise web.HTTPNotFound
        told = request.content_length or 0
        if told > CALLBACK_BYTES:
            raise web.HTTPRequestEntityTooLarge(CALLBACK_BYTES, told)
        async with asyncio.timeout(READ_S), reading:
            body = await read_up_to(request.content, CALLBACK_BYTES)
        if len(body) > CALLBACK_BYTES:
            raise web.HTTPRequestEntityTooLarge(CALLBACK_BYTES, len(body))
        verdict = await tasks.tell(token, body or b"{}")
        # The same callback a second time changes nothing, but it is no error.
        return web.Response(status=404 if verdict == "unknown" else 200)

    return (web.post(PATH + "{token}", handle),)
