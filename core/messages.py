"""The values that all parts of Palaver exchange.

They are frozen. Adapters make and read them; the inbox and the history keep them as JSON. A new
field needs a default, so that values of older versions can still be read.
"""

import operator
from typing import Literal, NewType

import msgspec
from msgspec.structs import astuple

ConversationId = NewType("ConversationId", str)
"""`platform:space:thread`, the same after a restart. Each conversation has one history."""


def conversation_id(platform: str, space: str, thread: str = "") -> ConversationId:
    """Name the conversation of *thread* (may be empty) in *space* (a chat, a channel)."""
    return ConversationId(f"{platform}:{space}:{thread}")


def split_conversation(conversation: ConversationId) -> tuple[str, str, str]:
    """Return (platform, space, thread) of *conversation*."""
    platform, space, thread = conversation.split(":", 2)
    return platform, space, thread


def place_of(conversation: ConversationId) -> ConversationId:
    """The place of *conversation*: the same conversation without its thread."""
    platform, space, _ = split_conversation(conversation)
    return conversation_id(platform, space)


def place_id(conversation: ConversationId) -> str:
    """The place of *conversation* as operators and admins write it: `platform:id`."""
    return place_of(conversation).removesuffix(":")


FORWARD = "forward"
"""The `burst` of a message that was passed on. A remark just before it belongs to it."""
TITLE = "(title)"
"""The `command` that says: a person gave the conversation the title `text`. Nobody can type it."""
DUE = "(due)"
"""The `command` that says: a reminder is due. `text` is its occurrence. Nobody can type it."""
THREAD = "a thread"
"""The `author` of a `Quote` that holds a whole thread, so that it need not be heard again."""
CUT = "cut"
"""The `burst` of a piece that the client cut at the platform's limit."""
Effect = Literal["read_only", "idempotent", "effects"]
"""What a call does outside. `read_only`: nothing. `idempotent`: the same as once, if it is made
twice with the same arguments. `effects`: something each time, so it is never repeated unasked."""


class Sender(msgspec.Struct, frozen=True):
    """A person: *id* is `platform:user`, *language* an IETF tag or empty.

    *shared*: somebody speaks in the name of a group or channel. Others do so under the same id.
    """

    id: str
    name: str
    language: str = ""
    shared: bool = False


class Attachment(msgspec.Struct, frozen=True):
    """A file that came with a message. The platform fetches it by *ref*."""

    kind: Literal["image", "audio", "file"]
    ref: str
    name: str = ""
    mime: str = ""
    size_bytes: int = 0

    @property
    def title(self) -> str:
        """How to name the attachment in a sentence: a name of several lines is one line."""
        return " ".join((self.name or self.mime).split()) or "unnamed"


class Quote(msgspec.Struct, frozen=True):
    """The text that a message replies to or, if *forwarded*, passes on.

    *post*: its handle, if it is an answer of ours. *chosen*: the person marked this part of it.
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
        same: a second name of the event, if the platform delivers it under two names.
        text: the message without the bot's mention. Of a command: its arguments.
        command: the name without its slash, or empty for a question.
        reply_to: the platform's reference to the message to answer under, or empty.
        address: `direct`: the message is for the bot (mention, reply, command, DM). `thread`: it is
            in a thread; the core follows the thread if the bot was asked there before.
            `overheard`: it is in a group, and for nobody in particular. In the inbox: the place
            wants useful answers, and a model judges whether this is worth one.
        burst: a key that the pieces of one message (album, cut paste, forwards) share, or empty.
        message: the platform's own reference of the message, or empty.
        described: what came besides text and files (a poll, a place on the map), in words.
        aside: the platform's reference for an answer that only this person sees, or empty.
        if_barred: the platform's reference for telling this person alone that we may not write
            there, if it differs from *aside*; or empty.
        under: the handle of our post whose button was pressed, or empty.
        edited: whether this is the new wording of *message*.
        deleted: whether *message* was taken back. Then there is no text; sender, conversation and
            *private* are as before. If its answer is not committed yet, the question is dropped,
            and the posts of the answer are deleted.
        moved_to: where the conversation goes on. This is news of the platform, not of a person.
        sent_at: seconds since the epoch, by the platform's clock.
        of_place: whether the message was sent outside all threads and concerns the whole place.
            *conversation* is then the place.
        place_name: what the platform calls the group or channel, or empty.
        replies_to: the platform's reference of the message that it replies to, or empty.
        about: the id of the person to whom it replies, or empty.
        named: the ids of people and places that the text mentions.
        elsewhere: references of the questions on other branches, which are no history for this one.
        instead: the reference of the old wording, where both stay or (*edited*) its posts are used.
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
    if_barred: str = ""
    place_name: str = ""
    replies_to: str = ""
    about: str = ""
    named: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    instead: str = ""


class Button(msgspec.Struct, frozen=True):
    """A button under a post. Pressing it sends *command* as an `Incoming`.

    *command* may contain arguments after a space. It has at most 64 bytes in all. *asks*: pressing
    it asks for a text under this heading, which then goes behind the command (`Limits.asks`).
    """

    command: str
    label: str
    asks: str = ""


class Picture(msgspec.Struct, frozen=True):
    """An encoded image for a chat. *caption* is plain text."""

    data: bytes
    mime: str
    caption: str = ""


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool call that was made for an answer, as history keeps it.

    *arguments*: JSON, perhaps only the beginning of it. *effect*: an `Effect`.
    *outcome*: `done`, `failed`, or `unsure`: it may have happened. *again*: the unsure step that
    this one did again at somebody's word, by the name of its button. *result*: the beginning of
    what it brought.
    """

    tool: str
    arguments: str = ""
    effect: str = "effects"
    outcome: str = "done"
    seconds: float = 0.0
    again: str = ""
    result: str = ""


