"""
The demo's HTTP side: `/v1/chat/completions`, `/v1/models`, `/v1/images/generations`.

It behaves like OpenAI's API, with streams and usage. So the same client serves it.
"""

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import ModuleType
from typing import Any

import msgspec
from aiohttp import web

from core.models.demo import answers, hands

CHAT_MODEL = "palaver-demo"
IMAGE_MODEL = "palaver-painter"
PIECE_S = 0.022
"""About 45 pieces a second, the speed of a hosted model."""
PIECE_KEY = web.AppKey("piece_s", float)
MOST_PIXELS = 4_194_304


class _Part(msgspec.Struct):
    type: str = "text"
    text: str = ""


class _Function(msgspec.Struct):
    name: str = ""


class _Tool(msgspec.Struct):
    """A tool that is offered, or a call of one."""

    function: _Function = msgspec.field(default_factory=_Function)


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[_Tool] | None = None

    @property
    def text(self) -> str:
        """The text of the message. The demo ignores pictures."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""

    @property
    def brings_pictures(self) -> bool:
        """Whether it has pictures that did not come with an earlier message."""
        parts = self.content if isinstance(self.content, list) else []
        pictures = sum(part.type == "image_url" for part in parts)
        return pictures > answers.earlier(self.text)


class _Options(msgspec.Struct):
    include_usage: bool = False


class _Chat(msgspec.Struct):
    messages: list[_Message]
    stream: bool = False
    stream_options: _Options | None = None
    max_tokens: int | None = None
    tools: list[_Tool] | None = None

    def says(self) -> tuple[str, hands.Wanted | None]:
        """What the demo answers: a text, or a call, whose text comes in the next round."""
        messages = [(message.role, answers.spoken(message.text)) for message in self.messages]
        asked = max(at for at, (role, _) in enumerate(messages) if role == "user")
        question, after = messages[asked][1], self.messages[asked + 1 :]
        called = [call.function.name for one in after for call in one.tool_calls or ()]
        if called:
            return hands.told(question, called[-1], self.messages[-1].text), None
        offered = [one.function.name for one in self.tools or ()]
        if (call := hands.wanted(question, offered)) is not None:
            return "", call
        if self.messages[asked].brings_pictures:
            return answers.unseen(question), None
        return answers.answer(messages), None


class _Image(msgspec.Struct):
    prompt: str
    size: str = "1024x1024"
    n: int = 1


@asynccontextmanager
async def demo_server(piece_s: float = PIECE_S) -> AsyncIterator[str]:
    """Run the demo on a free loopback port. Yields its base URL."""
    app = web.Application(client_max_size=32 * 1024 * 1024)
    app[PIECE_KEY] = piece_s
    app.add_routes(
        [
            web.get("/v1/models", _models),
            web.post("/v1/chat/completions", _chat),
            web.post("/v1/images/generations", _images),
            web.post("/v1/images/edits", _edits),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def _models(_: web.Request) -> web.Response:
    listed = [{"id": name, "object": "model"} for name in (CHAT_MODEL, IMAGE_MODEL)]
    return web.json_response({"object": "list", "data": listed})


async def _chat(request: web.Request) -> web.StreamResponse:
    try:
        asked = msgspec.json.decode(await request.read(), type=_Chat)
    except msgspec.MsgspecError as error:
        return _error(400, "invalid_request_error", str(error))
    if not any(message.role == "user" for message in asked.messages):
        return _error(400, "invalid_request_error", "there is no question")
    text, call = await asyncio.to_thread(asked.says)
    pieces = answers.pieces(text)
    reason = "stop" if call is None else "tool_calls"
    if asked.max_tokens and len(pieces) > asked.max_tokens:
        pieces, reason = pieces[: asked.max_tokens], "length"
    usage = {
        "prompt_tokens": sum(len(answers.pieces(message.text)) for message in asked.messages),
        "completion_tokens": len(pieces),
    }
    usage["total_tokens"] = sum(usage.values())
    head = {
        "id": f"chatcmpl-{secrets.token_hex(8)}",
        "created": int(time.time()),
        "model": CHAT_MODEL,
    }
    if not asked.stream:
        message = {"role": "assistant", "content": text if call is None else None}
        message |= _calls(call)
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return web.json_response(
            {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        )
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)

    async def send(choices: list[dict[str, Any]], **more: object) -> None:
        chunk = {**head, "object": "chat.completion.chunk", "choices": choices, **more}
        await response.write(b"data: " + msgspec.json.encode(chunk) + b"\n\n")

    def choice_of(delta: dict[str, Any], finish: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "finish_reason": finish}]

    # Who stops an answer closes the connection.
    with suppress(ConnectionError):
        await send(choice_of({"role": "assistant", "content": ""}))
        for piece in pieces:
            await asyncio.sleep(request.app[PIECE_KEY])
            await send(choice_of({"content": piece}))
        if call is not None:
            await send(choice_of(_calls(call)))
        await send(choice_of({}, reason))
        if asked.stream_options and asked.stream_options.include_usage:
            await send([], usage=usage)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
    return response


def _calls(call: hands.Wanted | None) -> dict[str, Any]:
    """The fields of a message that calls a tool."""
    if call is None:
        return {}
    arguments = msgspec.json.encode(call.arguments).decode()
    function = {"name": call.name, "arguments": arguments}
    id_ = f"call{secrets.token_hex(8)}"
    return {"tool_calls": [{"index": 0, "id": id_, "type": "function", "function": function}]}


async def _images(request: web.Request) -> web.Response:
    try:
        asked = msgspec.json.decode(await request.read(), type=_Image)
        width, _, height = asked.size.partition("x")
        size = (1024, 1024) if asked.size == "auto" else (int(width), int(height))
    except (msgspec.MsgspecError, ValueError) as error:
        return _error(400, "invalid_request_error", f"the request makes no sense: {error}")
    if not asked.prompt.strip():
        return _error(400, "invalid_request_error", "the prompt is empty")
    if min(size) < 64 or size[0] * size[1] > MOST_PIXELS:
        return _error(400, "invalid_request_error", f"the size {asked.size} is not supported")
    if not 1 <= asked.n <= 4:
        return _error(400, "invalid_request_error", "n must be from 1 to 4")
    data = []
    for index in range(asked.n):
        png = await asyncio.to_thread(_painter().paint, asked.prompt, size, index)
        data.append({"b64_json": base64.b64encode(png).decode()})
    return web.json_response({"created": int(time.time()), "data": data})


async def _edits(request: web.Request) -> web.Response:
    form = await request.post()
    files = [one for one in form.values() if isinstance(one, web.FileField)]
    prompt = str(form.get("prompt", ""))
    try:
        png = await asyncio.to_thread(_painter().change, files[0].file.read(), prompt)
    except (IndexError, OSError, ValueError):
        return _error(400, "invalid_request_error", "there is no picture to change")
    data = [{"b64_json": base64.b64encode(png).decode()}]
    return web.json_response({"created": int(time.time()), "data": data})


def _error(status: int, code: str, message: str) -> web.Response:
    error = {"message": message, "type": code, "code": code}
    return web.json_response({"error": error}, status=status)


def _painter() -> ModuleType:
    from core.models.demo import painter  # noqa: PLC0415 - 4 MB, for who wants a picture

    return painter
