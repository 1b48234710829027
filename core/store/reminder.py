"""A reminder, and one time of it, as the store keeps them."""

from typing import Annotated

import msgspec

from core.border import set_aside
from core.messages import DUE, ConversationId, Incoming, Sender
from core.store.values import is_conversation, read
from core.times.rules import Rule

LAST = 2.5e11
"""In the year 9892: the calendar ends soon after."""


class Reminder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody is reminded of, and when.

    Args:
        due: the next time, in seconds since the epoch.
        zone: the zone of the IANA list in which *rule* counts.
        rule: how it comes again, or None.
        words: the time as the person said it.
        everyone: it is for all in the place, and not only for *person*.
        asks: *text* is a question. It is asked for *person*, with their rights at that time.
        private: whether the place is a private conversation.
        reply_to: the platform's reference of the message that asked for it, or empty.
    """

    id: str
    person: Sender
    conversation: ConversationId
    text: str
    due: Annotated[float, msgspec.Meta(ge=0, le=LAST)]
    zone: str
    rule: Rule | None = None
    words: str = ""
    everyone: bool = False
    asks: bool = False
    private: bool = False
    reply_to: str = ""


class Occurrence(msgspec.Struct, frozen=True, omit_defaults=True):
    """One time of *reminder*. *missed*: so many times before it were not told."""

    reminder: Reminder
    missed: int = 0


_reminder = msgspec.json.Decoder(Reminder)
_occurrence = msgspec.json.Decoder(Occurrence)
_encode = msgspec.json.encode


def reminder_in(raw: bytes) -> Reminder | None:
    """The reminder that *raw* holds; None: it cannot be read, or would be told nowhere."""
    found = read(_reminder, raw, "store.reminders")
    return found if found is not None and is_conversation(found.conversation) else None


def read_occurrence(incoming: Incoming) -> Occurrence | None:
    """What *incoming* reminds of; None: it was not made here."""
    if not incoming.event_id.startswith(f"{DUE}:"):
        set_aside("store.reminders", "not made here")
        return None
    return read(_occurrence, incoming.text.encode(), "store.reminders")


def mail_of(reminder: Reminder, missed: int) -> Incoming:
    """The mail that tells *reminder*. No adapter makes an event id like this one."""
    return Incoming(
        event_id=f"{DUE}:{reminder.id}:{ms(reminder.due)}",
        conversation=reminder.conversation,
        sender=reminder.person,
        text=_encode(Occurrence(reminder, missed)).decode(),
        command=DUE,
        reply_to=reminder.reply_to,
        private=reminder.private,
        sent_at=reminder.due,
    )


def ms(seconds: float) -> int:
    return int(seconds * 1000)
