"""
One driver per adapter: how a person acts on its platform, and what stands on the screen.

A new adapter gets the contract suite by adding its driver to `DRIVERS`; a platform of its own
package, under `examples/`, by a `driver.py` there (`tests/contracts/examples.py`).
"""

import asyncio
import json
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from core.errors import ChatLost, PlatformError
from core.messages import conversation_id
from tests.harness import palaver, until
from tests.servers import slack as slack_server
from tests.servers import telegram as telegram_server
from tests.servers.slack import SlackServer
from tests.servers.telegram import TelegramServer


@dataclass
class Shown:
    """One post of the bot: its text, its buttons' commands, its pictures' bytes, its edits, and
    the names and bytes of the files that can be downloaded."""

    text: str
    commands: tuple = ()
    pictures: list = field(default_factory=list)
    updates: int = 0
    downloads: list = field(default_factory=list)


class Driver:
    """What the contract asks of each platform: a person's gestures, and what stands there."""

    name = ""
    """The platform's."""
    places = ()
    """Conversations of separate kinds, by names of the driver's own; each gets its tests."""
    other = ""
    """A place that is none of *places*, of another person or in another chat."""
    pages_at = 0
    """Characters after which an answer needs another post; 0: never."""

    def running(self):
        """Holds open what stands outside the program (an async context manager), and gives us.

        The program may start in it more than once.
        """
        raise NotImplementedError

    def settings(self):
        """What turns the platform on, and leads it to the server that `running` holds open."""
        return {}

    async def opened(self, running):
        """The program serves: *running* has its `url` and its `platforms`."""

    async def say(self, place, text):
        """*text* to the bot, with a mention where the place needs one; `/…` is a command."""
        raise NotImplementedError

    async def say_again(self, place):
        """The platform delivers the last event again."""
        raise NotImplementedError

    def begin_anew(self):
        """What is said from now on in private belongs to no thread that there is yet."""

    async def press(self, place, command):
        """The button with *command* under the newest post that has it."""
        raise NotImplementedError

    async def noise(self, place):
        """Things happen that are no question: the bot must stay quiet."""

    async def check_rights(self, platform):
        """Whom *platform* calls an admin, and where it speaks with one person alone.

        On a local platform whoever comes is the operator.
        """
        person = f"{self.name}:anybody"
        assert await platform.administers(conversation_id(self.name, "anybody"), person)

    # What a platform may know besides; a driver that says how joins the contract of it.

    async def reply(self, place, number, text):
        """*text* as a reply to the post of ours with *number*."""
        raise NotImplementedError

    async def forward(self, place, text, author):
        """*text* that *author* wrote, passed on."""
        raise NotImplementedError

    async def reply_to_file(self, place, name, data, text):
        """*text* as a reply to somebody's file."""
        raise NotImplementedError

    async def edit_nothing(self, place):
        """The last question is told of as edited, and reads as before."""
        raise NotImplementedError

    conversation = ""
    """The conversation of the first of *places*, as the core names it."""

    def refuse_pictures(self, place):
        """From now on the place takes no picture and no other file."""
        raise NotImplementedError

    def lose_next_post(self):
        """The next post is made, and its confirmation never arrives."""
        raise NotImplementedError

    async def posts(self, place):
        """What stands in *place* of ours now, the oldest first, each as `Shown`."""
        raise NotImplementedError

    tells_in_text = True
    """Whether what an answer's steps do is told in its text, and not beside it."""

    repair_s = 0.0
    """How long behind its end an answer may still be repaired (what Slack kept of a stream is
    compared with the text)."""

    async def answered(self, place, count=1, seconds=30.0):
        """The posts of *place*, once *count* answers are complete, and are not repaired."""

        async def complete():
            posts = await self.posts(place)
            ended = sum(bool({"retry", "again"} & set(post.commands)) for post in posts)
            if ended < count:
                return None
            await asyncio.sleep(self.repair_s)
            return posts if await self.posts(place) == posts else None

        return await until(complete, seconds)

    async def posted(self, place, count=1, seconds=20.0):
        """The posts of *place*, once there are *count*, none of them growing."""

        async def enough():
            posts = await self.posts(place)
            growing = any("stop" in post.commands for post in posts)
            return posts if len(posts) >= count and not growing else None

        return await until(enough, seconds)


