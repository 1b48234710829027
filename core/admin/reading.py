"""A POST request of the operator's page: what is asked, doing it, and what is wrong with it."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from core.admin.entry import Handler, Operator
from core.net.own_requests import json_response, read_json
from core.tenant_names import NAME

ID = re.compile(rf"{NAME}:[!-~]{{1,100}}")
"""An id of a person or a place, as all platforms write them."""
ENTRY = re.compile(r"\d{1,15}-\d{1,10}")
"""The id of a change."""


class Wrong(ValueError):
    """It cannot be done. The operator reads the text."""


def reading(kind: Any, do: Callable[[Any, Operator], Awaitable[Any]]) -> Handler:
    """The handler that reads a *kind* from a request, and does it."""
    decode = msgspec.json.Decoder(kind).decode

    async def handler(request: web.Request, operator: Operator) -> web.Response:
        asked = await read_json(request, decode)
        try:
            done = await do(asked, operator)
        except Wrong as error:
            return web.json_response({"wrong": str(error)}, status=409)
        return json_response(done)

    return handler
