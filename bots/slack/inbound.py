"""Slack's events to incomings. Pure.

A thread is a conversation. Its name is `thread_ts`, or the `ts` of the message that begins it
(docs.slack.dev, agent messaging). A question that arrives several times is one incoming: a mention
comes as `message` and as `app_mention` with the same ts, and one gesture sometimes comes as two
messages with the same `client_msg_id`.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from bots.slack.attached import read_files
from bots.slack.commands import read_command
from bots.slack.fields import items, mapping, string
from bots.slack.reading import (
    UNKNOWN,
    Names,
    extras_of,
    looking_at,
    named_in,
    shared_files,
    text_of,
    words,
)
from core.lent import CommandInfo
from core.messages import TITLE, Incoming, Sender, conversation_id

NAME = "slack"
SAID = frozenset(("", "file_share", "thread_broadcast", "me_message"))
"""Messages of people. Other subtypes are joins, topics, canvases, huddles and other bots."""
NOBODY = frozenset(("USLACK", "USLACKBOT", "UREVOKEDU"))
"""Slack itself, and the stand-in for a person whose keys were revoked."""

_OTHER_PERSON = re.compile(r"\s*<@[UW][A-Z0-9]+")


class Me(NamedTuple):
    """Who the bot is, the *commands* that it knows, and the *tenant* that it is."""

    user_id: str
    team: str
    commands: Mapping[str, CommandInfo]
    tenant: str = NAME


def read_event(body: Mapping[str, Any], me: Me, names: Names) -> Incoming | None:
    """The incoming of an `event_callback`, or None if it is none."""
    event = mapping(body, "event")
    match string(event, "type"):
        case "agent_session_stopped":
            return _stopped(event, string(body, "event_id"), me)
        case "agent_session_title_changed":
            return _titled(event, string(body, "event_id"), me)
        case "message" | "app_mention":
            pass
        case _:
            return None
    match string(event, "subtype"):
        case "message_changed":
            return _changed(event, string(body, "event_id"), me, names)
        case "message_deleted":
            return _deleted(event, mapping(event, "previous_message"), string(event, "ts"), me)
        case subtype if subtype not in SAID:
            return None
    return _said(event, event, me, names)


def _said(
    message: Mapping[str, Any],
    event: Mapping[str, Any],
    me: Me,
    names: Names,
    *,
    edited: str = "",
) -> Incoming | None:
    """The incoming of *message* in *event*. *edited*: the id of the event of its new wording."""
    if not _from_a_person(message, me) or message.get("hidden"):
        return None
    raw = text_of(message)
    mentioned = string(event, "type") == "app_mention" or _mentions(me, raw)
    direct = mentioned or _private(event)
    own = words(_without(me, raw), names).strip()
    attachments, notes = read_files(shared_files(message))
    more = [*extras_of(message, names), *notes]
    if not (own or attachments or more or mentioned):
        if not (_private(event) and message.get("blocks")):
            return None
        more = [UNKNOWN]
    command, text = read_command(own, me.commands) if direct else ("", own)
    ts, thread = string(message, "ts"), string(message, "thread_ts")
    of_place = bool(command) and me.commands[command].of_place and not thread
    if not command:
        more += [seen] if (seen := looking_at(event, names)) else []
        text = "\n\n".join(filter(None, (text, *more)))
    channel = string(event, "channel")
    gesture = string(message, "client_msg_id")
    return Incoming(
        event_id=_id(me, edited or f"{channel}:{ts}"),
        same=_id(me, gesture) if gesture and not edited else "",
        conversation=conversation_id(me.tenant, channel, "" if of_place else thread or ts),
        sender=_sender(message, me),
        text=text,
        command=command,
        reply_to=ts if of_place else "",
        private=_private(event),
        address=_address(raw, thread, direct=direct),
        attachments=attachments,
        message=ts,
        edited=bool(edited),
        sent_at=seconds(ts),
        of_place=of_place,
        if_barred="" if _private(event) else f"@{string(message, 'user')}",
        named=named_in(_without(me, raw), me.tenant),
    )


def _changed(event: Mapping[str, Any], event_id: str, me: Me, names: Names) -> Incoming | None:
    """The new wording of a message. Unfurled links, languages, counters and bots give None."""
    new, old = mapping(event, "message"), mapping(event, "previous_message")
    if string(new, "subtype") == "tombstone":
        return _deleted(event, old, string(event, "ts"), me)
    # https://docs.slack.dev/reference/events/message/message_changed: a bot's edit names a bot.
    by = string(mapping(new, "edited"), "user")
    if string(new, "subtype") not in SAID or by.startswith("B") or not _from_a_person(old, me):
        return None
    if text_of(new) == text_of(old) and _files(new) <= _files(old):
        return None
    return _said(new, event, me, names, edited=event_id or f"{string(event, 'ts')}:edit")


def _deleted(
    event: Mapping[str, Any], old: Mapping[str, Any], event_ts: str, me: Me
) -> Incoming | None:
    """A person deleted a message to us."""
    if not _from_a_person(old, me):
        return None
    ts, thread = string(old, "ts"), string(old, "thread_ts")
    raw, channel = text_of(old), string(event, "channel")
    direct = _private(event) or _mentions(me, raw)
    return Incoming(
        event_id=_id(me, f"{channel}:{ts}:deleted"),
        conversation=conversation_id(me.tenant, channel, thread or ts),
        sender=_sender(old, me),
        text="",
        private=_private(event),
        address="direct" if direct else "thread" if thread else "overheard",
        message=ts,
        deleted=True,
        sent_at=seconds(event_ts),
    )


def _stopped(event: Mapping[str, Any], event_id: str, me: Me) -> Incoming | None:
    """Somebody pressed Slack's own Stop button."""
    user, channel, thread = (string(event, key) for key in ("user", "channel", "thread_ts"))
    if not (user and channel and thread):
        return None
    return Incoming(
        event_id=_id(me, event_id),
        conversation=conversation_id(me.tenant, channel, thread),
        sender=Sender(f"{me.tenant}:{user}", user),
        text="",
        command="stop",
        private=channel.startswith("D"),
    )