class TelegramDriver(Driver):
    name = "telegram"
    conversation = "telegram:77:"
    places = ("dm", "group", "topic")
    other = "dm2"
    pages_at = 4096

    @asynccontextmanager
    async def running(self):
        server = self.server = TelegramServer()
        server.add_private(77)
        server.add_private(78, "Bob")
        server.add_group(-1001)
        server.add_group(-1002, forum=True)
        self._topic = server.add_topic(-1002)
        async with server.running():
            yield self

    def settings(self):
        return {
            "telegram_bot_token": telegram_server.TOKEN,
            "telegram_api_url": self.server.url,
        }

    def _where(self, place):
        return {
            "dm": (77, None),
            "dm2": (78, None),
            "group": (-1001, None),
            "topic": (-1002, self._topic),
        }[place]

    async def say(self, place, text):
        chat, topic = self._where(place)
        if chat < 0 and not text.startswith("/"):
            text = f"@palaver_bot {text}"
        self.server.say(chat, text, topic=topic, user=self._person(chat))

    def _person(self, chat):
        return self.server.person(78, "Bob") if chat == 78 else self.server.person()

    async def say_again(self, place):
        update = dict(self._last_update())
        self.server.updates.append(update)
        self.server._news.set()

    def _last_update(self):
        return self.server.updates[-1]

    async def press(self, place, command):
        chat, topic = self._where(place)
        post = [p for p in self.server.posts(chat, topic) if command in _telegram_commands(p)][-1]
        self.server.press(post, command)

    async def noise(self, place):
        chat, topic = self._where(place)
        self.server.say(chat, "", topic=topic, left_chat_member=self.server.person())
        self.server.push({"some_future_update": {"x": 1}})
        bot = {**telegram_server.BOT, "id": 999, "username": "other_bot"}
        self.server.say(chat, "@palaver_bot hello from a bot", topic=topic, user=bot)
        if chat < 0:
            self.server.say(chat, "just people talking", topic=topic)
            self.server.say(chat, "/start@other_bot", topic=topic)
            self.server.say(chat, "/weather", topic=topic)

    async def reply(self, place, number, text):
        chat, topic = self._where(place)
        post = self.server.posts(chat, topic)[number]
        self.server.say(chat, text, topic=topic, reply_to=post.id, user=self._person(chat))

    async def forward(self, place, text, author):
        chat, topic = self._where(place)
        origin = {"type": "hidden_user", "date": 1, "sender_user_name": author}
        self.server.say(chat, text, topic=topic, forward_origin=origin, user=self._person(chat))

    async def reply_to_file(self, place, name, data, text):
        chat, topic = self._where(place)
        self.server.add_file("contract", data)
        first = self.server.say(chat, "", topic=topic)
        self.server.updates.pop()
        self.server.say(chat, text, topic=topic, reply_to=first.id, user=self._person(chat))
        document = {"file_id": "contract", "file_unique_id": "c", "file_name": name}
        self.server.updates[-1]["message"]["reply_to_message"]["document"] = document

    async def edit_nothing(self, place):
        chat, _ = self._where(place)
        said = [
            one
            for (where, _), one in sorted(self.server.messages.items())
            if where == chat and not one.sender["is_bot"]
        ]
        self.server.edit(said[-1], link_preview_options={"is_disabled": True})

    def refuse_pictures(self, place):
        self.server.forbidden[self._where(place)[0]] = {"photos", "documents"}

    def lose_next_post(self):
        async def lost(request):
            form = await telegram_server.sent(request)
            parameters = {"reply_markup": form.get("reply_markup")}
            self.server._post(int(form["chat_id"]), form["text"], parameters)
            request.transport.close()

        self.server.fail_next("sendMessage", lost)

    async def check_rights(self, platform):
        self.server.chat_admins[-1001] = {77}
        group = conversation_id("telegram", "-1001")
        topic = conversation_id("telegram", "-1001", "5")
        asked = [
            await platform.administers(place, f"telegram:{person}")
            for place, person in ((group, 77), (topic, 77), (group, 78), (group, -1001))
        ]
        assert asked == [True, True, False, True]
        assert [m for _, m, _ in self.server.calls].count("getChatAdministrators") == 1
        assert not await platform.administers(conversation_id("telegram", "-5"), "telegram:77")
        assert await platform.private_with("telegram:77") == "telegram:77:"
        with pytest.raises(ChatLost):
            await platform.private_with("telegram:-1001")

    async def posts(self, place):
        return [
            Shown(
                post.text,
                _telegram_commands(post),
                [post.photo] if post.photo else [],
                post.edits,
                [(post.document.name, bytes(post.document))] if post.document else [],
            )
            for post in self.server.posts(*self._where(place))
        ]


