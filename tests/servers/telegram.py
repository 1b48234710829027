"""
A strict Telegram Bot API server on loopback.

Each rule names what it is from: a page of core.telegram.org/bots/api (`#method`), or a file of
the server that Telegram publishes (tdlib/telegram-bot-api, tdlib/td), whose error texts stand
here too. TDLib itself judges the entities.
"""

import asyncio
import io
import json
import math
import re
import time
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import tdjson
from aiohttp import web
from PIL import Image

from tests.servers.limits import PATIENCE_S, loose
from tests.servers.loopback import listening

TOKEN = "123456:loopback-token-for-tests"
BOT = {
    "id": 123456,
    "is_bot": True,
    "first_name": "Palaver",
    "username": "palaver_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": False,
}
REACTIONS = frozenset(
    "❤👍👎🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋🖕😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾😡"
)
"""core.telegram.org/bots/api#reactiontypeemoji, those of one sign."""
TD_TYPES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "blockquote": "BlockQuote",
    "expandable_blockquote": "ExpandableBlockQuote",
}
tdjson.td_execute(b'{"@type":"setLogVerbosityLevel","new_verbosity_level":0}')


class ApiError(Exception):
    def __init__(self, code, description, **parameters):
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def units(text):
    return len(text.encode("utf-16-le")) // 2


def check_link(url):
    # tdlib/td, LinkManager::check_link: a scheme of its own or http, and a dot in the host; with
    # parse_mode such a link is dropped, as an entity it costs the message.
    parts = urlsplit(url)
    if parts.scheme in ("tg", "ton", "tonsite"):
        return
    if parts.scheme not in ("http", "https") or not re.search(r"\.|:.*:", parts.hostname or ""):
        raise ApiError(400, f"Bad Request: entity URL '{url}' is invalid: Wrong HTTP URL")


def cleaned(text):
    # tdlib/td, misc.cpp, clean_input_string: control characters become spaces, some go; then
    # MessageEntity.cpp, fix_formatted_text, trims the end.
    text = re.sub("[\r\u2028-\u202e]", "", text)
    return re.sub("[\x00-\x09\x0b-\x1f]", " ", text).rstrip()


def check_entities(text, entities):
    """TDLib's own judgement of (text, entities)."""
    td_entities = []
    for entity in entities:
        kind = {"@type": f"textEntityType{TD_TYPES.get(entity['type'], '')}"}
        if entity["type"] == "pre":
            language = entity.get("language")
            kind = {"@type": "textEntityTypePre"}
            if language:
                kind = {"@type": "textEntityTypePreCode", "language": language}
        elif entity["type"] == "text_link":
            check_link(entity["url"])
            kind = {"@type": "textEntityTypeTextUrl", "url": entity["url"]}
        elif entity["type"] not in TD_TYPES:
            raise ApiError(400, f"Bad Request: unsupported entity {entity['type']}")
        td_entities.append(
            {
                "@type": "textEntity",
                "offset": entity["offset"],
                "length": entity["length"],
                "type": kind,
            }
        )
    request = {
        "@type": "getMarkdownText",
        "text": {"@type": "formattedText", "text": text, "entities": td_entities},
    }
    answer = json.loads(tdjson.td_execute(json.dumps(request).encode()))
    if answer["@type"] == "error":
        raise ApiError(400, f"Bad Request: {answer['message']}")


def detected(text):
    """(offset, kind) of what TDLib makes a mention or a command of its own accord."""
    answer = _td({"@type": "getTextEntities", "text": text})
    kinds = {"textEntityTypeMention", "textEntityTypeBotCommand"}
    return [
        (e["offset"], e["type"]["@type"]) for e in answer["entities"] if e["type"]["@type"] in kinds
    ]


def stored(text):
    """*text* as TDLib cleans it."""
    return _td({"@type": "getMarkdownText", "text": {"@type": "formattedText", "text": text}})[
        "text"
    ]


def _td(request):
    return json.loads(tdjson.td_execute(json.dumps(request).encode()))


async def sent(request):
    """The parameters of a call.

    core.telegram.org/bots/api#making-requests: a form, or JSON unless files are uploaded.
    """
    if request.content_type == "application/json":
        return await request.json()
    return await request.post()


