"""The posts of a page, as they are stored, and what the page sends. Pure."""

import re
import time
from typing import Literal, NamedTuple

import msgspec

from core.messages import Attachment, Button, ConversationId, Incoming, Sender, conversation_id

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


class Version(msgspec.Struct, frozen=True):
    """A question before it was edited, and its answer, as versions without branches kept them."""

    question: str
    answer: str


class Post(msgspec.Struct, frozen=True, omit_defaults=True):
    """One bubble. The sender chose its *id*.

    *files* (pictures) and *sounds* are keys in the post log of files. *status* folds the *steps* of
    the answer into one line. *versions*: what earlier versions kept of edits, the oldest first.
    *edit*: the id of the last edit that changed this post.

    *rated*: the thumb that was pressed, `up` or `down`.

    Of a question, *after* is the one before it (empty: none; None: an earlier version, whose posts
    have no branches), and *chosen* when somebody turned to it. *to*: the question this answers.
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
    versions: tuple[Version, ...] = ()
    edit: str = ""
    after: str | None = None
    to: str = ""
    chosen: float = 0.0
    rated: str = ""


class Entry(msgspec.Struct, frozen=True):
    """A line in the list of conversations."""

    thread: str
    title: str
    at: float
    pinned: bool = False


class Sent(msgspec.Struct, frozen=True):
    """What the page posts: a text with *files* (uploaded before), or a button's *command*.

    *edits*: the id of the question whose new wording this is. *after*: the id of the last question
    that the page shows, if it tells that.
    """

    id: str
    text: str = ""
    command: str = ""
    files: tuple[int, ...] = ()
    edits: str = ""
    after: str = ""


class Place(NamedTuple):
    """Where in its conversation a message stands, for the core.

    *question*: under which it is answered. *elsewhere*, *instead*, *edited*: as of `Incoming`.
    """

    question: str = ""
    elsewhere: tuple[str, ...] = ()
    instead: str = ""
    edited: bool = False


NOWHERE = Place()


class Visitor(NamedTuple):
    """Who is on the page: the *name* in their conversations' ids, and who they are."""

    name: str
    sender: Sender


class Change(msgspec.Struct, frozen=True):
    """What the page changes of a conversation: in the list, or which question it *shows*."""

    title: str = ""
    pinned: bool | None = None
    shows: str = ""


decode_post = msgspec.json.Decoder(Post).decode
decode_entry = msgspec.json.Decoder(Entry).decode
decode_sent = msgspec.json.Decoder(Sent).decode
decode_change = msgspec.json.Decoder(Change).decode


def read_sent(
    sent: Sent,
    visitor: Visitor,
    thread: str,
    language: str,
    attachments: tuple[Attachment, ...] = (),
    place: Place = NOWHERE,
) -> Incoming:
    """The incoming of *sent*."""
    text, command = sent.text.strip(), sent.command
    if not command and (match := _COMMAND.match(text)):
        command, text = match.group(1).lower(), text[match.end() :]
    return Incoming(
        event_id=f"{NAME}:{visitor.name}:{sent.id}",
        conversation=conversation_id(NAME, visitor.name, thread),
        sender=msgspec.structs.replace(visitor.sender, language=language),
        text=text,
        command={"again": "retry"}.get(command, command),
        sent_at=time.time(),
        attachments=attachments,
        message=place.question if place.edited else sent.id,
        reply_to=place.question,
        edited=place.edited and not command,
        elsewhere=place.elsewhere,
        instead=place.instead,
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