def _telegram_commands(post):
    rows = (post.markup or {}).get("inline_keyboard", [])
    return tuple(button["callback_data"] for row in rows for button in row)


class SlackDriver(Driver):
    name = "slack"
    tells_in_text = False
    conversation = "slack:D01:1.0"
    repair_s = 0.1
    places = ("dm", "channel", "thread")
    other = "dm2"
    pages_at = 11_000

    @asynccontextmanager
    async def running(self):
        server = self.server = SlackServer()
        self._threads = {}
        async with server.running():
            # A thread that people began without the bot, where nobody has said anything yet.
            self._threads["thread"] = server.ts()
            root = slack_server.Post(self._threads["thread"], "C02", "", "Ann joined", "U01")
            server.posts["C02", root.ts] = root
            server.told["C02", root.ts] = {"subtype": "channel_join"}
            yield self
            assert server.left_open == []

    def settings(self):
        return {
            "slack_bot_token": slack_server.BOT_TOKEN,
            "slack_app_token": slack_server.APP_TOKEN,
            "slack_api_url": self.server.api_url,
        }

    def begin_anew(self):
        self._threads = {place: ts for place, ts in self._threads.items() if place == "thread"}

    _channels = {"dm": "D01", "dm2": "D02", "channel": "C01", "thread": "C02"}

    async def say(self, place, text):
        channel = self._channels[place]
        if channel.startswith("C"):
            text = f"<@{slack_server.BOT_USER}> {text}"
        thread = self._threads.get(place, "")
        user = self.server.dms.get(channel, "U01")
        ts = self.server.say(channel, text, user=user, thread=thread)
        self._threads.setdefault(place, ts)
        self._last = (channel, text, user, thread, ts)

    async def say_again(self, place):
        channel, text, user, thread, ts = self._last
        event = {
            "type": "message",
            "channel": channel,
            "user": user,
            "text": text,
            "ts": ts,
            "channel_type": "im" if channel.startswith("D") else "channel",
        }
        if thread:
            event["thread_ts"] = thread
        self.server.event(event)

    async def press(self, place, command):
        channel = self._channels[place]
        post = [
            p
            for p in self.server.answers(channel, self._threads[place])
            if command in _slack_commands(p)
        ][-1]
        if post.streaming:
            self.server.press_stop(post)
        else:
            self.server.press(post, command)

    async def forward(self, place, text, author):
        channel = self._channels[place]
        shared = {
            "is_share": True,
            "author_name": author,
            "fallback": text,
            "text": text,
            "from_url": "https://loop.slack.com/archives/C02/p1",
        }
        self._threads[place] = self.server.say(channel, "", attachments=[shared])

    def refuse_pictures(self, place):
        self.server.scopes = set(slack_server.SCOPES) - {"files:write"}

    def lose_next_post(self):
        self.server.lose = ["chat.startStream"]

    async def edit_nothing(self, place):
        channel, text, user, _, ts = self._last
        self.server.edit(channel, ts, text, user=user)

    async def noise(self, place):
        channel = self._channels[place]
        kind = "im" if channel.startswith("D") else "channel"
        base = {"type": "message", "channel": channel, "channel_type": kind}
        self.server.event({**base, "subtype": "channel_join", "user": "U02", "ts": "1.1"})
        self.server.event({**base, "bot_id": "B77", "user": "U77", "text": "beep", "ts": "1.2"})
        self.server.event(
            {**base, "user": slack_server.BOT_USER, "text": "my own words", "ts": "1.3"}
        )
        self.server.event({"type": "some_future_event", "user": "U01"})
        if kind == "channel":
            self.server.say(channel, "just people talking")

    async def check_rights(self, platform):
        self.server.people.update(U03="Cid", U04="Dan", U05="Eve")
        self.server.about["U01"] = {"is_admin": True}
        self.server.about["U03"] = {"is_owner": True, "team_id": "T99", "is_stranger": True}
        self.server.about["U05"] = {"is_admin": True, "is_restricted": True}
        self.server.creators["C01"] = "U04"
        people = ("U01", "U02", "U03", "U04", "U05", "U99")
        asked = [
            await platform.administers(conversation_id("slack", "C01", "1.2"), f"slack:{one}")
            for one in people
        ]
        assert asked == [True, False, False, True, False, False]
        assert not await platform.administers(conversation_id("slack", "C02"), "slack:U04")
        assert await platform.private_with("slack:U02") == "slack:D02:"
        with pytest.raises(PlatformError):
            await platform.private_with("slack:U99")

    async def posts(self, place):
        return [
            Shown(
                post.shown,
                _slack_commands(post),
                post.files,
                post.edits,
                list(zip(post.names, post.files, strict=True)),
            )
            for post in self.server.answers(self._channels[place], self._threads.get(place, "-"))
        ]


