"""`POST /api/ask`: one question from another program, without a chat and without a history.

The body is a prompt as in `core.models.batch`, with `"stream": true` for an event stream of
`{"text": …}`, at last `{"done": true, "usage": …}` or `{"error": …}`. It needs `API_TOKEN`.
"""

import asyncio
import hmac
from collections.abc import Sequence

import msgspec
from aiohttp import web

from core.errors import ModelError, Overloaded
from core.models.batch import Answer, Prompt, ask
from core.models.chunks import TextDelta, Usage
from core.models.request import Model


class _Asked(Prompt, frozen=True):
    stream: bool = False


class _Event(msgspec.Struct, frozen=True, omit_defaults=True):
    text: str = ""
    done: bool = False
    usage: Usage | None = None
    error: str = ""


_decode = msgspec.json.Decoder(_Asked).decode


def api_routes(model: Model, token: str, most_at_once: int) -> Sequence[web.AbstractRouteDef]:
    """The routes, for whoever sends *token*; *most_at_once* questions are answered at once."""
    slots = asyncio.Semaphore(most_at_once)

    async def handle(request: web.Request) -> web.StreamResponse:
        kind, _, sent = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(sent.encode(errors="replace"), token.encode())
        if kind.lower() != "bearer" or not right:
            return _json(Answer(error="a bearer token is needed, and this is not it"), 401)
        try:
            asked = _decode(await request.read())
        except (msgspec.MsgspecError, ValueError) as error:
            return _json(Answer(error=f"this is no prompt: {error}"), 400)
        if slots.locked():
            return _json(Answer(asked.id, error="too many questions at once"), 429)
        async with slots:
            if asked.stream:
                return await _stream(request, model, asked)
            answer = await ask(model, asked)
        return _json(answer, 502 if answer.error else 200)

    return (web.post("/api/ask", handle),)


def _json(answer: Answer, status: int) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(answer), content_type="application/json", status=status
    )


async def _stream(request: web.Request, model: Model, asked: Prompt) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    usage: Usage | None = None
    try:
        async with model.stream(asked.request) as deltas:
            await response.prepare(request)
            async for delta in deltas:
                match delta:
                    case TextDelta(text):
                        await response.write(_line(_Event(text=text)))
                    case Usage():
                        usage = delta
                    case _:
                        pass
        await response.write(_line(_Event(done=True, usage=usage)))
    except ModelError as error:
        if not response.prepared:
            status = 503 if isinstance(error, Overloaded) else 502
            return _json(Answer(asked.id, error=str(error)), status)
        await response.write(_line(_Event(error=str(error))))
    return response


def _line(event: _Event) -> bytes:
    return b"data: " + msgspec.json.encode(event) + b"\n\n"
