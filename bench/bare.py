"""A bare script that makes the same calls as a turn of Palaver, and keeps nothing.

    python -m bench.bare KIND < what is to be done, as JSON

It hears of a question as Palaver does, asks the model with the same request, reads the stream, and
makes the recorded calls at their times. It remembers nothing and obeys no limits.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time

import aiohttp
import uvloop
from aiohttp import web

from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SECRET


class Bare:
    """One script. *task*: the model's address and request, the platform's, and the calls."""

    def __init__(self, task):
        self.model, self.body, self.url = task["model"], task["body"], task["url"]
        self.recipe, self.port = task["calls"], task["port"]
        self.session = None
        self._tasks = set()

    def answer(self, *where):
        task = asyncio.create_task(self._answer(*where))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, *where):
        began, known = time.monotonic(), {}
        reading = asyncio.create_task(self._read([].extend))
        for at, method, parameters in self.recipe:
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            await self.call(method, parameters, known, *where)
        await reading

    async def _read(self, take):
        """Read the answer. *take* gets the texts of each event."""
        url = f"{self.model}/chat/completions"
        async with self.session.post(url, json=self.body) as response:
            async for line in response.content:
                if line.startswith(b"data: {"):
                    choices = json.loads(line[6:])["choices"]
                    take([one["delta"].get("content") or "" for one in choices])

    async def serve(self, *routes):
        app = web.Application()
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        await asyncio.Event().wait()


class Telegram(Bare):
    async def api(self, method, parameters):
        form = {
            name: one if isinstance(one, str) else json.dumps(one)
            for name, one in parameters.items()
        }
        async with self.session.post(f"{self.url}/{method}", data=form) as response:
            return (await response.json())["result"]

    async def call(self, method, parameters, known, chat):
        swapped = {**parameters, "chat_id": chat}
        if "message_id" in parameters:
            swapped["message_id"] = known["message_id"]
        result = await self.api(method, swapped)
        if isinstance(result, dict) and "message_id" in result:
            known["message_id"] = result["message_id"]

    def hear(self, update):
        if "message" in update:
            self.answer(update["message"]["chat"]["id"])

    async def poll(self):
        offset = 0
        while True:
            for update in await self.api("getUpdates", {"offset": offset, "timeout": 10}):
                offset = update["update_id"] + 1
                self.hear(update)

    async def hook(self):
        async def handler(request):
            self.hear(json.loads(await request.read()))
            return web.Response()

        await self.api("setWebhook", {"url": "https://bot.example/telegram/webhook"})
        await self.serve(web.post("/telegram/webhook", handler))


class Growing(Telegram):
    """Posts what it has read so far, at the times of the recorded calls: for many answers."""

    FIRST_CHARS = 12

    async def _answer(self, chat):
        text, known, begun = [], {}, asyncio.Event()

        def take(texts):
            text.extend(texts)
            if not begun.is_set() and sum(map(len, text)) >= self.FIRST_CHARS:
                begun.set()

        reading = asyncio.create_task(self._read(take))
        (first_at, *first), *calls, (_, *last) = self.recipe
        await begun.wait()
        began = time.monotonic() - first_at
        await self._show(first, text, known, chat)
        for at, *call in calls:
            await asyncio.wait([reading], timeout=max(0.0, began + at - time.monotonic()))
            if reading.done():
                break
            await self._show(call, text, known, chat)
        await reading
        await self._show(last, text, known, chat)

    async def _show(self, call, text, known, chat):
        method, parameters = call
        await self.call(method, {**parameters, "text": "".join(text)}, known, chat)


class Slack(Bare):
    async def api(self, method, parameters, token=BOT_TOKEN):
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.url}{method}"
        async with self.session.post(url, json=parameters, headers=headers) as response:
            return await response.json()

    async def call(self, method, parameters, known, channel, thread):
        swapped = {**parameters, "channel": channel}
        if "thread_ts" in parameters:
            swapped["thread_ts"] = thread
        if "ts" in parameters:
            swapped["ts"] = known["ts"]
        result = await self.api(method, swapped)
        known["ts"] = result.get("ts", known.get("ts"))

    def hear(self, payload):
        event = payload.get("event", {})
        if event.get("type") == "message":
            self.answer(event["channel"], event["ts"])

    async def listen(self):
        opened = await self.api("apps.connections.open", {}, APP_TOKEN)
        async with self.session.ws_connect(opened["url"]) as link:
            async for message in link:
                told = json.loads(message.data)
                if "envelope_id" in told:
                    await link.send_json({"envelope_id": told["envelope_id"]})
                    self.hear(told["payload"])

    async def hook(self):
        async def handler(request):
            body = await request.read()
            signed = f"v0:{request.headers['X-Slack-Request-Timestamp']}:".encode() + body
            wanted = "v0=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
            if not hmac.compare_digest(wanted, request.headers["X-Slack-Signature"]):
                return web.Response(status=403)
            self.hear(json.loads(body))
            return web.Response()

        await self.serve(web.post("/slack/events", handler))


class Page(Bare):
    async def call(self, _, piece, __, readers):
        for response in readers:
            await response.write(piece.encode())

    async def page(self):
        readers = {}

        async def events(request):
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            readers.setdefault(request.match_info["thread"], []).append(response)
            await asyncio.Event().wait()

        async def post(request):
            await request.json()
            self.answer(readers[request.match_info["thread"]])
            return web.json_response({}, status=202)

        async def nothing(_):
            return web.json_response({})

        await self.serve(
            web.post("/api/session", nothing),
            web.get("/api/conversations/{thread}/events", events),
            web.post("/api/conversations/{thread}", post),
        )


KINDS = {
    "telegram-polling": (Telegram, Telegram.poll),
    "telegram-webhook": (Telegram, Telegram.hook),
    "telegram-growing": (Growing, Growing.poll),
    "slack-socket": (Slack, Slack.listen),
    "slack-http": (Slack, Slack.hook),
    "page": (Page, Page.page),
}


async def main(kind, task):
    make, run = KINDS[kind]
    script = make(task)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as script.session:
        await run(script)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], json.load(sys.stdin)))
