"""
A scriptable OpenAI-compatible server: answers as told, and fails as told.

By default it echoes, and tells which questions it was sent before, so a test
sees from an answer whether history was used.
"""

import asyncio
import base64
import io
import json
from contextlib import asynccontextmanager
from itertools import pairwise

from aiohttp import web
from PIL import Image

from tests.servers.loopback import listening


def said(message):
    """The text of *message*, which may come in parts, and how many pictures came with it."""
    content = message["content"]
    if isinstance(content, str):
        return content
    pictures = sum(part["type"] == "image_url" for part in content)
    return f"{content[0]['text']} ({pictures} pictures)"


def echo(messages):
    asked = [said(message) for message in messages if message["role"] == "user"]
    before = " | ".join(asked[:-1]) or "nothing"
    return f"Echo of {asked[-1]} -- before that: {before}."


def unanswered(messages):
    """What is wrong with the calls in *messages*; None if each has its answer right behind it.

    platform.openai.com/docs/guides/function-calling, and the error that it sends.
    """
    waiting = []
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return "messages with role 'tool' must be a response to a preceding 'tool_calls'"
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            break
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
    if waiting:
        return f"tool_call_ids did not have response messages: {', '.join(waiting)}"
    return None


def anthropic_events(text):
    usage = {"input_tokens": 5, "cache_read_input_tokens": 6, "output_tokens": 1}
    yield {"type": "message_start", "message": {"role": "assistant", "usage": usage}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    yield {"type": "ping"}
    for start in range(0, len(text), 8):
        delta = {"type": "text_delta", "text": text[start : start + 8]}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}}
    yield {"type": "message_stop"}


