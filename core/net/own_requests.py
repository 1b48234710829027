"""What the requests of our own pages send, and what they get: JSON, or that the store is away."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from aiohttp import web

from core.errors import StoreError

_T = TypeVar("_T")


async def read_json(request: web.Request, decode: Callable[[bytes], _T]) -> _T:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        return decode(await request.read())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise web.HTTPBadRequest(text="this is not what is expected") from error


def json_response(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


@contextmanager
def store_as_http() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise web.HTTPServiceUnavailable(text="the store is away") from error