def _slack_commands(post):
    if post.streaming:
        return ("stop",)  # Slack's own button.
    return tuple(
        element["value"]
        for block in post.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    )


class WebDriver(Driver):
    name = "web"
    tells_in_text = False
    places = ("page",)
    other = "page2"

    @asynccontextmanager
    async def running(self):
        async with AsyncExitStack() as stack:
            self._session = await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
            )
            self.url = ""
            yield self

    def settings(self):
        return {"web_chat": True}

    async def opened(self, running):
        url = self.url = running.url
        async with self._session.get(f"{url}/") as response:
            assert response.status == 200
        async with self._session.post(f"{url}/api/session", json={}) as response:
            assert response.status == 200

    def _path(self, place):
        return f"{self.url}/api/conversations/thread-{place}"

    async def say(self, place, text):
        self._last = {"id": secrets.token_hex(8), "text": text}
        await self._post(place, self._last)

    async def say_again(self, place):
        await self._post(place, self._last)

    async def press(self, place, command):
        await self._post(place, {"id": secrets.token_hex(8), "command": command})

    async def _post(self, place, body):
        async with self._session.post(self._path(place), json=body) as response:
            assert response.status == 202, await response.text()

    async def listed(self):
        """The list of conversations, as the page shows it."""
        async with self._session.get(f"{self.url}/api/conversations") as response:
            return await response.json()

    async def noise(self, place):
        async with self._session.post(self._path(place), json={"id": "x"}) as response:
            assert response.status == 400
        async with self._session.post(self._path(place), data=b"\xff\x00") as response:
            assert response.status in (400, 415)

    async def posts(self, place):
        return [await self._shown(place, post) for post in await self.sent(place)]

    async def sent(self, place):
        """The bot's posts as the page gets them."""
        sent = []
        async with self._session.get(f"{self._path(place)}/events") as response:
            kind = ""
            async for line in response.content:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    kind = line[7:]
                if line.startswith("data: ") and kind == "post":
                    post = json.loads(line[6:])["post"]
                    if post["author"] == "bot":
                        sent.append(post)
                if kind == "ready":
                    break
            response.close()
        return sent

    async def _shown(self, place, post):
        pictures = [
            await self._file(place, key)
            for key in (*post.get("files", ()), *post.get("sounds", ()))
        ]
        downloads = [
            (one["name"], await self._file(place, one["file"])) for one in post.get("downloads", ())
        ]
        # The thumbs are apart, as on Slack, where they are a block of their own.
        commands = tuple(
            button["command"]
            for button in post.get("buttons", ())
            if not button["command"].startswith("rate ")
        )
        return Shown(post.get("text", ""), commands, pictures, downloads=downloads)

    async def _file(self, place, key):
        async with self._session.get(f"{self._path(place)}/files/{key}") as response:
            assert response.status == 200
            return await response.read()


DRIVERS = {driver.name: driver for driver in (TelegramDriver, SlackDriver, WebDriver)}


@asynccontextmanager
async def driving(driver, tmp_path, model, **more):
    """The program on one platform, with the scripted *model* behind it."""
    async with driver.running(), started(driver, tmp_path, model, **more):
        yield driver
        await asyncio.sleep(0)


@asynccontextmanager
async def started(driver, tmp_path, model, **more):
    """One process of the program on the platform of *driver*, which runs already."""
    values = {
        "llm_base_url": model.url,
        "llm_model": "scripted",
        "image_base_url": model.url,
        **driver.settings(),
        **more,
    }
    async with palaver(tmp_path, **values) as running:
        await driver.opened(running)
        driver.app = running
        yield running


@asynccontextmanager
async def hooked(tmp_path, model):
    """A server of Telegram's with Ann (77), the program that has its webhook, and a session."""
    server = TelegramServer()
    server.add_private(77)
    values = {
        "telegram_bot_token": telegram_server.TOKEN,
        "telegram_webhook_secret": "hook-secret",
        "public_url": "https://bot.example",
        "llm_base_url": model.url,
        "llm_model": "scripted",
    }
    async with (
        server.running(),
        palaver(tmp_path, telegram_api_url=server.url, **values) as running,
        aiohttp.ClientSession() as session,
    ):
        yield server, running, session
