"""
A strict Slack on loopback: Web API, Socket Mode, HTTP events, file upload.

Written from docs.slack.dev: tiers per method with `Retry-After`, signed
requests, acknowledgement within three seconds and redelivery, blocks and their
limits, a mention delivered as two events.
"""

import asyncio
import hashlib
import hmac
import json
import math
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

BOT_TOKEN = "xoxb-loopback-bot-token"
APP_TOKEN = "xapp-loopback-app-token"
SECRET = "loopback-signing-secret"
TEAM, BOT_USER, BOT_ID = "T01", "U0BOT", "B0BOT"
ACK_S = 3.0
PER_MINUTE = {
    "chat.update": 50,
    "chat.delete": 50,
    "chat.startStream": 20,
    "chat.appendStream": 100,
    "chat.stopStream": 20,
    "users.info": 100,
    "files.info": 100,
    "files.getUploadURLExternal": 100,
    "files.completeUploadExternal": 100,
}


class SlackError(Exception):
    def __init__(self, code, **more):
        super().__init__(code)
        self.code, self.more = code, more


class Tokens:
    """*per_minute* calls, as a full bucket that refills over the minute."""

    def __init__(self, per_minute, capacity=None):
        self.capacity = capacity or per_minute
        self.rate, self.level, self.at = per_minute / 60, self.capacity, time.monotonic()

    def take(self):
        now = time.monotonic()
        self.level = min(self.capacity, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return (1 - self.level) / self.rate
        self.level -= 1
        return 0.0


@dataclass
class Post:
    ts: str
    channel: str
    thread: str
    text: str
    user: str
    blocks: list = field(default_factory=list)
    files: list = field(default_factory=list)
    edits: int = 0
    at: float = field(default_factory=time.time)
    streaming: bool = False

    @property
    def shown(self):
        """What stands on the screen: the markdown blocks, or the text."""
        parts = [
            block["text"] if block["type"] == "markdown" else block["text"]["text"]
            for block in self.blocks
            if block["type"] in ("markdown", "section")
        ]
        return "\n".join(parts) if self.blocks else self.text


class SlackServer:
    def __init__(self):
        self.url = ""
        self.events_url = ""
        self.members = {"C01": {BOT_USER, "U01", "U02"}, "C02": {BOT_USER, "U01"}}
        self.dms = {"D01": "U01", "D02": "U02"}
        self.posts = {}
        self.ephemerals = []
        self.uploads = {}
        self.file_handlers = {}
        self.file_objects = {}
        self.file_headers = []
        self.limited = []
        self.calls = []
        self.statuses = []
        self.titles = []
        self.prompts = []
        self.replies = []
        self.locales = {}
        self.timeline = []
        self.unacked = []
        self.faults = []
        self.bot_token = BOT_TOKEN
        self._sockets = []
        self._acks = {}
        self._buckets = {}
        self._clock = 1700000000.0
        self._number = 0
        self._deliveries = set()
        self.retry_s = (0.05, 1.0, 2.0)

    # --- what people do ---

    def ts(self):
        self._clock += 0.0002
        return f"{self._clock:.6f}"

    def next(self, prefix):
        self._number += 1
        return f"{prefix}{self._number:05d}"

    def say(self, channel, text, user="U01", thread="", **more):
        """A person writes; mentions in channels arrive as two events."""
        ts = self.ts()
        self.posts[channel, ts] = Post(ts, channel, thread, text, user)
        kind = "im" if channel.startswith("D") else "channel"
        escaped = text.replace("&", "&amp;")
        event = {
            "type": "message",
            "channel": channel,
            "user": user,
            "text": escaped,
            "ts": ts,
            "channel_type": kind,
            **more,
        }
        if thread:
            event["thread_ts"] = thread
        self.event(event)
        if kind == "channel" and f"<@{BOT_USER}>" in text:
            mention = {k: v for k, v in event.items() if k not in ("channel_type", "subtype")}
            self.event({**mention, "type": "app_mention"})
        return ts

    def event(self, event):
        self.deliver(
            "events_api",
            {
                "type": "event_callback",
                "event_id": self.next("Ev"),
                "team_id": TEAM,
                "api_app_id": "A01",
                "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
                "event": event,
            },
        )

    def slash(self, command, text, channel="C01", user="U01"):
        self.deliver(
            "slash_commands",
            {
                "command": command,
                "text": text,
                "user_id": user,
                "channel_id": channel,
                "channel_name": "directmessage" if channel.startswith("D") else "general",
                "team_id": TEAM,
                "trigger_id": self.next("trigger."),
                "response_url": f"{self.url}/response",
            },
            retried=False,
        )

    def press(self, post, command, user="U01"):
        self.deliver(
            "interactive",
            {
                "type": "block_actions",
                "team": {"id": TEAM},
                "user": {"id": user},
                "channel": {"id": post.channel},
                "message": {"ts": post.ts, "thread_ts": post.thread or post.ts},
                "trigger_id": self.next("trigger."),
                "actions": [
                    {"type": "button", "action_id": command, "block_id": "b", "value": command}
                ],
            },
            retried=False,
        )

    def deliver(self, kind, payload, *, retried=True):
        task = asyncio.ensure_future(self._deliver(kind, payload, retried=retried))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, kind, payload, *, retried):
        """Once, and up to three times again where it is not acknowledged within 3 s."""
        for attempt, wait in enumerate((*(self.retry_s if retried else ()), None)):
            if self.events_url:
                acked = await self._over_http(kind, payload, attempt)
            else:
                acked = await self._over_socket(kind, payload, attempt)
            if acked:
                return
            if wait is None:
                break
            await asyncio.sleep(wait)
        self.unacked.append(payload)

    async def _over_socket(self, kind, payload, attempt):
        for _ in range(100):
            if self._sockets:
                break
            await asyncio.sleep(0.05)
        else:
            return False
        envelope = self.next("env")
        acked = self._acks[envelope] = asyncio.get_running_loop().create_future()
        socket = self._sockets[self._number % len(self._sockets)]
        message = {
            "type": kind,
            "envelope_id": envelope,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            message |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
        try:
            await socket.send_json(message)
            await asyncio.wait_for(acked, ACK_S)
        except (TimeoutError, ConnectionError):
            return False
        return True

    async def _over_http(self, kind, payload, attempt):
        if kind == "events_api":
            body, content = json.dumps(payload), "application/json"
        elif kind == "interactive":
            body, content = urlencode({"payload": json.dumps(payload)}), None
        else:
            body, content = urlencode(payload), None
        stamp = str(int(time.time()))
        base = f"v0:{stamp}:{body}".encode()
        headers = {
            "Content-Type": content or "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": "v0="
            + hmac.new(SECRET.encode(), base, hashlib.sha256).hexdigest(),
        }
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    self.events_url,
                    data=body,
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=ACK_S),
                ) as response,
            ):
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def answers(self, channel, thread):
        """The bot's posts in a thread, in order."""
        return [
            post
            for _, post in sorted(self.posts.items())
            if post.channel == channel and post.thread == thread and post.user == BOT_USER
        ]

    # --- the server ---

    @asynccontextmanager
    async def running(self):
        app = web.Application(client_max_size=60 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._serve)
        app.router.add_post("/upload/{file}", self._upload)
        app.router.add_get("/link", self._socket)
        app.router.add_get("/files/{file}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            for task in self._deliveries:
                task.cancel()
            for socket in list(self._sockets):
                await socket.close()
            await runner.cleanup()

    async def _file(self, request):
        """A file's bytes, for who sends the token; the sign-in page, with 200, for all others.

        docs.slack.dev/apis/web-api/working-with-files: "url_private".
        """
        self.file_headers.append(dict(request.headers))
        if request.headers.get("Authorization") != f"Bearer {BOT_TOKEN}":
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        return await self.file_handlers[request.match_info["file"]](request)

    def do_files_info(self, parameters):
        if parameters["file"] not in self.file_objects:
            raise SlackError("file_not_found")
        return {"file": self.file_objects[parameters["file"]]}

    @property
    def api_url(self):
        return f"{self.url}/api/"

    @property
    def connections(self):
        return len(self._sockets)

    def drop_sockets(self):
        for socket in self._sockets:
            socket._req.transport.abort()

    async def _socket(self, request):
        socket = web.WebSocketResponse(heartbeat=None)
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1})
        self._sockets.append(socket)
        try:
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    try:
                        told = json.loads(message.data)
                        acked = self._acks.get(told.get("envelope_id"))
                    except ValueError:
                        continue
                    if acked is not None and not acked.done():
                        self.replies += [said] if (said := told.get("payload")) else []
                        acked.set_result(None)
        finally:
            self._sockets.remove(socket)
        return socket

    async def _serve(self, request):
        method = request.match_info["method"]
        if request.content_type == "application/json":
            parameters = await request.json()
        else:
            parameters = {**request.query, **await request.post()}
            for name in ("blocks", "files", "prompts"):
                if isinstance(parameters.get(name), str):
                    parameters[name] = json.loads(parameters[name])
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = token or parameters.pop("token", "")
        self.calls.append((time.monotonic(), method, parameters))
        try:
            expected = APP_TOKEN if method == "apps.connections.open" else self.bot_token
            if token != expected:
                raise SlackError("invalid_auth")
            for fault in self.faults:
                if fault[0] == method:
                    self.faults.remove(fault)
                    raise fault[1]
            self._limit(method, parameters)
            handler = getattr(self, "do_" + method.replace(".", "_"), None)
            if handler is None:
                raise SlackError("unknown_method")
            return web.json_response({"ok": True, **(handler(parameters) or {})})
        except SlackError as error:
            if "retry_after" in error.more:
                self.limited.append((method, error.more["retry_after"]))
                return web.json_response(
                    {"ok": False, "error": "ratelimited"},
                    status=429,
                    headers={"Retry-After": str(error.more["retry_after"])},
                )
            return web.json_response({"ok": False, "error": error.code})

    def _limit(self, method, parameters):
        if method == "chat.postMessage":
            # About one a second in a channel, short bursts allowed.
            key, rate, capacity = (method, parameters.get("channel")), 60, 4
        elif method in PER_MINUTE:
            key, rate, capacity = (method,), PER_MINUTE[method], None
        else:
            return
        bucket = self._buckets.setdefault(key, Tokens(rate, capacity))
        if wait := bucket.take():
            raise SlackError("ratelimited", retry_after=max(1, math.ceil(wait)))

    def do_auth_test(self, parameters):
        return {
            "url": self.url,
            "team": "Loopback",
            "user": "palaver",
            "team_id": TEAM,
            "user_id": BOT_USER,
            "bot_id": BOT_ID,
        }

    def do_apps_connections_open(self, parameters):
        return {"url": f"{self.url}/link".replace("http://", "ws://")}

    def do_users_info(self, parameters):
        names = {"U01": "Ann", "U02": "Bob"}
        if parameters["user"] not in names:
            raise SlackError("user_not_found")
        return {
            "user": {
                "id": parameters["user"],
                "locale": self.locales.get(parameters["user"], "en-US"),
                "profile": {"display_name": names[parameters["user"]]},
            }
        }

    def do_chat_postMessage(self, parameters):
        channel, thread = self._channel(parameters), parameters.get("thread_ts") or ""
        if thread and (channel, thread) not in self.posts:
            raise SlackError("thread_not_found")
        blocks = self._content(parameters, 40_000)
        post = Post(self.ts(), channel, thread, parameters.get("text", ""), BOT_USER, blocks)
        self.posts[channel, post.ts] = post
        self.timeline.append((time.monotonic(), "post", channel, post.ts, post.shown))
        return {"channel": channel, "ts": post.ts, "message": {"ts": post.ts}}

    def do_chat_startStream(self, parameters):
        channel, thread = self._channel(parameters), parameters["thread_ts"]
        if not channel.startswith("D"):
            for name in ("recipient_user_id", "recipient_team_id"):
                if not parameters.get(name):
                    raise SlackError(f"missing_{name}")
        if (channel, thread) not in self.posts:
            raise SlackError("thread_not_found")
        text = parameters.get("markdown_text", "")
        post = Post(self.ts(), channel, thread, "", BOT_USER, streaming=True)
        post.blocks = [{"type": "markdown", "text": text}]
        self._streamed(post, text)
        self.posts[channel, post.ts] = post
        self.timeline.append((time.monotonic(), "start", channel, post.ts, post.shown))
        return {"channel": channel, "ts": post.ts}

    def do_chat_appendStream(self, parameters):
        post = self._streaming(parameters)
        if not parameters.get("markdown_text"):
            raise SlackError("no_text")
        self._streamed(post, parameters["markdown_text"])
        post.blocks[0]["text"] += parameters["markdown_text"]
        post.edits += 1
        self.timeline.append((time.monotonic(), "append", post.channel, post.ts, post.shown))
        return {"channel": post.channel, "ts": post.ts}

    def do_chat_stopStream(self, parameters):
        post = self._streaming(parameters)
        more = parameters.get("markdown_text") or ""
        self._streamed(post, more)
        post.blocks[0]["text"] += more
        post.blocks += (
            self._content({"blocks": parameters["blocks"]}, 0) if parameters.get("blocks") else []
        )
        post.streaming = False
        self.timeline.append((time.monotonic(), "stop", post.channel, post.ts, post.shown))
        return {"channel": post.channel, "ts": post.ts}

    def _streaming(self, parameters):
        post = self._own(parameters)
        if not post.streaming:
            raise SlackError("message_not_in_streaming_state")
        return post

    @staticmethod
    def _streamed(post, more):
        if len(more) > 12_000 or len(post.shown) + len(more) > 12_000:
            raise SlackError("msg_too_long")

    def end_streams(self):
        """Slack ends all streams, as it does after about five minutes."""
        for post in self.posts.values():
            post.streaming = False

    def press_stop(self, post, user="U01"):
        """Slack's own Stop button of a streaming message."""
        post.streaming = False
        self.event(
            {
                "type": "agent_session_stopped",
                "channel": post.channel,
                "thread_ts": post.thread,
                "user": user,
                "streaming_message_ts": [post.ts],
            }
        )

    def do_chat_update(self, parameters):
        post = self._own(parameters)
        if post.streaming:
            raise SlackError("streaming_state_conflict")
        post.blocks = self._content(parameters, 4_000)
        post.text = parameters.get("text", post.text)
        post.edits += 1
        self.timeline.append((time.monotonic(), "update", post.channel, post.ts, post.shown))
        return {"channel": post.channel, "ts": post.ts}

    def do_chat_delete(self, parameters):
        post = self._own(parameters)
        del self.posts[post.channel, post.ts]

    def do_chat_postEphemeral(self, parameters):
        channel = self._channel(parameters)
        if parameters["user"] not in self.members.get(channel, {parameters["user"]}):
            raise SlackError("user_not_in_channel")
        blocks = self._content(parameters, 40_000)
        post = Post(self.ts(), channel, "", parameters.get("text", ""), BOT_USER, blocks)
        self.ephemerals.append((parameters["user"], post))
        return {"message_ts": post.ts}

    def do_assistant_threads_setStatus(self, parameters):
        self.statuses.append(
            (parameters["channel_id"], parameters["thread_ts"], parameters["status"])
        )

    def do_assistant_threads_setTitle(self, parameters):
        self.titles.append((parameters["channel_id"], parameters["thread_ts"], parameters["title"]))

    def do_assistant_threads_setSuggestedPrompts(self, parameters):
        self.prompts.append(parameters)

    def do_files_getUploadURLExternal(self, parameters):
        length = int(parameters["length"])
        if length < 1:
            raise SlackError("invalid_arguments")
        file = self.next("F")
        self.uploads[file] = {"length": length, "name": parameters["filename"], "data": None}
        return {"upload_url": f"{self.url}/upload/{file}", "file_id": file}

    async def _upload(self, request):
        upload = self.uploads.get(request.match_info["file"])
        data = await request.read()
        if upload is None or len(data) != upload["length"]:
            return web.Response(status=400)
        upload["data"] = data
        return web.Response(text="OK")

    def do_files_completeUploadExternal(self, parameters):
        files = parameters["files"]
        if any(self.uploads.get(one["id"], {}).get("data") is None for one in files):
            raise SlackError("file_not_found")
        channel = self._channel({"channel": parameters["channel_id"]})
        post = Post(
            self.ts(),
            channel,
            parameters.get("thread_ts") or "",
            parameters.get("initial_comment", ""),
            BOT_USER,
            files=[self.uploads[one["id"]]["data"] for one in files],
        )
        self.posts[channel, post.ts] = post
        return {"files": [{"id": one["id"], "title": one.get("title")} for one in files]}

    # --- rules ---

    def _channel(self, parameters):
        channel = parameters.get("channel", "")
        if channel not in self.dms and channel not in self.members:
            raise SlackError("channel_not_found")
        if channel in self.members and BOT_USER not in self.members[channel]:
            raise SlackError("not_in_channel")
        return channel

    def _own(self, parameters):
        post = self.posts.get((self._channel(parameters), parameters["ts"]))
        if post is None:
            raise SlackError("message_not_found")
        if post.user != BOT_USER:
            raise SlackError("cant_update_message")
        return post

    def _content(self, parameters, text_chars):
        text, blocks = parameters.get("text", ""), parameters.get("blocks") or []
        if parameters.get("markdown_text"):
            if text or blocks:
                raise SlackError("markdown_text_conflict")
            if len(parameters["markdown_text"]) > 12_000:
                raise SlackError("msg_too_long")
            return [{"type": "markdown", "text": parameters["markdown_text"]}]
        if not text and not blocks:
            raise SlackError("no_text")
        if len(text) > text_chars:
            raise SlackError("msg_too_long")
        if len(blocks) > 50:
            raise SlackError("invalid_blocks")
        if sum(len(b["text"]) for b in blocks if b["type"] == "markdown") > 12_000:
            raise SlackError("msg_blocks_too_long")
        if len(json.dumps(blocks, ensure_ascii=False)) > 13_200:
            raise SlackError("msg_blocks_too_long")
        for block in blocks:
            if block["type"] == "markdown" and not block["text"].strip():
                raise SlackError("invalid_blocks")
            if block["type"] == "section" and not 1 <= len(block["text"]["text"]) <= 3_000:
                raise SlackError("invalid_blocks")
            if block["type"] == "actions":
                ids = [element["action_id"] for element in block["elements"]]
                labels = [element["text"]["text"] for element in block["elements"]]
                if len(set(ids)) != len(ids) or len(ids) > 25 or max(map(len, labels)) > 75:
                    raise SlackError("invalid_blocks")
        return blocks
