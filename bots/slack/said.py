"""A message that Slack lets us read back, as a `Said`. Pure.

Source: docs.slack.dev, conversations.history and conversations.replies, and the message event's
subtypes. Of a deleted message that others answered Slack keeps a tombstone (`hidden`).
"""

from collections.abc import Mapping
from typing import Any

from bots.slack.attached import read_files
from bots.slack.blocks import blocks_of, read_block
from bots.slack.fields import mapping, number, string
from bots.slack.inbound import SAID, Me, seconds
from bots.slack.reading import Names, extras_of, mentioned_in, shared_files, text_of, words
from core.messages import Attachment
from core.said import Said, beginning

_OF_BOTS = frozenset(("bot_message", "huddle_thread"))


def is_said(message: Mapping[str, Any]) -> bool:
    """Whether somebody said *message*. Joins, topics, tombstones, half answers are not said."""
    subtype = string(message, "subtype")
    known = subtype in SAID or subtype in _OF_BOTS
    grows = string(message, "streaming_state") == "in_progress"
    return known and bool(string(message, "ts")) and not (message.get("hidden") or grows)


def named_in(message: Mapping[str, Any]) -> list[str]:
    """The ids whose names `read_said` needs, the writer's first."""
    return [one for one in (string(message, "user"), *sorted(mentioned_in(message))) if one]


def read_said(message: Mapping[str, Any], me: Me, names: Names, *, in_channel: bool) -> Said | None:
    """*message*; None if it says nothing. *in_channel*: say how many replied in its thread."""
    text, attachments = content_of(message, names)
    if string(message, "subtype") == "huddle_thread":
        text = text or "[a huddle]"
    if not (text or attachments):
        return None
    user = string(message, "user")
    bot = message.get("bot_id") or mapping(message, "bot_profile")
    replies = number(message, "reply_count")
    if in_channel and replies and string(message, "thread_ts") == string(message, "ts"):
        text = f"{beginning(text)}\n[{replies} replies in its thread]"
    return Said(
        message=string(message, "ts"),
        at=seconds(string(message, "ts")),
        author=_author(message, names),
        person=f"{me.tenant}:{user}" if user else "",
        text=beginning(text),
        attachments=attachments,
        thread=string(message, "thread_ts") if in_channel and _replies(message) else "",
        by="us" if user == me.user_id else "bot" if bot else "person",
    )


def _replies(message: Mapping[str, Any]) -> bool:
    return string(message, "thread_ts") not in ("", string(message, "ts"))


def content_of(message: Mapping[str, Any], names: Names) -> tuple[str, tuple[Attachment, ...]]:
    """What *message* says in words, and its files."""
    attachments, notes = read_files(shared_files(message))
    own = text_of(message)
    if message.get("bot_id") and (shown := _blocks(message)):
        # An app's text is only what notifications show of its blocks.
        own, message = shown, {**message, "blocks": []}
    parts = (words(own, names).strip(), *extras_of(message, names), *notes)
    return "\n".join(filter(None, parts)), attachments


def _blocks(message: Mapping[str, Any]) -> str:
    return "\n".join(filter(None, map(read_block, blocks_of(message))))


def _author(message: Mapping[str, Any], names: Names) -> str:
    user, profile = string(message, "user"), mapping(message, "user_profile")
    return (
        string(message, "username")
        or names.get(user, "")
        or string(profile, "display_name")
        or string(profile, "real_name")
        or string(mapping(message, "bot_profile"), "name")
        or user
        or "somebody"
    )
