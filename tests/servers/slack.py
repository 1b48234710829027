"""
A strict Slack on loopback: Web API, Socket Mode, HTTP events, file upload.

Written from docs.slack.dev (each rule names its page; a method's rules are on its page under
/reference/methods): tiers per method with `Retry-After`, signed requests, acknowledgement
within three seconds and redelivery, blocks and their limits, a mention delivered as two events.
What Slack documents nowhere names who measured it.
"""

import asyncio
import hashlib
import hmac
import json
import math
import re
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.servers.limits import loose
from tests.servers.loopback import listening

MANIFEST = Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml"
BOT_TOKEN = "xoxb-loopback-bot-token"
APP_TOKEN = "xapp-loopback-app-token"
SCOPES = tuple(
    re.findall(
        r"^ +- ([a-z_]+:?[a-z]*)$",
        MANIFEST.read_text().partition(" bot:")[2].partition("settings:")[0],
        re.MULTILINE,
    )
)
"""Those that the manifest asks for."""
SECRET = "loopback-signing-secret"
TEAM, BOT_USER, BOT_ID = "T01", "U0BOT", "B0BOT"
ACK_S = 3.0


SCOPE_OF = {
    "agents.sessions.setStatus": ("chat:write",),
    "agents.sessions.rename": ("chat:write",),
    "assistant.threads.setSuggestedPrompts": ("assistant:write",),
    "chat.appendStream": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.startStream": ("chat:write",),
    "chat.stopStream": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.history": ("channels:history", "groups:history", "im:history"),
    "conversations.info": ("channels:read", "groups:read", "im:read"),
    "conversations.open": ("channels:manage", "groups:write", "im:write", "mpim:write"),
    "conversations.replies": ("channels:history", "groups:history", "im:history"),
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "files.info": ("files:read",),
    "reactions.add": ("reactions:write",),
    "usergroups.list": ("usergroups:read",),
    "users.info": ("users:read",),
}
FREE = frozenset(
    (
        "auth.test",
        "apps.connections.open",
        "views.open",
        "views.push",
        "views.publish",
        "views.update",
    )
)
"""Methods without a scope."""


class SlackError(Exception):
    def __init__(self, code, **more):
        super().__init__(code)
        self.code, self.more = code, more


