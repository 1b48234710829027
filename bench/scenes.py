"""Where the benches of whole turns take place: a platform's loopback server, and who asks there.

*seconds*: in so many an answer of 500 tokens takes about 12 updates there.
"""

import asyncio
import json
import secrets
import time
from contextlib import asynccontextmanager

import aiohttp

from tests.attacks.watching import free_port
from tests.harness import until
from tests.servers import slack as slack_server
from tests.servers import telegram as telegram_server
from tests.servers.limits import Verdict
from tests.servers.slack import SlackServer
from tests.servers.telegram import TelegramServer

HOOK_SECRET = "hook-secret"  # noqa: S105 - of a loopback server
ANSWERED_S = 120


class Unlimited:
    """A platform that lets every call pass: what is measured is what a call costs."""

    def telegram(self, *_, **__):
        return Verdict()

    def slack(self, *_):
        return Verdict()

    def slow(self, *_):
        return Verdict()


class Chats:
    """Chats on a platform's *server*. With *hook*, events are pushed to whoever serves `port`."""

    def __init__(self, server, *, hook):
        self.server, self.hook, self.port = server, hook, free_port()
        self.name, self.kind = self.ways[hook]


class Telegram(Chats):
    """Private chats, each question in a new one."""

    seconds = 5.0

    ways = (("Telegram, polling", "telegram-polling"), ("Telegram, webhook", "telegram-webhook"))

    def __init__(self, *, hook=False):
        super().__init__(TelegramServer(Unlimited()), hook=hook)
        self._chats = iter(range(1000, 10**6))

    def settings(self):
        url = {"telegram_bot_token": telegram_server.TOKEN, "telegram_api_url": self.server.url}
        hook = {"public_url": "https://bot.example", "telegram_webhook_secret": HOOK_SECRET}
        return url | (hook if self.hook else {})

    @asynccontextmanager
    async def running(self):
        async with self.server.running(), aiohttp.ClientSession() as self._session:
            yield self

    async def ask(self, text):
        """Ask in a new chat, and return the calls that the answer took."""
        chat = next(self._chats)
        self.server.add_private(chat)
        began = time.monotonic()
        self.server.say(chat, text, user=self.server.person(chat))
        if self.hook:
            await self._push(self.server.updates.pop())
        await until(lambda: "retry" in str([o.markup for o in self.server.posts(chat)]), ANSWERED_S)
        return [
            (at - began, method, parameters)
            for at, method, parameters in self.server.calls
            if parameters.get("chat_id") == chat
        ]

    async def _push(self, update):
        headers = {"X-Telegram-Bot-Api-Secret-Token": HOOK_SECRET}
        url = f"http://127.0.0.1:{self.port}/telegram/webhook"
        async with self._session.post(url, json=update, headers=headers) as response:
            response.raise_for_status()


class Slack(Chats):
    """A direct message, each question in a thread of its own."""

    seconds = 1.5

    ways = (("Slack, Socket Mode", "slack-socket"), ("Slack, HTTP", "slack-http"))

    def __init__(self, *, hook=False):
        super().__init__(SlackServer(Unlimited()), hook=hook)

    def settings(self):
        token = {"slack_bot_token": slack_server.BOT_TOKEN, "slack_api_url": self.server.api_url}
        if self.hook:
            return {**token, "slack_signing_secret": slack_server.SECRET}
        return {**token, "slack_app_token": slack_server.APP_TOKEN}

    @asynccontextmanager
    async def running(self):
        if self.hook:
            self.server.events_url = f"http://127.0.0.1:{self.port}/slack/events"
        async with self.server.running():
            yield self

    async def ask(self, text):
        began = time.monotonic()
        thread = self.server.say("D01", text)
        await until(lambda: self._whole(thread), ANSWERED_S)
        return [
            (at - began, method, parameters)
            for at, method, parameters in self.server.calls
            if self._of(thread, parameters)
        ]

    def _whole(self, thread):
        return any("retry" in str(one.blocks) for one in self.server.answers("D01", thread))

    def _of(self, thread, parameters):
        posts = {post.ts for post in self.server.answers("D01", thread)}
        return parameters.get("thread_ts") == thread or parameters.get("ts") in posts


class Page:
    """The chat page: each question in a new conversation, whose events the browser reads."""

    name, kind = "the page", "page"
    seconds = 0.3
    server = None

    def __init__(self):
        self.port = free_port()

    def settings(self):
        return {"web_chat": "true"}

    @asynccontextmanager
    async def running(self):
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as self._session:
            self._known, self._lock = False, asyncio.Lock()
            yield self

    async def ask(self, text):
        url = f"http://127.0.0.1:{self.port}"
        async with self._lock:
            if not self._known:
                async with self._session.post(f"{url}/api/session", json={}) as response:
                    response.raise_for_status()
                self._known = True
        path = f"{url}/api/conversations/{secrets.token_hex(8)}"
        began, got = time.monotonic(), []
        async with asyncio.timeout(ANSWERED_S), self._session.get(f"{path}/events") as events:
            body = {"id": secrets.token_hex(8), "text": text}
            async with self._session.post(path, json=body) as response:
                response.raise_for_status()
            async for piece, _ in events.content.iter_chunks():
                got.append((time.monotonic() - began, "event", piece.decode()))
                if b'"retry"' in piece:
                    break
            events.close()
        return got


SCENES = (
    Telegram,
    lambda: Telegram(hook=True),
    Slack,
    lambda: Slack(hook=True),
    Page,
)


def told(calls):
    """*calls* as JSON, for a script that makes them again."""
    return json.dumps(calls, default=str)