class ModelServer:
    """*answer* maps messages to a text, unless `answers` has one for the model.

    `faults` are handlers that serve one call each.
    """

    def __init__(self, answer=echo, piece_s=0.002, piece_chars=6):
        self.answer = answer
        self.piece_s = piece_s
        self.piece_chars = piece_chars
        self.answers = {}
        self.models = ["scripted"]
        self.faults = []
        self.calling = None
        """What tools an answer calls: a function of a request's body. It gives None, or a text and
        the calls, as (name, arguments). Only who offers tools is answered so."""
        self.strict = None
        """What of a request is refused: a function of its body, see `tests.servers.providers`."""
        self.image_faults = []
        self.partial_images = asyncio.Semaphore(10**6)
        self.edits = []
        self.tokens = 0
        self.verdict_faults = []
        self.forbidden = ""
        self.task = {}
        self.heard = []
        self.spoken = []
        self.said = {"text": "what is the time?"}
        self.requests = []
        self.image_requests = []
        self.running_streams = 0
        self.most_streams = 0
        self.url = ""

    @asynccontextmanager
    async def running(self):
        app = web.Application(client_max_size=60 * 1024 * 1024)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/images/generations", self._images)
        app.router.add_post("/v1/images/edits", self._edits)
        app.router.add_post("/oauth/2.0/token", self._token)
        app.router.add_post("/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/{model}", self._qianfan)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/tasks", self._task)
        app.router.add_post("/v1/moderations", self._moderate)
        app.router.add_post("/v1/audio/transcriptions", self._hear)
        app.router.add_post("/v1/audio/speech", self._speak)
        async with listening(app) as url:
            self.url = f"{url}/v1"
            yield self

    async def _models(self, request):
        return web.json_response({"data": [{"id": name} for name in self.models]})

    async def _chat(self, request):
        body = await request.json()
        self.requests.append(body)
        if self.faults:
            return await self.faults.pop(0)(request)
        if self.strict is not None and (refused := self.strict(body)) is not None:
            code, said = refused
            return web.Response(status=code, body=said, content_type="application/json")
        if (wrong := unanswered(body["messages"])) is not None:
            return web.json_response({"error": {"message": wrong}}, status=400)
        if self.calling is not None and body.get("tools") and (said := self.calling(body)):
            return await self.stream_calls(request, *said)
        if body.get("stream") is not True:
            return web.json_response(self._whole(body))
        self.running_streams += 1
        self.most_streams = max(self.most_streams, self.running_streams)
        try:
            text = self.answers.get(body["model"]) or self.answer(body["messages"])
            return await self.stream(request, text)
        except ConnectionResetError:
            raise asyncio.CancelledError from None  # Who asked has hung up.
        finally:
            self.running_streams -= 1

    def _whole(self, body):
        text = self.answers.get(body["model"]) or self.answer(body["messages"])
        choice = {"index": 0, "message": {"content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 11, "completion_tokens": 7}
        return {"object": "chat.completion", "choices": [choice], "usage": usage}

    async def stream(self, request, text, *, until=None, finish="stop", usage=True):
        """Stream *text*; with *until*, only so many characters, and then the line is cut."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        shown = text if until is None else text[:until]
        for start in range(0, len(shown), self.piece_chars):
            delta = {"content": shown[start : start + self.piece_chars]}
            await self.send(response, {"choices": [{"index": 0, "delta": delta}]})
            await asyncio.sleep(self.piece_s)
        if until is not None:
            request.transport.abort()
            return response
        await self.send(response, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        if usage:
            counted = {"prompt_tokens": 11, "completion_tokens": 7}
            await self.send(response, {"choices": [], "usage": counted})
        await response.write(b"data: [DONE]\n\n")
        return response

    async def stream_calls(self, request, text, calls):
        """Stream *text*, then *calls*, each in several pieces."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        deltas = [{"content": text}] if text else []
        for at, (name, arguments) in enumerate(calls):
            id_ = f"call_{len(self.requests)}_{at}"
            arguments = arguments if isinstance(arguments, str) else json.dumps(arguments)
            first = {"index": at, "id": id_, "type": "function", "function": {"name": name}}
            half = len(arguments) // 2
            deltas.append({"tool_calls": [first]})
            deltas += [
                {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}
                for piece in (arguments[:half], arguments[half:])
            ]
        for delta in deltas:
            await self.send(response, {"choices": [{"index": 0, "delta": delta}]})
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
        await self.send(response, end)
        counted = {"prompt_tokens": 11, "completion_tokens": 7}
        await self.send(response, {"choices": [], "usage": counted})
        await response.write(b"data: [DONE]\n\n")
        return response

    @staticmethod
    async def send(response, chunk):
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    async def _messages(self, request):
        """Anthropic's shape, strictly: roles take turns, the key and a length are named."""
        body = await request.json()
        self.requests.append(body)
        roles = [message["role"] for message in body["messages"]]
        takes_turns = all(a != b for a, b in pairwise(roles))
        named = request.headers.get("x-api-key") and request.headers.get("anthropic-version")
        if not (named and takes_turns and roles[0] == "user" and body["max_tokens"] > 0):
            error = {"type": "invalid_request_error", "message": "wrong"}
            return web.json_response({"type": "error", "error": error}, status=400)
        if self.faults:
            return await self.faults.pop(0)(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in anthropic_events(self.answer(body["messages"])):
            name = f"event: {event['type']}\n".encode()
            await response.write(name + b"data: " + json.dumps(event).encode() + b"\n\n")
        return response

    async def _token(self, request):
        if (request.query["client_id"], request.query["client_secret"]) != ("ak", "sk"):
            error = {"error": "invalid_client", "error_description": "unknown client id"}
            return web.json_response(error, status=401)
        self.tokens += 1
        return web.json_response({"access_token": f"token-{self.tokens}", "expires_in": 2592000})

    async def _qianfan(self, request):
        """Qianfan's first API, strictly: errors come with 200."""
        body = await request.json()
        self.requests.append(body)
        if request.query.get("access_token") != f"token-{self.tokens}":
            return web.json_response({"error_code": 111, "error_msg": "Access token expired"})
        roles = [message["role"] for message in body["messages"]]
        if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"]:
            return web.json_response({"error_code": 336006, "error_msg": "must take turns"})
        if self.faults:
            return await self.faults.pop(0)(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        text = self.answer(body["messages"])
        for number, start in enumerate(range(0, len(text), 8)):
            event = {"id": "as-1", "sentence_id": number, "result": text[start : start + 8]}
            await self.send(response, event | {"is_end": False, "is_truncated": False})
        usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
        end = {"id": "as-1", "sentence_id": 99, "result": "", "is_end": True, "usage": usage}
        await self.send(response, end)
        return response

    async def _hear(self, request):
        form = await request.post()
        file = form["file"]
        self.heard.append((form["model"], file.filename, file.file.read()))
        return web.json_response(self.said)

    async def _speak(self, request):
        self.spoken.append(await request.json())
        return web.Response(body=b"OggS" + bytes(60), content_type="audio/ogg")

    async def _moderate(self, request):
        if self.verdict_faults:
            return await self.verdict_faults.pop(0)(request)
        body = await request.json()
        flagged = bool(self.forbidden) and self.forbidden in body["input"]
        return web.json_response({"results": [{"flagged": flagged, "categories": {}}]})

    async def _task(self, request):
        return web.json_response(self.task)

    async def _images(self, request):
        body = await request.json()
        self.image_requests.append(body)
        if self.image_faults:
            return await self.image_faults.pop(0)(request)
        if body.get("stream"):
            return await self._paint_slowly(request, body["partial_images"], "image_generation")
        data = painted(body.get("size", "64x64"))
        return web.json_response({"created": 1, "data": [data] * body.get("n", 1)})

    async def _paint_slowly(self, request, partial_images, kind):
        """Each unfinished picture is sent when `partial_images` lets it."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number in range(partial_images):
            event = {"type": f"{kind}.partial_image", "partial_image_index": number}
            await self.send(response, event | painted("64x64", "grey"))
            await self.partial_images.acquire()
        event = {"type": f"{kind}.completed", "usage": {"total_tokens": 100}}
        await self.send(response, event | painted("64x64"))
        return response

    async def _edits(self, request):
        form = await request.post()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        files = [value.file.read() for value in form.values() if not isinstance(value, str)]
        for file in files:
            Image.open(io.BytesIO(file)).verify()
        if not files:
            return web.json_response({"error": {"message": "no image"}}, status=400)
        self.edits.append((fields, files))
        if fields.get("stream") == "true":
            return await self._paint_slowly(request, int(fields["partial_images"]), "image_edit")
        return web.json_response({"created": 1, "data": [painted("64x64", "blue")]})


def painted(size, colour="firebrick"):
    file = io.BytesIO()
    Image.new("RGB", tuple(map(int, size.split("x"))), colour).save(file, "PNG")
    return {"b64_json": base64.b64encode(file.getvalue()).decode()}


def status(code, body=None, headers=None):
    """A fault: answer with *code*."""

    async def fault(request):
        return web.Response(
            status=code,
            text=body if body is not None else json.dumps({"error": {"message": "no"}}),
            content_type="application/json" if body is None else "text/html",
            headers=headers,
        )

    return fault


def raw(data, content_type="text/event-stream"):
    """A fault: answer with these bytes and nothing else."""

    async def fault(request):
        return web.Response(body=data, headers={"Content-Type": content_type})

    return fault
