"""A POST request of the operator's page: what is asked, doing it, and what is wrong with it."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from core.admin.entry import Handler, Operator
from core.languages.catalogue import say
from core.net.own_requests import json_response, read_json
from core.tenant_names import NAME
from core.turn.commands.values import Unfit

ID = re.compile(rf"{NAME}:[!-~]{{1,100}}")
"""An id of a person or a place, as all platforms write them."""
ENTRY = re.compile(r"[0-9]{1,15}-[0-9]{1,10}")
"""The id of a change."""
WHY_CHARS = 500


class Wrong(Exception):
    """It cannot be done. The operator reads the sentence *name* of the catalogue."""

    def __init__(self, name: str, **values: object) -> None:
        super().__init__(name)
        self.name = name
        self.values = values


class Changed(Wrong):
    """Somebody else changed it since the operator saw it. The page shows it anew."""

    def __init__(self, name: str = "admin_wrong_changed") -> None:
        super().__init__(name)


def why(error: Exception) -> str:
    """*error* as one value in a sentence, between marks of code."""
    return str(error)[:WHY_CHARS].replace("`", "'")


def mark_of(text: str) -> str:
    """Tells *text* from others: a letter, also when others before it are gone, or what was held."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def reading(kind: Any, do: Callable[[Any, Operator], Awaitable[Any]]) -> Handler:
    """The handler that reads a *kind* from a request, and does it."""
    decode = msgspec.json.Decoder(kind).decode

    async def handler(request: web.Request, operator: Operator) -> web.Response:
        asked = await read_json(request, decode)
        stale = False
        try:
            done = await do(asked, operator)
        except Wrong as error:
            told = say(error.name, operator.language, **error.values)
            stale = isinstance(error, Changed)
        except Unfit as error:
            told = str(error)
        else:
            return json_response(done)
        return web.json_response({"wrong": told, "stale": stale}, status=409)

    return handler