def _titled(event: Mapping[str, Any], event_id: str, me: Me) -> Incoming | None:
    """Somebody renamed our direct message with them. We keep their name."""
    user, channel, thread = (string(event, key) for key in ("user", "channel", "thread_ts"))
    title = string(event, "title")
    if not (user and thread and title) or user == me.user_id or not channel.startswith("D"):
        return None
    return Incoming(
        event_id=_id(me, event_id),
        conversation=conversation_id(me.tenant, channel, thread),
        sender=Sender(f"{me.tenant}:{user}", user),
        text=title,
        command=TITLE,
    )


def _files(message: Mapping[str, Any]) -> frozenset[str]:
    """The ids of the files of *message*. Slack may change all else that it tells of a file."""
    return frozenset(string(one, "id") for one in items(message, "files")) - {""}


def _from_a_person(message: Mapping[str, Any], me: Me) -> bool:
    user = string(message, "user")
    bot = message.get("bot_id") or message.get("bot_profile")
    return bool(user and string(message, "ts")) and not bot and user not in {*NOBODY, me.user_id}


def _private(event: Mapping[str, Any]) -> bool:
    """Whether it is in a direct message. `app_mention` and older events do not say so."""
    kind = string(event, "channel_type")
    return kind == "im" or (not kind and string(event, "channel").startswith("D"))


def _address(raw: str, thread: str, *, direct: bool) -> Literal["direct", "thread", "overheard"]:
    if direct:
        return "direct"
    return "thread" if thread and not _OTHER_PERSON.match(raw) else "overheard"


def _mentions(me: Me, raw: str) -> bool:
    return re.search(rf"<@{me.user_id}(?:\|[^<>]*)?>", raw) is not None


def _without(me: Me, raw: str) -> str:
    """*raw* without any mention of us."""
    return re.sub(rf"[ \t]?<@{me.user_id}(?:\|[^<>]*)?>", "", raw)


def _sender(message: Mapping[str, Any], me: Me) -> Sender:
    """Who wrote *message*. For people of another workspace Slack sends their profile along."""
    user = string(message, "user")
    profile = mapping(message, "user_profile")
    name = string(profile, "display_name") or string(profile, "real_name")
    return Sender(f"{me.tenant}:{user}", name or user)


def _id(me: Me, event_id: str) -> str:
    return f"{me.tenant}:{me.team}:{event_id}"


def seconds(ts: str) -> float:
    try:
        return float(ts)
    except ValueError:
        return 0.0
