"""Slack's events, slash commands and buttons to incomings. Pure.

A thread is a conversation: `thread_ts`, or for what begins one its own `ts`
(docs.slack.dev, agent messaging). One question is one incoming however often it
arrives: a mention comes as `message` and as `app_mention`, with the same ts.
"""

import re
from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

from bots.slack.files import attachments_of
from bots.slack.markup import unescape
from core.messages import Incoming, Sender, conversation_id

NAME = "slack"
SUBTYPES = (None, "file_share", "thread_broadcast", "me_message")
"""What people say; the other subtypes tell of joins, edits, topics, and other bots."""

_COMMAND = re.compile(r"\s*[/!]([a-z]+)(?:\s+|$)", re.IGNORECASE)
_OTHER_PERSON = re.compile(r"\s*<@[UW][A-Z0-9]+")


class Me(NamedTuple):
    """Who the bot is; *commands* are those it knows."""

    user_id: str
    team: str
    commands: Collection[str]


class _Message(msgspec.Struct):
    user: str | None = None
    text: str | None = ""
    ts: str = ""
    thread_ts: str | None = None
    bot_id: str | None = None


class _Event(msgspec.Struct):
    type: str
    channel: str = ""
    user: str | None = None
    text: str | None = ""
    ts: str = ""
    thread_ts: str | None = None
    subtype: str | None = None
    bot_id: str | None = None
    channel_type: str | None = None
    files: Any = None
    message: _Message | None = None
    previous_message: _Message | None = None


def read_event(body: dict[str, Any], me: Me) -> Incoming | None:
    """The incoming in an `event_callback`, or None where nobody said anything."""
    try:
        event = msgspec.convert(body.get("event"), _Event)
    except msgspec.ValidationError:
        return None
    if event.type == "agent_session_stopped" and event.user and event.thread_ts:
        return _incoming(
            event, event.user, str(body.get("event_id", "")), me, text="", command="stop"
        )
    edited = event.subtype == "message_changed"
    event_id = f"{event.channel}:{event.ts}"
    if edited:
        new, old = event.message, event.previous_message
        if new is None or old is None or new.text == old.text:
            return None  # An unfurled link is a change too.
        event_id = str(body.get("event_id", ""))
        event = msgspec.structs.replace(
            event,
            subtype=None,
            user=new.user,
            text=new.text,
            ts=new.ts,
            thread_ts=new.thread_ts,
            bot_id=new.bot_id,
        )
    if event.type not in ("message", "app_mention") or event.subtype not in SUBTYPES:
        return None
    if not event.user or event.bot_id or event.user == me.user_id or not event.ts:
        return None
    raw = event.text or ""
    mention = f"<@{me.user_id}>"
    private = event.channel_type == "im"
    mentioned = event.type == "app_mention" or mention in raw
    direct = private or mentioned
    text = unescape(raw.replace(mention, "", 1)).strip()
    if not text and not event.files and not mentioned:
        return None
    command, text = read_command(text, me) if direct else ("", text)
    if direct:
        address = "direct"
    elif event.thread_ts and not _OTHER_PERSON.match(raw):
        address = "thread"
    else:
        address = "overheard"
    return _incoming(
        event,
        event.user,
        event_id,
        me,
        text=text,
        command=command,
        address=address,
        edited=edited,
    )


def read_command(text: str, me: Me) -> tuple[str, str]:
    """(command, arguments) where *text* begins with one that we know, else ("", text)."""
    match = _COMMAND.match(text)
    if match is None or match.group(1).lower() not in me.commands:
        return "", text
    return match.group(1).lower(), text[match.end() :]


def _incoming(
    event: _Event,
    user: str,
    event_id: str,
    me: Me,
    *,
    text: str,
    command: str,
    address: Any = "direct",
    edited: bool = False,
) -> Incoming:
    return Incoming(
        event_id=f"{NAME}:{me.team}:{event_id}",
        conversation=conversation_id(NAME, event.channel, event.thread_ts or event.ts),
        sender=Sender(f"{NAME}:{user}", user),
        text=text,
        command=command,
        private=event.channel_type == "im",
        address=address,
        attachments=attachments_of(event.files),
        message=event.ts,
        edited=edited,
        sent_at=float(event.ts or 0),
    )


class Slash(NamedTuple):
    """A slash command: its words, and where it was typed. Slack has none inside threads."""

    command: str
    text: str
    user: str
    channel: str
    trigger: str


def read_slash(body: dict[str, Any], me: Me) -> Slash:
    """`/image …` and `/palaver …`; the latter holds a command's name, or a question."""
    text = unescape(str(body.get("text", ""))).strip()
    name = str(body.get("command", "")).lstrip("/").lower()
    if name in me.commands:
        command = name
    else:
        command, text = read_command(f"/{text}", me)
        if not command:
            text = text.removeprefix("/")
    if not command and not text:
        command = "help"
    return Slash(
        command, text, str(body["user_id"]), str(body["channel_id"]), str(body["trigger_id"])
    )


def slash_incoming(slash: Slash, me: Me, thread: str, *, private: bool) -> Incoming:
    """The incoming of *slash*.

    In *thread* where a post shows what was asked; else answered to the person alone.
    """
    return Incoming(
        event_id=f"{NAME}:{me.team}:{slash.trigger}",
        conversation=conversation_id(NAME, slash.channel, thread),
        sender=Sender(f"{NAME}:{slash.user}", slash.user),
        text=slash.text,
        command=slash.command,
        reply_to="" if thread else f"@{slash.user}",
        private=private,
    )


def read_press(body: dict[str, Any], me: Me) -> Incoming | None:
    """The incoming of a pressed button of ours."""
    try:
        action = body["actions"][0]
        message, channel = body["message"], body["channel"]["id"]
        user, trigger = body["user"]["id"], body["trigger_id"]
        thread = message.get("thread_ts") or message["ts"]
    except (KeyError, IndexError, TypeError):
        return None
    command = str(action.get("value", ""))
    return Incoming(
        event_id=f"{NAME}:{me.team}:{trigger}",
        conversation=conversation_id(NAME, channel, thread),
        sender=Sender(f"{NAME}:{user}", user),
        text="",
        command="retry" if command == "again" else command,
        private=str(channel).startswith("D"),
    )