@dataclass
class Message:
    id: int
    chat: int
    text: str
    sender: dict
    thread: int | None = None
    entities: list = field(default_factory=list)
    markup: dict | None = None
    photo: bytes | None = None
    document: bytes | None = None
    reply_to: int | None = None
    edits: int = 0
    more: dict = field(default_factory=dict)
    at: float = field(default_factory=time.time)


class Upload(bytes):
    """The bytes of a file that was sent, and the name under which it was."""

    name = ""


def old_poll(question):
    """A poll as a server before Bot API 9.6 tells it, which python-telegram-bot 22.8 refuses."""
    return {
        "id": "1",
        "question": question,
        "options": [{"text": "one", "voter_count": 0}, {"text": "two", "voter_count": 0}],
        "total_voter_count": 0,
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
    }


class TelegramServer:
    """The server's state, and what a person or an operator can do to it."""

    def __init__(self, world=None, bot=BOT):
        self.bot = bot
        # levlam, tdlib/td#3034: no limit over the whole bot.
        self.world = world or loose()
        self.url = ""
        self.knows_asides = True
        self.knows_rich = True
        self.chat_admins = {}
        self.token = TOKEN if bot is BOT else f"{bot['id']}:loopback-token-of-another"
        self.chats = {}
        self.topics = {}
        self.messages = {}
        self.updates = deque()
        self.next_update = 1000
        self.next_message = 1
        self.webhook = None
        self.webhook_news = {}
        self.commands = {}
        self.calls = []
        self.floods = []
        self.faults = []
        self.timeline = []
        self.gone = set()
        self.drafts = {}
        self.stoppable = []
        self.forbidden = {}
        self.slow = {}
        self.posted_at = {}
        self.closed = set()
        self.admin_in = set()
        self.asides = []
        self.alerts = []
        """What was shown to those who pressed a button, and to nobody else."""
        self.pressed_at = {}
        self.reactions = {}
        self.titles = {}
        self.guests = {}
        self.rich = {}
        self._poll = None
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        self._files = {}

    # --- what people do ---

    def add_private(self, user=77, name="Ann", language="en"):
        self.chats[user] = {"id": user, "type": "private", "first_name": name}
        return user

    def add_group(self, chat=-1001, title="Friends", forum=False):
        self.chats[chat] = {"id": chat, "type": "supergroup", "title": title}
        if forum:
            self.chats[chat]["is_forum"] = True
            self.topics[chat] = set()
        return chat

    def add_topic(self, chat):
        topic = self._message_id()
        self.topics[chat].add(topic)
        return topic

    def person(self, user=77, name="Ann", language="en"):
        return {"id": user, "is_bot": False, "first_name": name, "language_code": language}

    def say(self, chat, text, user=None, topic=None, reply_to=None, **more):
        """A person writes *text*; commands and mentions become entities, as clients do."""
        user = user or self.person()
        message = Message(self._message_id(), chat, text, user, topic)
        self.messages[chat, message.id] = message
        message.more = {name: more[name] for name in ("sender_chat",) if name in more}
        body = self._shown(message)
        if text and "caption" not in more:
            body["text"] = text
            body["entities"] = self._found(text)
        body.update(more)
        if "caption" in more:
            body.pop("text", None)
            body["caption_entities"] = self._found(more["caption"])
        if reply_to is not None:
            body["reply_to_message"] = self._shown(self.messages[chat, reply_to])
        elif topic:
            body["reply_to_message"] = {
                **self._shown(Message(topic, chat, "", user, topic)),
                "forum_topic_created": {"name": "topic", "icon_color": 7322096},
            }
            body["reply_to_message"].pop("text", None)
        self.push({"message": body})
        return message

    def edit(self, message, text=None, **more):
        """A person edits *message*; without *text*, what they do not see is what changed."""
        if text is not None:
            message.text = text
        body = {**self._shown(message), "edit_date": int(time.time()), **more}
        if message.text:
            body["entities"] = self._found(message.text)
        self.push({"edited_message": body})

    def press(self, message, data, user=None):
        body = self._shown(message)
        if (asked := self.messages.get((message.chat, message.reply_to))) is not None:
            body["reply_to_message"] = {**self._shown(asked), **asked.more}
        self.pressed_at[str(self.next_update)] = time.monotonic()
        self.push(
            {
                "callback_query": {
                    "id": str(self.next_update),
                    "from": user or self.person(),
                    "chat_instance": "1",
                    "data": data,
                    "message": body,
                }
            }
        )

    def stop_draft(self, chat):
        """A person presses Stop on the draft (Bot API 10.3, stopped_message_generation)."""
        stopped = {"chat": self.chats[chat], "draft_id": self.stoppable[-1][1]}
        self.push({"stopped_message_generation": stopped})

    def push(self, update):
        update["update_id"] = self.next_update
        self.next_update += 1
        self.updates.append(update)
        self._news.set()
        return update["update_id"]

    def end_polls(self):
        """Let the poll under way end without news, as after its time."""
        self._ended.set()

    def posts(self, chat, topic=None):
        """What the bot has in the chat, in order."""
        return [
            message
            for (place, _), message in sorted(self.messages.items())
            if place == chat and message.sender is self.bot and message.thread == topic
        ]

    # --- the server ---

    @asynccontextmanager
    async def running(self):
        app = web.Application(client_max_size=60 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        app.router.add_get("/file/bot{token}/{path:.*}", self._download)
        async with listening(app) as self.url:
            yield self

    async def _serve(self, request):
        method = request.match_info["method"]
        if request.match_info["token"] != self.token:
            return self._fail(ApiError(401, "Unauthorized"))
        parameters, files = {}, {}
        for name, value in (await sent(request)).items():
            if isinstance(value, str):
                try:
                    parameters[name] = json.loads(value)
                except ValueError:
                    parameters[name] = value
                if name in ("text", "caption"):
                    parameters[name] = value
            elif isinstance(value, web.FileField):
                files[name] = Upload(value.file.read())
                files[name].name = value.filename
            else:
                parameters[name] = value
        self.calls.append((time.monotonic(), method, parameters))
        for fault in self.faults:
            if fault(method, parameters):
                self.faults.remove(fault)
                failure = fault.failure
                if isinstance(failure, ApiError):
                    return self._fail(failure)
                return await failure(request)
        try:
            handler = getattr(self, f"do_{method}", None)
            if handler is None:
                raise ApiError(404, "Not Found")
            result = await handler(parameters, files)
        except ApiError as error:
            return self._fail(error)
        return web.json_response({"ok": True, "result": result})

    def fail_next(self, method, failure, where=lambda parameters: True):
        """Answer the next call of *method* with *failure* (an `ApiError` or a handler)."""

        def fault(called, parameters):
            return called == method and where(parameters)

        fault.failure = failure
        self.faults.append(fault)

    def _fail(self, error):
        body = {"ok": False, "error_code": error.code, "description": error.description}
        if error.parameters:
            body["parameters"] = error.parameters
        return web.json_response(body, status=error.code)

    async def do_getMe(self, parameters, files):
        return self.bot

    async def do_setMyCommands(self, parameters, files):
        # core.telegram.org/bots/api#botcommand: 1-32 of a-z, 0-9 and _; 1-256; 100 in all
        if len(parameters["commands"]) > 100:
            raise ApiError(400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
        for command in parameters["commands"]:
            name, text = command["command"], command["description"]
            if not (re.fullmatch("[a-z0-9_]{1,32}", name) and 1 <= len(text) <= 256):
                raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
        self.commands[parameters.get("language_code", "")] = parameters["commands"]
        return True

    async def do_deleteWebhook(self, parameters, files):
        self.webhook = None
        # core.telegram.org/bots/api#deletewebhook
        if parameters.get("drop_pending_updates"):
            self.updates.clear()
        return True

    async def do_setWebhook(self, parameters, files):
        # core.telegram.org/bots/api#setwebhook
        self.webhook = parameters
        return True

    async def do_getWebhookInfo(self, parameters, files):
        # core.telegram.org/bots/api#webhookinfo
        return {
            "url": (self.webhook or {}).get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": len(self.updates),
            **self.webhook_news,
        }

    async def do_getUpdates(self, parameters, files):
        # core.telegram.org/bots/api#getupdates: not while there is a webhook; 1-100 updates. The
        # texts, and that 50 s is the longest poll: tdlib/telegram-bot-api, Client.cpp.
        if self.webhook:
            raise ApiError(409, "Conflict: can't use getUpdates method while webhook is active")
        if self._poll is not None and not self._poll.done():
            # tdlib/telegram-bot-api, Client.cpp, abort_long_poll: the newer ends the older one.
            self._poll.set_exception(
                ApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; "
                    "make sure that only one bot instance is running",
                )
            )
        mine = self._poll = asyncio.get_running_loop().create_future()
        offset = int(parameters.get("offset", 0) or 0)
        while self.updates and self.updates[0]["update_id"] < offset:
            self.updates.popleft()
        limit = min(100, max(1, int(parameters.get("limit", 100))))
        until = time.monotonic() + min(50, int(parameters.get("timeout", 0) or 0))
        while not self.updates and (left := until - time.monotonic()) > 0:
            self._news.clear()
            news = asyncio.ensure_future(self._news.wait())
            ended = asyncio.ensure_future(self._ended.wait())
            try:
                await asyncio.wait(
                    {news, mine, ended}, timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                news.cancel()
                ended.cancel()
            if mine.done():
                mine.result()
            if self._ended.is_set():
                self._ended.clear()
                break
        if not mine.done():
            mine.set_result(None)
        return list(self.updates)[:limit]

    def _aside(self, chat, text, parameters):
        # core.telegram.org/bots/api#ephemeralmessageparameters: in groups; within 15 seconds of a
        # callback query or of an ephemeral message, an administrator any time.
        whom = parameters["ephemeral_message_parameters"]
        if chat > 0:
            raise ApiError(400, "Bad Request: ephemeral messages can be sent only to groups")
        asked = self.pressed_at.get(
            whom.get("callback_query_id")
            or (parameters.get("reply_parameters") or {}).get("ephemeral_message_id"),
            -99,
        )
        if chat not in self.admin_in and time.monotonic() - asked > 15:
            raise ApiError(400, "Bad Request: not enough rights to send an ephemeral message")
        self.asides.append((chat, whom["receiver_user_id"], text))
        return {
            "message_id": 0,
            "ephemeral_message_id": len(self.asides),
            "date": int(time.time()),
            "chat": self.chats[chat],
            "from": self.bot,
            "receiver_user": self.person(whom["receiver_user_id"]),
        }

    async def do_getChat(self, parameters, files):
        # core.telegram.org/bots/api#chatfullinfo: slow_mode_delay, for supergroups
        chat = int(parameters["chat_id"])
        if chat not in self.chats:
            raise ApiError(400, "Bad Request: chat not found")
        full = {**self.chats[chat], "accent_color_id": 0, "max_reaction_count": 11}
        return full | ({"slow_mode_delay": self.slow[chat]} if chat in self.slow else {})

    async def do_getChatMember(self, parameters, files):
        # core.telegram.org/bots/api#getchatmember: of others only where the bot is an admin
        user, chat = int(parameters["user_id"]), int(parameters["chat_id"])
        if chat not in self.chats and chat not in self.chat_admins:
            raise ApiError(400, "Bad Request: member list is inaccessible")
        us = user == self.bot["id"]
        admin = user in self.chat_admins.get(chat, ()) or (us and chat in self.admin_in)
        status = "administrator" if admin else "member"
        return {"status": status, "user": self.bot if us else self.person(user)}

    async def do_getChatAdministrators(self, parameters, files):
        # core.telegram.org/bots/api#getchatadministrators: all that are not bots; in groups only
        chat = int(parameters["chat_id"])
        if chat > 0:
            text = "Bad Request: there are no administrators in the private chat"
            raise ApiError(400, text)
        if chat not in self.chats:
            raise ApiError(400, "Bad Request: chat not found")
        return [
            {"status": "administrator", "user": self.person(user), "is_anonymous": False}
            for user in self.chat_admins.get(chat, ())
        ]

    async def do_setMessageReaction(self, parameters, files):
        # core.telegram.org/bots/api#setmessagereaction: one, of the emoji that are listed at
        # #reactiontypeemoji; tdlib/td: "REACTION_INVALID"
        chat, message = self._writable(parameters), int(parameters["message_id"])
        if (chat, message) not in self.messages:
            raise ApiError(400, "Bad Request: message to react not found")
        given = [one["emoji"] for one in parameters["reaction"]]
        if len(given) > 1 or set(given) - REACTIONS:
            raise ApiError(400, "Bad Request: REACTION_INVALID")
        await self._count(chat, cosmetic=True)
        self.reactions[chat, message] = parameters["reaction"]
        return True

    async def do_editForumTopic(self, parameters, files):
        # core.telegram.org/bots/api#editforumtopic: name, 0-128 characters. It posts a service
        # message, and that is a send (levlam, tdlib/td#2592, of creating one).
        chat = self._writable(parameters)
        if len(parameters["name"]) > 128:
            raise ApiError(400, "Bad Request: TOPIC_TITLE_INVALID")
        await self._count(chat)
        self.titles[chat, int(parameters["message_thread_id"])] = parameters["name"]
        return True

    async def do_sendRichMessage(self, parameters, files):
        # core.telegram.org/bots/api#inputrichmessage: 32,768 characters
        chat = self._writable(parameters)
        text = parameters["rich_message"]["markdown"]
        if not 1 <= len(text) <= 32_768:
            raise ApiError(400, "Bad Request: rich message is too long")
        await self._count(chat)
        body = self._post(chat, text, parameters)
        self.rich[chat, body["message_id"]] = text
        return body

    async def do_sendDocument(self, parameters, files):
        # core.telegram.org/bots/api#senddocument: a caption of 0-1024 characters
        chat = self._writable(parameters)
        self._text(parameters.get("caption", ""), parameters, 1024, empty=True)
        self._may(chat, "documents")
        await self._count(chat)
        await self._slow_mode(chat)
        (data,) = files.values()
        # core.telegram.org/bots/api#senddocument: up to 50 MB; "file must be non-empty" is
        # what the server says (tdlib/telegram-bot-api)
        if not data:
            raise ApiError(400, "Bad Request: file must be non-empty")
        if len(data) > 50 * 1024 * 1024:
            raise ApiError(413, "Request Entity Too Large")
        return self._post(chat, parameters.get("caption", ""), parameters, document=data)

    async def do_sendMessage(self, parameters, files):
        text, entities = self._text(parameters.get("text", ""), parameters, 4096)
        chat = self._writable(parameters)
        if "ephemeral_message_parameters" in parameters and self.knows_asides:
            return self._aside(chat, text, parameters)
        # core.telegram.org/api/errors: TOPIC_CLOSED; an admin may write there all the same
        if (chat, parameters.get("message_thread_id")) in self.closed and (
            chat not in self.admin_in
        ):
            raise ApiError(400, "Bad Request: TOPIC_CLOSED")
        self._may(chat, "text messages")
        await self._count(chat)
        await self._slow_mode(chat)
        return self._post(chat, text, parameters, entities=entities)

    async def do_answerGuestQuery(self, parameters, files):
        # core.telegram.org/bots/api#answerguestquery: once; an article has a title.
        query = parameters["guest_query_id"]
        if self.guests.get(query) != "":
            raise ApiError(400, "Bad Request: query is too old and response timeout expired")
        if not parameters["result"]["title"]:
            raise ApiError(400, "Bad Request: title must be non-empty")
        self.guests[query] = parameters["result"]["input_message_content"]["message_text"]
        return {"inline_message_id": query}

    def ask_as_guest(self, text, user=None):
        """A person mentions the bot where it is no member."""
        query = f"guest-{self.next_update}"
        self.guests[query] = ""
        self.push(
            {
                "guest_message": {
                    "message_id": 7,
                    "date": int(time.time()),
                    "chat": {"id": -5005, "type": "supergroup", "title": "Elsewhere"},
                    "from": user or self.person(),
                    "text": text,
                    "entities": self._found(text),
                    "guest_query_id": query,
                }
            }
        )
        return query

    async def do_editMessageText(self, parameters, files):
        if (inline := parameters.get("inline_message_id")) is not None:
            if not self.guests.get(inline):
                raise ApiError(400, "Bad Request: message to edit not found")
            if self.knows_rich and "rich_message" in parameters:
                # core.telegram.org/bots/api#inputrichmessage: 32,768 characters
                text = parameters["rich_message"]["markdown"]
                if not 1 <= len(text) <= 32_768:
                    raise ApiError(400, "Bad Request: rich message is too long")
            else:
                text, _ = self._text(parameters.get("text", ""), parameters, 4096)
            self.guests[inline] = text
            return True
        if "rich_message" in parameters:
            message = self.messages[int(parameters["chat_id"]), int(parameters["message_id"])]
            self.rich[message.chat, message.id] = parameters["rich_message"]["markdown"]
            message.text, message.markup = "", parameters.get("reply_markup")
            return self._shown(message)
        text, entities = self._text(parameters.get("text", ""), parameters, 4096)
        chat = self._writable(parameters)
        message = self.messages.get((chat, int(parameters["message_id"])))
        # core.telegram.org/bots/api#editmessagetext; the texts: tdlib/telegram-bot-api, Client.cpp
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        if not message.sender["is_bot"]:
            raise ApiError(400, "Bad Request: message can't be edited")
        if message.photo is not None:
            raise ApiError(400, "Bad Request: there is no text in the message to edit")
        await self._count(chat)
        markup = parameters.get("reply_markup")
        self._check_markup(markup)
        if (text, entities, markup) == (message.text, message.entities, message.markup):
            raise ApiError(
                400,
                "Bad Request: message is not modified: specified new message content and reply "
                "markup are exactly the same as a current content and reply markup of the message",
            )
        message.text, message.entities, message.markup = text, entities, markup
        message.edits += 1
        self.timeline.append((time.monotonic(), "edit", chat, message.id, text))
        return self._shown(message)

    async def do_sendMessageDraft(self, parameters, files):
        text, _ = self._text(parameters.get("text", ""), parameters, 4096, empty=True)
        chat = self._writable(parameters)
        # core.telegram.org/bots/api#sendmessagedraft; the error is tdlib/td's
        if chat < 0:
            raise ApiError(400, "Bad Request: TEXTDRAFT_PEER_INVALID")
        if not int(parameters["draft_id"]):
            raise ApiError(400, "Bad Request: draft_id must be non-zero")
        # tdlib/td, Requests.cpp: a draft is `messages.setTyping`, as typing is.
        await self._count(chat, cosmetic=True)
        if parameters.get("can_stop"):
            self.stoppable.append((chat, int(parameters["draft_id"])))
        self.drafts.setdefault(chat, []).append((int(parameters["draft_id"]), text))
        return True

    async def do_deleteMessage(self, parameters, files):
        chat = self._writable(parameters)
        # core.telegram.org/bots/api#deletemessage: sent less than 48 hours ago
        message = self.messages.get((chat, int(parameters["message_id"])))
        if message is not None and time.time() - message.at > 48 * 3600:
            raise ApiError(400, "Bad Request: message can't be deleted for everyone")
        await self._count(chat, cosmetic=True)
        if self.messages.pop((chat, int(parameters["message_id"])), None) is None:
            raise ApiError(400, "Bad Request: message to delete not found")
        return True

    async def do_sendChatAction(self, parameters, files):
        chat = self._writable(parameters)
        await self._count(chat, cosmetic=True)
        self.timeline.append((time.monotonic(), "action", chat, 0, parameters["action"]))
        return True

    async def do_answerCallbackQuery(self, parameters, files):
        # tdlib/telegram-bot-api, Client.cpp: a query is kept for 150 s
        pressed = self.pressed_at.get(str(parameters["callback_query_id"]), -200.0)
        if time.monotonic() - pressed > 150:
            raise ApiError(
                400,
                "Bad Request: query is too old and response timeout expired or query ID is invalid",
            )
        # core.telegram.org/bots/api#answercallbackquery: text, 0-200 characters
        if len(parameters.get("text", "")) > 200:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        if parameters.get("show_alert"):
            self.alerts.append(parameters["text"])
        return True

    async def do_sendPhoto(self, parameters, files):
        chat = self._writable(parameters)
        caption, _ = self._text(parameters.get("caption", ""), parameters, 1024, empty=True)
        photo = self._photo(parameters.get("photo", ""), files)
        self._may(chat, "photos")
        await self._count(chat)
        await self._slow_mode(chat)
        return self._post(chat, caption, parameters, photo=photo)

    async def do_sendVoice(self, parameters, files):
        # core.telegram.org/bots/api#sendvoice: an .OGG file encoded with OPUS.
        chat = self._writable(parameters)
        voice = (
            files[parameters["voice"].removeprefix("attach://")]
            if "voice" in parameters
            else (next(iter(files.values())))
        )
        if not voice.startswith(b"OggS"):
            raise ApiError(400, "Bad Request: VOICE_FILE_INVALID")
        self._may(chat, "voice notes")
        await self._count(chat)
        await self._slow_mode(chat)
        return self._post(chat, "", parameters, photo=voice)

    async def do_editMessageMedia(self, parameters, files):
        chat = self._writable(parameters)
        message = self.messages.get((chat, int(parameters["message_id"])))
        if message is None or not message.sender["is_bot"]:
            raise ApiError(400, "Bad Request: message to edit not found")
        # core.telegram.org/bots/api#editmessagemedia
        media = parameters["media"]
        caption, _ = self._text(media.get("caption", ""), parameters, 1024, empty=True)
        photo = self._photo(media["media"], files)
        self._check_markup(parameters.get("reply_markup"))
        await self._count(chat)
        message.text, message.photo, message.markup = caption, photo, parameters.get("reply_markup")
        message.edits += 1
        self._files[f"p{message.id}"] = photo
        return self._shown(message)

    async def do_sendMediaGroup(self, parameters, files):
        chat = self._writable(parameters)
        media = parameters["media"]
        # core.telegram.org/bots/api#sendmediagroup: 2-10 items, documents only with documents
        if not 2 <= len(media) <= 10:
            raise ApiError(400, "Bad Request: wrong number of media in an album")
        (kind,) = {one["type"] for one in media}
        self._may(chat, f"{kind}s")
        if kind == "document":
            found = [files[one["media"].removeprefix("attach://")] for one in media]
        else:
            found = [self._photo(one["media"], files) for one in media]
        for one in media:
            # core.telegram.org/bots/api#inputmediaphoto: a caption of 0-1024 characters
            self._text(one.get("caption", ""), one, 1024, empty=True)
            # Each message of an album is one (Bots FAQ says nothing else).
            await self._count(chat)
        await self._slow_mode(chat)
        return [
            self._post(chat, one.get("caption", ""), parameters, **{kind: data})
            for one, data in zip(media, found, strict=True)
        ]

    async def do_getFile(self, parameters, files):
        # core.telegram.org/bots/api#getfile: up to 20 MB
        if parameters["file_id"] not in self._files:
            raise ApiError(400, "Bad Request: invalid file_id")
        size = len(self._files[parameters["file_id"]])
        if size > 20 * 1024 * 1024:
            raise ApiError(400, "Bad Request: file is too big")
        return {
            "file_id": parameters["file_id"],
            "file_unique_id": parameters["file_id"],
            "file_size": size,
            "file_path": f"files/{parameters['file_id']}",
        }

    async def _download(self, request):
        name = request.match_info["path"].rpartition("/")[2]
        return web.Response(body=self._files[name])

    def add_file(self, name, data):
        self._files[name] = data

    # --- rules ---

    def _writable(self, parameters):
        chat = int(parameters["chat_id"])
        if chat not in self.chats:
            raise ApiError(400, "Bad Request: chat not found")
        # tdlib/telegram-bot-api, Client.cpp, check_chat_access
        if chat in self.gone:
            who = "kicked from the supergroup chat" if chat < 0 else "blocked by the user"
            raise ApiError(403, f"Forbidden: bot was {who}")
        thread = parameters.get("message_thread_id")
        # tdlib/telegram-bot-api, Client.cpp, check_reply_parameters
        if thread is not None and int(thread) not in self.topics.get(chat, ()):
            raise ApiError(400, "Bad Request: message thread not found")
        return chat

    def _text(self, text, parameters, most, *, empty=False):
        if len(text.encode()) > 32_768:
            # tdlib/telegram-bot-api, Client.cpp, get_formatted_text
            raise ApiError(400, "Bad Request: text is too long")
        entities = parameters.get("entities") or []
        if len(entities) > 100:
            # The real server ignores the rest, and formatting is lost: a fault here.
            raise ApiError(400, "Bad Request: too many entities")
        check_entities(text, entities)
        if not text.strip() and not empty:
            raise ApiError(400, "Bad Request: message text is empty")
        # core.telegram.org/bots/api#sendmessage: 1-4096 characters after entities parsing. tdlib/td
        # counts code points (MessageContent.cpp); clients and entities count UTF-16.
        if units(text.strip()) > most:
            raise ApiError(400, "Bad Request: message is too long")
        return cleaned(text), entities

    def _check_markup(self, markup):
        for row in (markup or {}).get("inline_keyboard", []):
            for button in row:
                # core.telegram.org/bots/api#inlinekeyboardbutton: callback_data, 1-64 bytes
                if not 1 <= len(button["callback_data"].encode()) <= 64:
                    raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")

    def _may(self, chat, what):
        # tdlib/td, DialogParticipant: each kind of content is a right of its own.
        if what in self.forbidden.get(chat, ()):
            raise ApiError(400, f"Bad Request: not enough rights to send {what} to the chat")

    def _photo(self, name, files):
        data = files.get(str(name).removeprefix("attach://")) or files.get("photo")
        if data is None:
            raise ApiError(400, "Bad Request: there is no photo in the request")
        # core.telegram.org/bots/api#sendphoto: 10 MB, width + height 10000, ratio 20
        if len(data) > 10 * 1024 * 1024:
            raise ApiError(413, "Request Entity Too Large")
        try:
            with Image.open(io.BytesIO(data)) as image:
                image.load()
                width, height = image.size
        except OSError:
            raise ApiError(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
        if width + height > 10000 or max(width, height) > 20 * min(width, height):
            raise ApiError(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        return data

    async def _slow_mode(self, chat):
        # Each member that is no admin may post once in the delay (core.telegram.org/api/errors,
        # SLOWMODE_WAIT_X). tdlib/td, NetQueryDelayer.cpp: a bot's server waits 8 s at most, and
        # then tells it as any flood (levlam, tdlib/td#715, tdlib/telegram-bot-api#75).
        delay, now = self.slow.get(chat, 0), time.monotonic()
        if not delay or chat in self.admin_in:
            return
        wait = self.posted_at.get(chat, -delay) + delay - now
        if wait > (PATIENCE_S if self.world.strict else 0):
            seconds = math.ceil(wait)
            self.floods.append((chat, seconds))
            raise ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        self.posted_at[chat] = now + max(0, wait)
        await asyncio.sleep(max(0, wait))

    async def _count(self, chat, *, cosmetic=False):
        verdict = self.world.telegram(chat, time.monotonic(), cosmetic=cosmetic)
        if seconds := verdict.retry_after_s:
            self.floods.append((chat, seconds))
            raise ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        await asyncio.sleep(verdict.late_s)

    def hold(self, chat, seconds):
        """Flood-limit *chat* from now on."""
        self.world.hold_chat(chat, time.monotonic() + seconds)

    def _post(self, chat, text, parameters, *, entities=(), photo=None, document=None):
        self._check_markup(parameters.get("reply_markup"))
        # core.telegram.org/bots/api#replyparameters
        reply = parameters.get("reply_parameters") or {}
        if reply and (chat, reply["message_id"]) not in self.messages:
            if not reply.get("allow_sending_without_reply"):
                raise ApiError(400, "Bad Request: message to be replied not found")
            reply = {}
        message = Message(
            self._message_id(),
            chat,
            text,
            self.bot,
            parameters.get("message_thread_id"),
            list(entities),
            parameters.get("reply_markup"),
            photo,
            reply_to=reply.get("message_id"),
        )
        self.messages[chat, message.id] = message
        message.document = document
        if photo is not None:
            self._files[f"p{message.id}"] = photo
        self.timeline.append((time.monotonic(), "send", chat, message.id, text))
        return self._shown(message)

    def _message_id(self):
        self.next_message += 1
        return self.next_message

    def _shown(self, message):
        body = {
            "message_id": message.id,
            "date": int(message.at),
            "chat": self.chats[message.chat],
            "from": message.sender,
        }
        if message.thread:
            body |= {"message_thread_id": message.thread, "is_topic_message": True}
        if message.photo is not None:
            body["photo"] = [
                {"file_id": f"p{message.id}", "file_unique_id": "u", "width": 1, "height": 1}
            ]
        elif message.text:
            body["text"] = message.text
        return body

    @staticmethod
    def _found(text):
        # tdlib/td, MessageEntity.cpp, find_bot_commands and find_mentions: they end with the word.
        entities = []
        for word in re.finditer(r"\S+", text):
            kind = {"/": "bot_command", "@": "mention"}.get(word[0][0])
            if kind and len(word[0]) > 1:
                offset = units(text[: word.start()])
                entities.append({"type": kind, "offset": offset, "length": units(word[0])})
        return entities
