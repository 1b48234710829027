"""The posts of a page, as they are stored, and what the page sends. Pure."""

import re
import time
from typing import Literal

import msgspec

from core.messages import Button, ConversationId, Incoming, Sender, conversation_id

NAME = "web"
STATUS_KEY = 0
"""The post log's key for "is writing". The keys of posts begin at 1."""
TITLE_CHARS = 60
TEXT_CHARS = 100_000
"""The longest text of one message."""
MOST_POSTS = 1_000
MOST_FILES = 100
MOST_CONVERSATIONS = 500
"""One visitor may keep so many on the server. Then the oldest is deleted."""
_COMMAND = re.compile(r"/([a-zA-Z]{1,32})(?:\s+|$)")


class Download(msgspec.Struct, frozen=True):
    """A file to download. *file* is its key in the post log of files."""

    file: int
    name: str


class Post(msgspec.Struct, frozen=True, omit_defaults=True):
    """One bubble. The sender chose its *id*.

    *files* (pictures) and *sounds* are keys in the post log of files. *status* folds the *steps* of
    the answer into one line.
    """

    author: Literal["person", "bot", "status"]
    text: str = ""
    id: str = ""
    files: tuple[int, ...] = ()
    sounds: tuple[int, ...] = ()
    downloads: tuple[Download, ...] = ()
    buttons: tuple[Button, ...] = ()
    growing: bool = False
    status: str = ""
    steps: tuple[str, ...] = ()
    at: float = 0.0


class Entry(msgspec.Struct, frozen=True):
    """A line in the list of conversations."""

    thread: str
    title: str
    at: float


class Sent(msgspec.Struct, frozen=True):
    """What the page posts: a text, or the *command* of a pressed button."""

    id: str
    text: str = ""
    command: str = ""


decode_post = msgspec.json.Decoder(Post).decode
decode_entry = msgspec.json.Decoder(Entry).decode
decode_sent = msgspec.json.Decoder(Sent).decode


def read_sent(sent: Sent, visitor: str, thread: str, language: str) -> Incoming:
    """The incoming of *sent*."""
    text, command = sent.text.strip(), sent.command
    if not command and (match := _COMMAND.match(text)):
        command, text = match.group(1).lower(), text[match.end() :]
    return Incoming(
        event_id=f"{NAME}:{visitor}:{sent.id}",
        conversation=conversation_id(NAME, visitor, thread),
        sender=Sender(id=f"{NAME}:{visitor}", name="You", language=language),
        text=text,
        command={"again": "retry"}.get(command, command),
        sent_at=time.time(),
    )


def title_of(text: str) -> str:
    """A conversation's name, from its first question."""
    line = " ".join(text.split())
    return line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1] + "…"


def list_of(visitor: str) -> str:
    return f"{NAME}:{visitor}"


def posts_of(conversation: ConversationId) -> str:
    return conversation


def files_of(conversation: ConversationId) -> str:
    return f"{conversation}:files"