class Exchange(msgspec.Struct, frozen=True):
    """One question and its answer: the unit of history.

    *notes*: what the text does not show (attachments, a painted picture), in words. *cut*: the
    answer is not whole. *message*: the platform's reference of the question; an edit finds the
    exchange by it. *person*: the id of the asker; older versions did not write it. *posts*: the
    handles of the answer's posts; *pictures*: those posted with it. *refused*: the provider refused
    the question for its content, and would also refuse later ones with it. *steps*: the tool calls.
    *tainted*: text of others was read for it, so it may hold what they want; *by_pictures*: only
    pictures. *token*: of a question to allow a call, at its end. *parts*: of a question in several
    messages, their references and texts. *aside*: it is on a branch that was left (`branch.lua`).
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
    steps: tuple[Step, ...] = ()
    tainted: bool = False
    token: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    pictures: tuple[Attachment, ...] = ()
    by_pictures: bool = False
    aside: bool = False


class Spent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The cost of turns. *estimated*: in how many tokens were estimated. *audio_s*: of speech."""

    turns: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    pictures: int = 0
    estimated: int = 0
    cost_usd: float = 0.0
    audio_s: float = 0.0
    tool_calls: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(*map(operator.add, astuple(self), astuple(other)))


class Summary(msgspec.Struct, frozen=True):
    """The summary of a conversation, of what was said from *since* up to *until*.

    Both are seconds since the epoch. Older versions wrote no *since*. *tainted*: as of `Exchange`.
    """

    text: str = ""
    until: float = 0.0
    since: float = 0.0
    tainted: bool = False


class Preferences(msgspec.Struct, frozen=True):
    """What was chosen with `/settings`, `/model`, `/persona` and the like.

    Each is inherited by itself (`core.store.layers`). Empty: the operator's choice or the default.

    Args:
        follow: how we follow a thread in which several people talk: `all`, `questions`, `off`.
        title: the title that a person gave the conversation. We never replace it.
        name: what the place is called; empty: as the platform calls it.
        about: what the place is for. The model is told it.
        timezone: a name of the IANA list.
        context: what the model is told of what was said to others: `off`, `thread`, `recent N`.
        when: which messages in a group are answered: `mention`, `reply`, `always`, `useful`.
        burst: whether messages that one person sends in one breath are answered as one.
        verbose: whether each step of an answer is shown, with its arguments.
        tools: patterns of the tools that may be used, or `all`, or `off`; empty: all of the place.
        retention: how long exchanges are kept, in days (`30d`), if shorter than the operator's.
    """

    model: str = ""
    persona: str = ""
    system: str = ""
    language: str = ""
    voice: bool = False
    follow: str = ""
    title: str = ""
    name: str = ""
    about: str = ""
    timezone: str = ""
    context: str = ""
    when: str = ""
    burst: bool = True
    verbose: bool = False
    retention: str = ""
    tools: str = ""
