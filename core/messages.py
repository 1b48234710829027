"""The words that cross every border inside Palaver.

Frozen values only: adapters make and read them, the inbox and the history keep
them as JSON. A field is added with a default, so that what an older version
wrote can still be read.
"""

import operator
from typing import Literal, NewType

import msgspec
from msgspec.structs import astuple

from core.border import clean

ConversationId = NewType("ConversationId", str)
"""`platform:space:thread`, stable over restarts; one history each."""


def conversation_id(platform: str, space: str, thread: str = "") -> ConversationId:
    """Name the conversation of *thread* (may be empty) in *space* (a chat, a channel)."""
    return ConversationId(f"{platform}:{space}:{thread}")


def split_conversation(conversation: ConversationId) -> tuple[str, str, str]:
    """Return (platform, space, thread) of *conversation*."""
    platform, space, thread = conversation.split(":", 2)
    return platform, space, thread


def place_of(conversation: ConversationId) -> ConversationId:
    """The place that *conversation* is in, as a conversation of its own: without a thread."""
    platform, space, _ = split_conversation(conversation)
    return conversation_id(platform, space)


FORWARD = "forward"
"""The `burst` of what was passed on; a remark of the same moment before it belongs to it."""
TITLE = "(title)"
"""The `command` of news, which nobody can type: a person gave the conversation the title `text`."""
CUT = "cut"
"""The `burst` of a piece that its client cut off at the platform's length."""


class Sender(msgspec.Struct, frozen=True):
    """A person: *id* is `platform:user`, *language* an IETF tag or empty."""

    id: str
    name: str
    language: str = ""


NAME_CHARS = 120


def file_name(name: str) -> str:
    """*name* as it may be shown and quoted: one line, of a usual length, without what changes the
    order of other characters, and without a folder. Its ending, which says the kind, is kept.
    """
    name = clean(name).replace("\\", "/").rpartition("/")[2]
    name = "".join(one if one.isprintable() else " " for one in name).strip()
    if len(name) <= NAME_CHARS:
        return name
    return f"{name[: NAME_CHARS // 2]}…{name[-NAME_CHARS // 2 + 1 :]}"


class Attachment(msgspec.Struct, frozen=True):
    """A file that came with a message; *ref* is what its platform fetches it by."""

    kind: Literal["image", "audio", "file"]
    ref: str
    name: str = ""
    mime: str = ""
    size_bytes: int = 0

    @property
    def title(self) -> str:
        """What to call it in words."""
        return self.name or self.mime or "unnamed"


class Quote(msgspec.Struct, frozen=True):
    """What a message replies to, or (*forwarded*) passes on.

    *post* is ours, by its handle, where it is an answer of our own; *chosen*: the person marked
    this very part of it.
    """

    author: str
    text: str
    post: str = ""
    chosen: bool = False
    forwarded: bool = False


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person did: a question, a command, or a button (a command too).

    Args:
        event_id: the same for every delivery of the same event, for dedupe.
        same: another name of the same event, where its platform delivers one event under two.
        text: what was said, without the bot's mention; for a command, its arguments.
        command: the name without its slash, or empty for a question.
        reply_to: the platform's reference to answer under, or empty.
        address: `direct`: the bot was spoken to (mention, reply, command, DM);
            `thread`: said in a thread, which the core follows if it was asked
            there before; `overheard`: said in a group to nobody in particular.
        burst: pieces that belong to one message (an album, a cut paste, a batch
            of forwards) share a non-empty key.
        message: the platform's own reference of the message, or empty.
        described: what came besides words and files (a poll, a place on the map), in words.
        aside: the platform's reference to answer this person alone under, where only they need
            to read it; or empty.
        under: the post of ours, by its handle, whose button was pressed, or empty.
        edited: whether it is a new wording of *message*, which was said before.
        deleted: whether *message*, which was said before, was taken back. It has no text; who
            said it, where, and whether in private are as then. Where its answer is not committed
            yet, the question is dropped, and posts of its answer are taken away.
        moved_to: the platform's own news that the conversation goes on elsewhere; nobody said it.
        sent_at: seconds since the epoch, by the platform's clock.
        of_place: whether it was said outside any thread and is about the place and all that goes
            on in it; *conversation* is then the place's.
    """

    event_id: str
    conversation: ConversationId
    sender: Sender
    text: str
    command: str = ""
    reply_to: str = ""
    private: bool = True
    address: Literal["direct", "thread", "overheard"] = "direct"
    attachments: tuple[Attachment, ...] = ()
    quote: Quote | None = None
    burst: str = ""
    message: str = ""
    described: str = ""
    under: str = ""
    aside: str = ""
    edited: bool = False
    deleted: bool = False
    moved_to: ConversationId = ConversationId("")
    sent_at: float = 0.0
    of_place: bool = False
    same: str = ""


class Button(msgspec.Struct, frozen=True):
    """A button under a post; pressing it sends *command* as an `Incoming`.

    Behind a space, *command* may carry what the command is to be given; 64 bytes in all.
    """

    command: str
    label: str


class Picture(msgspec.Struct, frozen=True):
    """An encoded image on its way to a chat; *caption* is plain text."""

    data: bytes
    mime: str
    caption: str = ""


class Exchange(msgspec.Struct, frozen=True):
    """One question and its answer: the unit of history.

    *notes* says in words what the text does not show (attachments, a picture
    painted); *cut* is true when the answer is not whole; *message* is the
    platform's reference of the question, by which an edit finds it; *person* is the id of
    who asked, empty in what older versions wrote; *posts* are the answer's, by their handles;
    *refused*: it was refused for what it says, and so would be every question that it came with.
    """

    event_id: str
    speaker: str
    question: str
    answer: str
    at: float
    notes: str = ""
    cut: bool = False
    message: str = ""
    attachments: tuple[Attachment, ...] = ()
    person: str = ""
    posts: tuple[str, ...] = ()
    refused: bool = False


class Spent(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one turn, or many, cost. *estimated*: in how many of them the tokens were estimated."""

    turns: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    pictures: int = 0
    estimated: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(*map(operator.add, astuple(self), astuple(other)))


class Summary(msgspec.Struct, frozen=True):
    """What was said in a conversation *until* then (seconds since the epoch), in short."""

    text: str = ""
    until: float = 0.0


class Preferences(msgspec.Struct, frozen=True):
    """What a conversation chose with `/model`, `/persona`, `/system`, `/lang` and `/voice`."""

    model: str = ""
    persona: str = ""
    system: str = ""
    language: str = ""
    voice: bool = False
    follow: str = ""
    """Of a thread that several people talk in: `all`, `questions` (or empty), `off`."""
    title: str = ""
    """What a person called the conversation on its platform: no title of ours replaces it."""
