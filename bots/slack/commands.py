"""Commands on Slack: slash commands, buttons, shortcuts, and words after `/` or `!`. Pure.

A bare word is a command only after `/palaver`, and only alone or with an argument that the command
knows: "image formats: which one for the web?" is a question.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from bots.slack.fields import items, mapping, string
from bots.slack.reading import named_in, words
from core.lent import CommandInfo
from core.messages import Incoming, Sender, conversation_id

HOME = "home"
"""The command that shows the Home tab. Its buttons' commands begin with it."""
_COMMAND = re.compile(r"\s*[/!]([a-z]+)(?:\s+|$)", re.IGNORECASE)
_WORD = re.compile(r"([a-z]+)([!?.]?$|\s+|$)", re.IGNORECASE)
_NAME = re.compile(r"\S{1,120}")


class Slash(NamedTuple):
    """A slash command: its words and where it was typed. Slack has none inside threads."""

    command: str
    text: str
    user: str
    channel: str
    trigger: str
    response_url: str
    raw: str = ""


def read_command(text: str, commands: Mapping[str, CommandInfo]) -> tuple[str, str]:
    """(command, arguments) if *text* begins with one of *commands*, else ("", text).

    A command without arguments that is followed by more words is a question.
    """
    match = _COMMAND.match(text)
    if match is None or match.group(1).lower() not in commands:
        return "", text
    command, argument = match.group(1).lower(), text[match.end() :]
    if commands[command].takes == "nothing" and argument.strip():
        return "", text
    return command, argument


def read_slash(body: Mapping[str, Any], commands: Mapping[str, CommandInfo]) -> Slash:
    """`/image …` and `/palaver …`. The latter holds a question or a command."""
    text = words(string(body, "text"), {}).strip()
    name = string(body, "command").lstrip("/").lower()
    if name in commands:
        command = name
    else:
        command, text = read_command(text, commands)
        if not command:
            command, text = _bare(text, commands)
    if not command and not text:
        command = "help"
    return Slash(
        command,
        text,
        string(body, "user_id"),
        string(body, "channel_id"),
        string(body, "trigger_id"),
        string(body, "response_url"),
        string(body, "text"),
    )


def _bare(text: str, commands: Mapping[str, CommandInfo]) -> tuple[str, str]:
    """(command, arguments) if *text* is surely a command, without a slash before it."""
    match = _WORD.match(text)
    word = match.group(1).lower() if match else ""
    command = commands.get(word)
    if match is None or command is None or command.takes == "prompt":
        return "", text
    argument = text[match.end() :].strip()
    if not argument:
        return word, ""
    if command.takes == "nothing" or ("\n" in argument and command.takes != "words"):
        return "", text
    if command.takes in ("phrase", "text"):
        asks = argument.endswith(("?", "？"))
        return ("", text) if asks else (word, argument)
    if command.takes == "words":
        first = argument.split()[0].lower()
        known = first in command.choices or first[:1].isdecimal()
        return (word, argument) if known else ("", text)
    known = argument.lower() in (*command.choices, "default")
    if known or (word == "model" and _looks_like_a_model(argument)):
        return word, argument
    return "", text


def _looks_like_a_model(argument: str) -> bool:
    return bool(_NAME.fullmatch(argument)) and re.search(r"[\d/:_-]", argument) is not None


def slash_incoming(slash: Slash, name: str, team: str, thread: str, *, private: bool) -> Incoming:
    """The incoming of *slash*.

    If a post shows what was asked, it belongs to the *thread* of that post. Otherwise it belongs
    to the place, and only the person sees the answer.
    """
    alone = f"@{slash.user} {slash.response_url}".strip()
    return Incoming(
        event_id=f"{name}:{team}:{slash.trigger}",
        conversation=conversation_id(name, slash.channel, thread),
        sender=Sender(f"{name}:{slash.user}", slash.user),
        text=slash.text,
        command=slash.command,
        reply_to="" if thread else alone,
        private=private,
        message=thread,
        of_place=not thread,
        named=named_in(slash.raw, name),
    )


def read_press(body: Mapping[str, Any], name: str, team: str) -> Incoming | None:
    """The incoming of a press of our buttons, under a message or on the Home tab."""
    pressed = items(body, "actions")
    user = string(mapping(body, "user"), "id")
    if not pressed or not user:
        return None
    message, view = mapping(body, "message"), mapping(body, "view")
    container = mapping(body, "container")
    # A message for one person is no thread that anybody can answer in, and often not told here.
    for_one = container.get("is_ephemeral") is True
    channel = string(mapping(body, "channel"), "id") or string(view, "private_metadata")
    within = string(message, "thread_ts") or string(container, "thread_ts")
    under = string(message, "ts") or string(container, "message_ts")
    thread = within or ("" if for_one else under)
    if not channel or not (thread or view or for_one):
        return None
    command = string(pressed[0], "value")
    if not command:
        return None
    private = channel.startswith("D")
    alone = "" if private or view else f"@{user} {string(body, 'response_url')} {within}".rstrip()
    return Incoming(
        event_id=f"{name}:{team}:{string(body, 'trigger_id')}",
        conversation=conversation_id(name, channel, thread),
        sender=Sender(f"{name}:{user}", user),
        text="",
        command="retry" if command == "again" else command,
        private=private,
        reply_to=f"{HOME} {user}" if view and command.partition(" ")[0] == HOME else "",
        under=under,
        aside=alone,
        if_barred=alone,
        of_place=not thread,
    )