@dataclass
class Post:
    ts: str
    channel: str
    thread: str
    text: str
    user: str
    blocks: list = field(default_factory=list)
    files: list = field(default_factory=list)
    names: list = field(default_factory=list)
    """Under which names *files* were sent."""
    edits: int = 0
    at: float = field(default_factory=time.time)
    streaming: bool = False
    cards: dict = field(default_factory=dict)
    """Its task cards, by id."""
    plan: str = ""
    display: str = "timeline"
    metadata: dict = field(default_factory=dict)

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
    distributed = False
    """Whether the app is distributed outside the Marketplace."""

    takes_cards = True
    shared = ()
    """Channels that another workspace shares: /apis/slack-connect."""
    org = ""
    """The organisation, if the app is installed in all of it."""

    def __init__(self, world=None, team=TEAM, bot_user=BOT_USER, token=BOT_TOKEN):
        self.team, self.bot_user, self.bot_id, self.bot_token = team, bot_user, BOT_ID, token
        self.world = world or loose()
        self.url = ""
        self.events_url = ""
        self.members = {"C01": {self.bot_user, "U01", "U02"}, "C02": {self.bot_user, "U01"}}
        self.dms = {"D01": "U01", "D02": "U02"}
        self.posts = {}
        self.ephemerals = []
        self.pushing = {}
        self.closed = set()
        self.uploads = {}
        self.file_handlers = {}
        self.file_objects = {}
        self.file_headers = []
        self.limited = []
        self.refused = []
        self.calls = []
        self.statuses, self.left_open = [], []
        """Statuses of sessions; cards that were open when their stream was stopped: (ts, title)."""
        self.titles = []
        self.sessions = {}
        """(channel, thread) -> the status of the agent's session there."""
        self.homes = {}
        self.views = []
        self.responses = []
        self.people = {"U01": "Ann", "U02": "Bob"}
        self.about = {}
        """What users.info tells besides, by the user's id."""
        self.creators = {}
        self.channels = {"C01": "general", "C02": "random"}
        self.groups = {"S01": "engineers"}
        self.scopes = None
        """The scopes that were granted; None: all."""
        self.lose = []
        """Methods whose next call is done, and its answer lost."""
        # Our reactions are known by channel and ts.
        self.prompts, self.reactions = [], {}
        self.replies = []
        self.locales = {}
        self.timeline = []
        self.unacked = []
        self.faults = []
        # By channel and ts: what is left of deleted roots, and what Slack tells besides the usual.
        self.stones, self.told = {}, {}
        self.barred = {}
        """Why a method may not write in a channel, by both names."""
        self._sockets = []
        self._acks = {}
        self._clock = 1700000000.0
        self._number = 0
        self._deliveries, self._read_at = set(), {}
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
        if kind == "channel" and f"<@{self.bot_user}>" in text:
            mention = {k: v for k, v in event.items() if k not in ("channel_type", "subtype")}
            self.event({**mention, "type": "app_mention"})
        return ts

    def event(self, event):
        first = {"team_id": self.team, "user_id": self.bot_user, "is_bot": True}
        if self.org:
            # /enterprise/organization-ready-apps: the authorization of an organisation has no team.
            first |= {"team_id": None, "enterprise_id": self.org, "is_enterprise_install": True}
        self.deliver(
            "events_api",
            {
                "type": "event_callback",
                "event_id": self.next("Ev"),
                "event_time": int(time.time()),
                "team_id": self.team,
                "api_app_id": "A01",
                "is_ext_shared_channel": str(event.get("channel")) in self.shared,
                "authorizations": [first],
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
                "team_id": self.team,
                "trigger_id": self.next("trigger."),
                "response_url": f"{self.url}/response",
            },
            retried=False,
        )

    def shortcut(self, callback, post, user="U01"):
        """A message shortcut: /interactivity/implementing-shortcuts#messages."""
        self.deliver(
            "interactive",
            {
                "type": "message_action",
                "callback_id": callback,
                "team": {"id": self.team},
                "user": {"id": user},
                "channel": {"id": post.channel},
                "message": self._told(post),
                "trigger_id": self.next("trigger."),
                "response_url": f"{self.url}/response",
            },
            retried=False,
        )

    def submit(self, view, text, user="U01"):
        """Somebody fills in a dialog of ours: /reference/interaction-payloads/view-submission."""
        block = view["blocks"][0]
        name, action = block["block_id"], block["element"]["action_id"]
        self.deliver(
            "interactive",
            {
                "type": "view_submission",
                "team": {"id": self.team},
                "user": {"id": user},
                "trigger_id": self.next("trigger."),
                "view": {
                    **view,
                    "id": view["id"],
                    "state": {"values": {name: {action: {"type": "x", "value": text}}}},
                },
            },
            retried=False,
        )

    def press_view(self, view, command, user="U01"):
        """A button in a dialog: /reference/interaction-payloads/block_actions-payload."""
        blocks = [one for one in view["blocks"] if one["type"] == "actions"]
        (button,) = (
            one
            for block in blocks
            for one in block["elements"]
            if one["value"].partition("\n")[0] == command
        )
        trigger = self.next("trigger.")
        self.pushing[trigger] = view["root_view_id"]
        self.deliver(
            "interactive",
            {
                "type": "block_actions",
                "team": {"id": self.team},
                "user": {"id": user},
                "view": view,
                "container": {"type": "view"},
                "trigger_id": trigger,
                "actions": [{**button, "block_id": "b"}],
            },
            retried=False,
        )

    def press_home(self, user, command):
        """A button on the Home tab: there is no channel and no message in it."""
        self.deliver(
            "interactive",
            {
                "type": "block_actions",
                "team": {"id": self.team},
                "user": {"id": user},
                "view": self.homes[user],
                "container": {"type": "view"},
                "trigger_id": self.next("trigger."),
                "actions": [
                    {"type": "button", "action_id": command, "block_id": "b", "value": command}
                ],
            },
            retried=False,
        )

    def open_home(self, user="U01", channel="D01", tab="home"):
        self.event({"type": "app_home_opened", "user": user, "channel": channel, "tab": tab})

    def edit(self, channel, ts, text, user="U01", **more):
        """A person changes a message: /reference/events/message/message_changed."""
        post = self.posts[channel, ts]
        old = self._told(post)
        post.text = text
        new = {**self._told(post), "edited": {"user": user, "ts": self.ts()}, **more}
        self.changed(channel, new, old)

    def changed(self, channel, new, old):
        event = {
            "type": "message",
            "subtype": "message_changed",
            "hidden": True,
            "channel": channel,
            "channel_type": "im" if channel.startswith("D") else "channel",
            "ts": self.ts(),
            "message": new,
            "previous_message": old,
        }
        self.event(event)

    def take_back(self, channel, ts):
        """A person deletes a message: a root with replies leaves a tombstone."""
        post = self.posts.pop((channel, ts))
        old = self._told(post)
        if any(one.thread == ts for one in self.posts.values()):
            stone = {
                "type": "message",
                "subtype": "tombstone",
                "user": "USLACKBOT",
                "text": "This message was deleted.",
                "hidden": True,
                "ts": ts,
                "thread_ts": ts,
            }
            self.stones[channel, ts] = stone
            self.changed(channel, stone, old)
            return
        event = {
            "type": "message",
            "subtype": "message_deleted",
            "hidden": True,
            "channel": channel,
            "channel_type": "im" if channel.startswith("D") else "channel",
            "ts": self.ts(),
            "deleted_ts": ts,
            "previous_message": old,
        }
        self.event(event)

    def _told(self, post):
        """*post* as Slack tells it in events and answers."""
        message = {"type": "message", "user": post.user, "ts": post.ts, "text": post.text}
        if post.thread:
            message["thread_ts"] = post.thread
        if post.user == self.bot_user:
            message |= {"bot_id": self.bot_id, "blocks": post.blocks}
        if post.streaming:
            message["streaming_state"] = "in_progress"
        if post.metadata:
            message["metadata"] = post.metadata
        return message | self.told.get((post.channel, post.ts), {})

    def press(self, post, command, user="U01"):
        self.deliver(
            "interactive",
            {
                "type": "block_actions",
                "team": {"id": self.team},
                "user": {"id": user},
                "channel": {"id": post.channel},
                **self._pressed(post),
                "trigger_id": self.next("trigger."),
                "actions": [
                    {"type": "button", "action_id": command, "block_id": "b", "value": command}
                ],
            },
            retried=False,
        )

    def _pressed(self, post):
        """What a press tells of *post*: /reference/interaction-payloads/block_actions-payload.

        Of a message for one person it is the `container` alone.
        """
        if any(shown is post for _, shown in self.ephemerals):
            thread = {"thread_ts": post.thread} if post.thread else {}
            about = {"type": "message", "message_ts": post.ts, "channel_id": post.channel}
            return {"container": {**about, **thread, "is_ephemeral": True}}
        return {"message": {"ts": post.ts, "thread_ts": post.thread or post.ts}}

    def deliver(self, kind, payload, *, retried=True):
        task = asyncio.ensure_future(self._deliver(kind, payload, retried=retried))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, kind, payload, *, retried):
        """Once, and up to three times again where it is not acknowledged within 3 s.

        docs.slack.dev/apis/events-api, "Error handling": at once, after one and five minutes.
        """
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
            if post.channel == channel and post.thread == thread and post.user == self.bot_user
        ]

    # --- the server ---

    @asynccontextmanager
    async def running(self):
        app = web.Application(client_max_size=60 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._serve)
        app.router.add_post("/upload/{file}", self._upload)
        app.router.add_get("/link", self._socket)
        app.router.add_get("/files/{file}", self._file)
        app.router.add_post("/response", self._respond)
        async with listening(app) as self.url:
            try:
                yield self
            finally:
                for task in self._deliveries:
                    task.cancel()
                for socket in list(self._sockets):
                    await socket.close()

    async def _file(self, request):
        """A file's bytes, for who sends the token; the sign-in page, with 200, for all others.

        docs.slack.dev/apis/web-api/working-with-files: "url_private".
        """
        self.file_headers.append(dict(request.headers))
        if request.headers.get("Authorization") != f"Bearer {self.bot_token}":
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        return await self.file_handlers[request.match_info["file"]](request)

    async def _shared(self, request):
        return web.Response(body=self.uploads[request.match_info["file"]]["data"])

    def do_files_info(self, parameters):
        # /reference/methods/files.info
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
        # docs.slack.dev/apis/events-api/using-socket-mode
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

    async def _respond(self, request):
        """A slash command's `response_url`: /interactivity/handling-user-interaction."""
        if len(self.responses) >= 5:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        self.responses.append(await request.json())
        return web.Response(text="ok")

    async def _serve(self, request):
        method = request.match_info["method"]
        if request.content_type == "application/json":
            parameters = await request.json()
        else:
            parameters = {**request.query, **await request.post()}
            for name in ("blocks", "files", "prompts", "metadata", "view"):
                if isinstance(parameters.get(name), str):
                    parameters[name] = json.loads(parameters[name])
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = token or parameters.pop("token", "")
        self.calls.append((time.monotonic(), method, parameters))
        try:
            if method == "auth.test" and token == APP_TOKEN:
                # docs.slack.dev/authentication/tokens: an app-level token tells its app.
                return web.json_response({"ok": True, "app_name": "Palaver", "app_id": "A1"})
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
            self._check_scopes(method)
            answer = handler(parameters) or {}
            if method in self.lose:
                self.lose.remove(method)
                request.transport.abort()
            # docs.slack.dev/apis/web-api: what the token may do stands in a header.
            return web.json_response(
                {"ok": True, **answer}, headers={"X-OAuth-Scopes": ",".join(self.scopes or SCOPES)}
            )
        except SlackError as error:
            self.refused.append((method, error.code))
            if "retry_after" in error.more:
                self.limited.append((method, error.more["retry_after"]))
                return web.json_response(
                    {"ok": False, "error": "ratelimited"},
                    status=429,
                    headers={"Retry-After": str(error.more["retry_after"])},
                )
            return web.json_response({"ok": False, "error": error.code, **error.more})

    def _check_scopes(self, method):
        """/reference/methods: each method names its scope; `needed` tells which is missing."""
        needed = SCOPE_OF.get(method)
        if needed and self.scopes is not None and not self.scopes & set(needed):
            granted = ",".join(sorted(self.scopes))
            raise SlackError("missing_scope", needed=needed[0], provided=granted)

    def _limit(self, method, parameters):
        now = time.monotonic()
        if self.distributed and method in ("conversations.replies", "conversations.history"):
            # /apis/web-api/rate-limits: one request a minute.
            if (last := self._read_at.get(method, now - 60)) > now - 60:
                raise SlackError("ratelimited", retry_after=math.ceil(last + 60 - now))
            self._read_at[method] = now
        verdict = self.world.slack(method, parameters.get("channel"), now)
        if verdict.retry_after_s:
            raise SlackError("ratelimited", retry_after=verdict.retry_after_s)

    def do_auth_test(self, parameters):
        return {
            "url": self.url,
            "team": "Loopback",
            "user": "palaver",
            "team_id": self.team,
            "user_id": self.bot_user,
            "bot_id": self.bot_id,
        }

    def do_apps_connections_open(self, parameters):
        return {"url": f"{self.url}/link".replace("http://", "ws://")}

    def do_users_info(self, parameters):
        # /reference/methods/users.info
        if parameters["user"] not in self.people:
            raise SlackError("user_not_found")
        return {
            "user": {
                "id": parameters["user"],
                "team_id": self.team,
                "locale": self.locales.get(parameters["user"], "en-US"),
                "profile": {"display_name": self.people[parameters["user"]]},
                # docs.slack.dev/reference/objects/user-object
                "is_admin": False,
                "is_owner": False,
                **self.about.get(parameters["user"], {}),
            }
        }

    def do_conversations_info(self, parameters):
        # /reference/methods/conversations.info
        channel = parameters["channel"]
        if channel not in self.channels:
            raise SlackError("channel_not_found")
        about = {"id": channel, "name": self.channels[channel]}
        if channel in self.creators:
            about["creator"] = self.creators[channel]
        return {"channel": about}

    def do_conversations_open(self, parameters):
        # docs.slack.dev/reference/methods/conversations.open: one person's id opens or resumes
        # the direct message with them
        user = parameters["users"]
        if user not in self.people:
            raise SlackError("user_not_found")
        for channel, one in self.dms.items():
            if one == user:
                return {"channel": {"id": channel}}
        channel = f"D{user}"
        self.dms[channel] = user
        return {"channel": {"id": channel}}

    def do_usergroups_list(self, parameters):
        # /reference/methods/usergroups.list
        groups = [{"id": one, "handle": name} for one, name in self.groups.items()]
        return {"usergroups": groups}

    def do_conversations_replies(self, parameters):
        """The parent comes first, even when it is older than `oldest` (seen by several)."""
        channel, root = self._channel(parameters), parameters["ts"]
        if (channel, root) not in self.posts and (channel, root) not in self.stones:
            raise SlackError("thread_not_found")
        found = self._between(
            parameters,
            (p for p in self.posts.values() if p.channel == channel and p.thread == root),
        )
        # /reference/methods/conversations.replies: `limit` is 1000 if it is not given.
        page, more = self._page("conversations.replies", parameters, found, 1_000)
        told = [self._told(one) for one in page]
        if not parameters.get("cursor"):
            told.insert(0, self._root(channel, root))
        return {"messages": told, **more}

    def do_conversations_history(self, parameters):
        """Newest first, without the replies in threads: /reference/methods/conversations.history"""
        channel = self._channel(parameters)
        found = self._between(
            parameters,
            (p for p in self.posts.values() if p.channel == channel and not p.thread),
        )
        page, more = self._page("conversations.history", parameters, found[::-1], 100)
        return {"messages": [self._root(channel, one.ts) for one in page], **more}

    def _root(self, channel, ts):
        """A message of the channel; if it begins a thread, with what Slack counts of that."""
        if (channel, ts) not in self.posts:
            return self.stones[channel, ts]
        told = self._told(self.posts[channel, ts])
        replies = [p.ts for p in self.posts.values() if p.channel == channel and p.thread == ts]
        if replies:
            told |= {"thread_ts": ts, "reply_count": len(replies), "latest_reply": max(replies)}
        return told

    def _page(self, method, parameters, found, usual):
        """/apis/web-api/pagination: a cursor, and `has_more`."""
        most = int(parameters.get("limit") or usual)
        if not 1 <= most <= 1_000:
            raise SlackError("invalid_limit")
        if self.distributed:
            # /apis/web-api/rate-limits: apps outside the Marketplace get 15 objects, once a minute.
            most = min(most, 15)
        start = int(parameters.get("cursor") or 0)
        page, rest = found[start : start + most], found[start + most :]
        more = {"has_more": bool(rest)}
        if rest:
            more["response_metadata"] = {"next_cursor": str(start + most)}
        return page, more

    def _between(self, parameters, posts):
        # `oldest` is exclusive unless `inclusive`; ts here are of a clock of our own.
        oldest = float(parameters.get("oldest") or 0)
        latest = float(parameters.get("latest") or "inf")
        inclusive = str(parameters.get("inclusive") or "").lower() in ("1", "true")
        ours = oldest > self._clock + 1e6
        found = [p for p in posts if oldest < (p.at if ours else float(p.ts))]
        found = [p for p in found if float(p.ts) < latest or (inclusive and float(p.ts) == latest)]
        return sorted(found, key=lambda p: p.ts)

    def do_views_publish(self, parameters):
        view = parameters["view"]
        # /reference/surfaces/views: at most 100 blocks, 250 kB; Markdown blocks are for messages.
        if len(view["blocks"]) > 100 or len(json.dumps(view)) > 250_000:
            raise SlackError("view_too_large")
        self._check_view(view)
        self.homes[parameters["user_id"]] = view

    def do_views_open(self, parameters, root=""):
        # /reference/views/modal-views: titles and labels of 24, private_metadata of 3,000
        self._check_view(parameters["view"])
        keys = ("title", "submit", "close")
        if any(len(parameters["view"].get(key, {}).get("text", "")) > 24 for key in keys):
            raise SlackError("invalid_arguments")
        view = {**parameters["view"], "id": self.next("V")}
        view["root_view_id"] = root or view["id"]
        self.views.append(view)
        return {"view": view}

    # /reference/methods/views.push: only from a modal; it keeps the id of the first as its root.
    def do_views_push(self, parameters):
        root = self.pushing.get(parameters["trigger_id"])
        if root is None:
            raise SlackError("invalid_trigger_id")
        return self.do_views_open(parameters, root)

    # /reference/methods/views.update: by its id, as long as it is open.
    def do_views_update(self, parameters):
        self._check_view(parameters["view"])
        for at, view in enumerate(self.views):
            if view["id"] == parameters["view_id"] and view["id"] not in self.closed:
                kept = {key: view[key] for key in ("id", "root_view_id")}
                self.views[at] = {**parameters["view"], **kept}
                return {"view": self.views[at]}
        raise SlackError("not_found")

    def _check_view(self, view):
        if len(view.get("private_metadata", "")) > 3_000:
            raise SlackError("invalid_arguments")
        for block in view["blocks"]:
            if block["type"] not in ("section", "actions", "input", "divider", "header", "context"):
                raise SlackError("invalid_blocks")
            if block["type"] == "section" and not 1 <= len(block["text"]["text"]) <= 3_000:
                raise SlackError("invalid_blocks")

    # /ai/agent-sessions: four words; `title` counts when the call makes the session.
    def do_agents_sessions_setStatus(self, parameters):
        channel, thread = (
            self._channel({"channel": parameters["channel_id"]}),
            parameters.get("thread_ts", ""),
        )
        if parameters["status"] not in ("active", "processing", "suspended", "closed"):
            raise SlackError("invalid_arguments")
        # /reference/methods/agents.sessions.setStatus, errors
        if not thread:
            raise SlackError("thread_ts_required")
        if (channel, thread) not in self.sessions and parameters.get("title"):
            self.titles.append((channel, thread, parameters["title"].replace(":", "_")))
        self.sessions[channel, thread] = parameters["status"]
        self.statuses.append((channel, thread, parameters["status"]))
        return {"status": parameters["status"], "agent_status": parameters["status"]}

    def do_agents_sessions_rename(self, parameters):
        channel, thread = parameters["channel_id"], parameters.get("thread_ts", "")
        if (channel, thread) not in self.sessions:
            raise SlackError("session_not_found")
        if not 1 <= len(parameters["title"]) <= 200:
            raise SlackError("invalid_name")
        self.titles.append((channel, thread, parameters["title"]))

    def do_chat_postMessage(self, parameters):
        # /reference/methods/chat.postMessage: a person's id means the direct messages with them
        ours = {user: channel for channel, user in self.dms.items()}
        to = parameters.get("channel", "")
        channel = self._writable("chat.postMessage", {"channel": ours.get(to, to)})
        thread = parameters.get("thread_ts") or ""
        if thread and (channel, thread) not in self.posts:
            raise SlackError("thread_not_found")
        # /reference/methods/chat.postMessage, "Truncating content": a longer text is cut.
        blocks = self._content({**parameters, "text": parameters.get("text", "")[:40_000]}, 0)
        post = Post(self.ts(), channel, thread, parameters.get("text", ""), self.bot_user, blocks)
        post.metadata = parameters.get("metadata") or {}
        self.posts[channel, post.ts] = post
        self.timeline.append((time.monotonic(), "post", channel, post.ts, post.shown))
        return {"channel": channel, "ts": post.ts, "message": {"ts": post.ts}}

    def do_chat_startStream(self, parameters):
        # /reference/methods/chat.startStream: whom it is for, unless it is a direct message; the
        # Agent Sessions page: `thread_ts` is required
        channel = self._writable("chat.startStream", parameters)
        thread = parameters["thread_ts"]
        if not channel.startswith("D"):
            for name in ("recipient_user_id", "recipient_team_id"):
                if not parameters.get(name):
                    raise SlackError(f"missing_{name}")
        if (channel, thread) not in self.posts:
            raise SlackError("thread_not_found")
        # /reference/methods/chat.startStream: task_display_mode; timeline is the default
        display = parameters.get("task_display_mode", "timeline")
        known = self.takes_cards or "task_display_mode" not in parameters
        if display not in ("timeline", "plan") or not known:
            raise SlackError("invalid_arguments")
        post = Post(self.ts(), channel, thread, "", self.bot_user, streaming=True, display=display)
        post.blocks = [{"type": "markdown", "text": ""}]
        self._added(post, parameters)
        self.posts[channel, post.ts] = post
        # /ai/agent-sessions: a stream makes the session, and sets it to work.
        self.sessions[channel, thread] = "processing"
        self.timeline.append((time.monotonic(), "start", channel, post.ts, post.shown))
        return {"channel": channel, "ts": post.ts}

    def do_chat_appendStream(self, parameters):
        # /reference/methods/chat.appendStream, errors
        post = self._streaming(parameters)
        if not parameters.get("markdown_text") and not parameters.get("chunks"):
            raise SlackError("no_text")
        self._added(post, parameters)
        post.edits += 1
        self.timeline.append((time.monotonic(), "append", post.channel, post.ts, post.shown))
        return {"channel": post.channel, "ts": post.ts}

    def do_chat_stopStream(self, parameters):
        # /reference/methods/chat.stopStream: text, blocks and metadata for the end; it answers with
        # the `message`. /ai/agent-sessions: `session_status` is `active` if it is not given.
        post = self._streaming(parameters)
        self._added(post, parameters)
        # Reported by centaur and agentconnect: cards that are open then are shown as failed.
        open_ones = [
            one["title"]
            for one in post.cards.values()
            if one["status"] not in ("complete", "error")
        ]
        self.left_open += [(post.ts, title) for title in open_ones]
        post.blocks += (
            self._content({"blocks": parameters["blocks"]}, 0) if parameters.get("blocks") else []
        )
        post.streaming = False
        post.metadata = parameters.get("metadata") or post.metadata
        status = parameters.get("session_status") or "active"
        self.sessions[post.channel, post.thread] = status
        self.statuses.append((post.channel, post.thread, status))
        self.timeline.append((time.monotonic(), "stop", post.channel, post.ts, post.shown))
        told = {**self._told(post), "text": post.shown}
        return {"channel": post.channel, "ts": post.ts, "message": told}

    def _streaming(self, parameters):
        post = self._own(parameters)
        if not post.streaming:
            raise SlackError("message_not_in_streaming_state")
        return post

    def _added(self, post, parameters):
        """What a call adds to a stream: `markdown_text`, or `chunks`."""
        # /reference/methods/chat.appendStream: chunks of four kinds.
        chunks = parameters.get("chunks") or []
        if chunks and (parameters.get("markdown_text") or not self.takes_cards):
            raise SlackError("invalid_arguments")
        if not chunks:
            chunks = [{"type": "markdown_text", "text": parameters.get("markdown_text") or ""}]
        text, plan, cards = "", post.plan, {id_: dict(one) for id_, one in post.cards.items()}
        for chunk in chunks:
            match chunk:
                case {"type": "markdown_text", "text": str(more)}:
                    text += more
                case {"type": "plan_update", "title": str(title)} if title:
                    plan = title
                case {"type": "task_update", "id": str(id_), "title": str(title), "status": status}:
                    if not title or status not in ("pending", "in_progress", "complete", "error"):
                        raise SlackError("invalid_chunks")
                    # Reported by agentconnect: title and status replace, details are added; each
                    # text has 256 characters at most.
                    before = cards.get(id_, {}).get("details", "")
                    cards[id_] = {**chunk, "details": before + chunk.get("details", "")}
                    if any(
                        len(chunk.get(name, "")) > 256 for name in ("title", "details", "output")
                    ):
                        raise SlackError("invalid_chunks")
                case _:
                    raise SlackError("invalid_chunks")
        # /reference/block-kit/blocks: 50 blocks in a message; each card is one, and so is the text.
        if len(cards) + 1 > 50:
            raise SlackError("msg_blocks_too_long")
        self._streamed(post, text, plan, cards)
        post.blocks[0]["text"] += text
        post.plan, post.cards = plan, cards

    @staticmethod
    def _streamed(post, more, plan, cards):
        # Measured by openclaw#143882: in bytes, some 10,600 in all, entities counted as written,
        # the texts of cards too, and their details twice.
        weight = len((post.shown + more).encode()) + 3 * sum(map(more.count, "&<>"))
        weight += len(plan.encode()) + sum(
            len(one["title"].encode()) + 2 * len(one["details"].encode()) for one in cards.values()
        )
        # /reference/methods/chat.appendStream: markdown_text, 12,000 characters.
        if len(more) > 12_000 or weight > 10_600:
            raise SlackError("msg_too_long")

    def end_streams(self):
        """Slack ends all streams, as it does after about five minutes (python-slack-sdk#1859)."""
        for post in self.posts.values():
            post.streaming = False

    def press_stop(self, post, user="U01"):
        """Slack's own Stop button of a streaming message: /ai/agent-sessions."""
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
        # /reference/methods/chat.update: text of 4,000 characters; measured: bytes
        post = self._own(parameters)
        if post.streaming:
            raise SlackError("streaming_state_conflict")
        # Reported by agentconnect: it replaces everything, and the cards are gone.
        post.cards, post.plan = {}, ""
        post.blocks = self._content(parameters, 4_000)
        post.text = parameters.get("text", post.text)
        post.edits += 1
        self.timeline.append((time.monotonic(), "update", post.channel, post.ts, post.shown))
        return {"channel": post.channel, "ts": post.ts}

    def do_chat_delete(self, parameters):
        # /reference/methods/chat.delete: a bot deletes only its own
        post = self._own(parameters)
        del self.posts[post.channel, post.ts]

    def do_chat_postEphemeral(self, parameters):
        # /reference/methods/chat.postEphemeral: only for a member of the channel
        channel = self._writable("chat.postEphemeral", parameters)
        if parameters["user"] not in self.members.get(channel, {parameters["user"]}):
            raise SlackError("user_not_in_channel")
        blocks = self._content(parameters, 0)
        # The same page, `thread_ts`: shown only in a thread that somebody has begun.
        thread = parameters.get("thread_ts", "")
        if thread and not any(one.thread == thread for one in self.posts.values()):
            return {"message_ts": self.ts()}
        post = Post(self.ts(), channel, thread, parameters.get("text", ""), self.bot_user, blocks)
        self.ephemerals.append((parameters["user"], post))
        return {"message_ts": post.ts}

    # /reference/methods/reactions.add: one of each name; the errors are those of its list.
    def do_reactions_add(self, parameters):
        channel = self._channel(parameters)
        if (channel, parameters["timestamp"]) not in self.posts:
            raise SlackError("message_not_found")
        if not re.fullmatch(r"[a-z0-9_+-]+", parameters["name"]):
            raise SlackError("invalid_name")
        given = self.reactions.setdefault((channel, parameters["timestamp"]), [])
        if parameters["name"] in given:
            raise SlackError("already_reacted")
        given.append(parameters["name"])

    def do_assistant_threads_setSuggestedPrompts(self, parameters):
        # /reference/methods/assistant.threads.setSuggestedPrompts: a title and a message each
        if not all(one["title"] and one["message"] for one in parameters["prompts"]):
            raise SlackError("invalid_arguments")
        self.prompts.append(parameters)

    def do_files_getUploadURLExternal(self, parameters):
        # /reference/methods/files.getUploadURLExternal: name and length; then a POST of the bytes
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
        # /reference/methods/files.completeUploadExternal: it shares what was uploaded
        files = parameters["files"]
        if any(self.uploads.get(one["id"], {}).get("data") is None for one in files):
            raise SlackError("file_not_found")
        channel = self._channel({"channel": parameters["channel_id"]})
        post = Post(
            self.ts(),
            channel,
            parameters.get("thread_ts") or "",
            parameters.get("initial_comment", ""),
            self.bot_user,
            files=[self.uploads[one["id"]]["data"] for one in files],
            names=[self.uploads[one["id"]]["name"] for one in files],
        )
        self.posts[channel, post.ts] = post
        for one in files:
            # docs.slack.dev, "File object": what is shared has an address for those who may see it.
            self.file_objects[one["id"]] = {
                "id": one["id"],
                "name": self.uploads[one["id"]]["name"],
                "mimetype": "image/png",
                "mode": "hosted",
                "size": self.uploads[one["id"]]["length"],
                "url_private": f"{self.url}/files/{one['id']}",
            }
            self.file_handlers[one["id"]] = self._shared
        return {"files": [{"id": one["id"], "title": one.get("title")} for one in files]}

    # --- rules ---

    def _channel(self, parameters):
        # /reference/methods/chat.postMessage, errors: of all methods that name a channel
        channel = parameters.get("channel", "")
        if channel not in self.dms and channel not in self.members:
            raise SlackError("channel_not_found")
        if channel in self.members and self.bot_user not in self.members[channel]:
            raise SlackError("not_in_channel")
        return channel

    def _writable(self, method, parameters):
        # /reference/methods/chat.postMessage, errors: restricted_action and its kinds
        channel = self._channel(parameters)
        if code := self.barred.get((method, channel)):
            raise SlackError(code)
        return channel

    def _own(self, parameters):
        # /reference/methods/chat.update, errors
        post = self.posts.get((self._channel(parameters), parameters["ts"]))
        if post is None:
            raise SlackError("message_not_found")
        if post.user != self.bot_user:
            raise SlackError("cant_update_message")
        return post

    def _content(self, parameters, text_chars):
        # *text_chars*: 0 if the method cuts its text. /reference/methods/chat.postMessage, errors.
        text, blocks = parameters.get("text", ""), parameters.get("blocks") or []
        if parameters.get("markdown_text"):
            if text or blocks:
                raise SlackError("markdown_text_conflict")
            if len(parameters["markdown_text"]) > 12_000:
                raise SlackError("msg_too_long")
            return [{"type": "markdown", "text": parameters["markdown_text"]}]
        if not text and not blocks:
            raise SlackError("no_text")
        # Measured by others: 1,993 Chinese characters (4,121 bytes) were too long.
        if text_chars and len(text.encode()) > text_chars:
            raise SlackError("msg_too_long")
        # /reference/block-kit/blocks: 50 in a message
        if len(blocks) > 50:
            raise SlackError("invalid_blocks")
        # /reference/block-kit/blocks/markdown-block: 12,000 characters in a payload
        marked = "\n".join(b["text"] for b in blocks if b["type"] == "markdown")
        if len(marked) > 12_000:
            raise SlackError("msg_blocks_too_long")
        # Measured by others: 13,200 characters in all; entities as written, 100 more a heading; and
        # each heading, fence, rule, table and the text between is one of the 50 blocks.
        headings = len(re.findall(r"^ {0,3}#{1,6} ", marked, re.MULTILINE))
        entities = 4 * marked.count("&") + 3 * (marked.count("<") + marked.count(">"))
        if len(json.dumps(blocks, ensure_ascii=False)) + entities + 100 * headings > 13_200:
            raise SlackError("msg_blocks_too_long")
        if 2 * headings > 50:
            raise SlackError("invalid_blocks")
        for block in blocks:
            if block["type"] == "markdown" and not block["text"].strip():
                raise SlackError("invalid_blocks")
            # /reference/block-kit/blocks/section-block
            if block["type"] == "section" and not 1 <= len(block["text"]["text"]) <= 3_000:
                raise SlackError("invalid_blocks")
            if block["type"] == "actions":
                ids = [element["action_id"] for element in block["elements"]]
                labels = [element["text"]["text"] for element in block["elements"]]
                # /reference/block-kit/blocks/actions-block
                if len(set(ids)) != len(ids) or len(ids) > 25 or max(map(len, labels)) > 75:
                    raise SlackError("invalid_blocks")
            if block["type"] == "context_actions":
                self._check_thumbs(block)
        return blocks

    @staticmethod
    def _check_thumbs(block):
        """/reference/block-kit/block-elements/feedback-buttons-element"""
        (element,) = block["elements"]
        if element["type"] != "feedback_buttons":
            raise SlackError("invalid_blocks")
        for name in ("positive_button", "negative_button"):
            button = element[name]
            if len(button["text"]["text"]) > 75 or not 1 <= len(button["value"]) <= 2_000:
                raise SlackError("invalid_blocks")
