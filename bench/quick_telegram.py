"""A Telegram that costs next to nothing, for benches in which it shares a core with others.

It refuses nothing and checks nothing: `tests/servers/telegram.py` does. It stands where that one
stands (`bench.scenes`), as far as private chats need it.
"""

import asyncio
import itertools
import json
import re
import time
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from tests.servers.telegram import BOT, TOKEN

REQUEST = re.compile(rb"[A-Z]+ /bot[^/]+/(\w+)\S* HTTP/1.1\r\n")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")
OFFSET = re.compile(rb"offset\D+(\d+)")
"""In JSON or in a form."""
POLL_S = 10.0


class QuickTelegram:
    """*calls*: (when, method, parameters) of each call but those for updates."""

    def __init__(self):
        self.token, self.calls = TOKEN, []
        self._numbers = itertools.count(1)
        self._updates, self._asked = [], None
        self.url = ""

    @asynccontextmanager
    async def running(self):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    def add_private(self, chat):
        """Any chat is there."""

    def person(self, chat):
        return {"id": chat, "is_bot": False, "first_name": f"Person {chat}", "language_code": "en"}

    def say(self, chat, text, *, user):
        number = next(self._numbers)
        message = self._message(chat, number) | {"from": user, "text": text}
        self._updates.append({"update_id": number, "message": message})
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(None)

    async def updates(self, after):
        """Those behind *after*, which are then the first; waits for one."""
        self._updates = [one for one in self._updates if one["update_id"] >= after]
        if not self._updates:
            self._asked = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._asked], timeout=POLL_S)
        return self._updates[:100]

    def call(self, method, parameters):
        """The result of a call."""
        self.calls.append((time.monotonic(), method, parameters))
        match method:
            case "getMe":
                return BOT
            case "sendMessage":
                return self._message(parameters["chat_id"], next(self._numbers))
            case "editMessageText":
                return self._message(parameters["chat_id"], parameters["message_id"])
        return [] if method.startswith("getMy") else True

    def _message(self, chat, number):
        where = {"id": chat, "type": "private", "first_name": f"Person {chat}"}
        return {"message_id": number, "date": int(time.time()), "chat": where, "text": "text"}


class _Connection(asyncio.Protocol):
    def __init__(self, telegram):
        self._telegram, self._given, self._polls = telegram, b"", set()

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._given += data
        while (end := self._given.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self._given, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._given) < whole:
                return
            method = REQUEST.match(self._given)[1].decode()
            body, self._given = self._given[end + 4 : whole], self._given[whole:]
            self._answer(method, body)

    def _answer(self, method, body):
        if method != "getUpdates":
            self._write(self._telegram.call(method, _read(body)))
            return
        after = OFFSET.search(body)
        poll = asyncio.create_task(self._telegram.updates(int(after[1]) if after else 0))
        self._polls.add(poll)
        poll.add_done_callback(self._polls.discard)
        poll.add_done_callback(self._polled)

    def _polled(self, poll):
        # At the end of a bench whoever asked is gone.
        if not poll.cancelled() and not self._transport.is_closing():
            self._write(poll.result())

    def _write(self, result):
        body = json.dumps({"ok": True, "result": result}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._transport.write(f"{head}\r\n\r\n".encode() + body)


def _read(body):
    """The parameters of a call: of JSON, or of a form."""
    if body.startswith(b"{"):
        return json.loads(body)
    pairs = parse_qsl(body.decode(errors="replace"))
    return {name: int(one) if one.isdigit() else one for name, one in pairs}
