"""What people said in a place besides what they asked us, and how much of it is wanted.

Some platforms let an app read it (Slack); then `Platform.read` does, and nothing is stored. On
others the core keeps what it overhears, where people want that (`core.store.overheard`).
"""

from typing import Literal

import msgspec

from core.messages import Attachment

SAID_CHARS = 4_000
"""Of a longer message only the beginning is told."""


Missing = Literal["", "older", "newer", "all"]
Feeling = Literal["thanks", "joy", "seen"]
"""What our reaction to a message says: we are glad of its thanks, or with it, or have read it."""


MOST_LEFT_OUT = 20
"""So many messages that are not told are named for their files."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One message that was said in a place.

    Args:
        message: the platform's reference of the message. `Platform.link_to` takes it.
        at: seconds since the epoch.
        author: the name of who wrote it, on one line or not.
        person: their id, `platform:user`, or empty.
        text: its words, and in words what else it holds. At most about `SAID_CHARS`.
        attachments: its files.
        by: a person, another bot, or we wrote it.
        thread: the thread in which it was said, if that is not where it was read.
    """

    message: str
    at: float
    author: str
    text: str
    person: str = ""
    attachments: tuple[Attachment, ...] = ()
    by: Literal["person", "bot", "us"] = "person"
    thread: str = ""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages are wanted: the newest, and the one that begins a thread.

    Args:
        most: at most so many.
        most_chars: of all texts together.
        before: the reference of a message. Only what was said before it is wanted; empty: all.
        since: seconds since the epoch. Older messages are not wanted, 0: however old.
        threads: of a place, what was said in so many of its threads is wanted too, if the platform
            tells that apart: those in which somebody spoke last.
    """

    most: int
    most_chars: int
    before: str = ""
    since: float = 0.0
    threads: int = 0


class Transcript(msgspec.Struct, frozen=True):
    """What was *said*, oldest first.

    Args:
        missing: what is not told. `older`: messages before these (in a thread: after the one that
            begins it). `newer`: messages after them. `all`: the platform cannot tell any.
        left_out: messages that were read and are not told, of which the files are.
    """

    said: tuple[Said, ...] = ()
    missing: Missing = ""
    left_out: tuple[Said, ...] = ()


def beginning(text: str) -> str:
    """*text*, cut to `SAID_CHARS`."""
    return text if len(text) <= SAID_CHARS else f"{text[:SAID_CHARS]} […]"


def newest(said: list[Said], span: Span, *, head: bool) -> Transcript:
    """The newest of *said* (oldest first) that fit into *span*. *head*: the first one too."""
    wanted = [one for one in said if one.at >= span.since]
    first = wanted[:1] if head else []
    left = span.most_chars - sum(len(one.text) for one in first)
    kept: list[Said] = []
    for one in reversed(wanted[len(first) :]):
        left -= len(one.text)
        if left < 0 or len(kept) + len(first) >= span.most:
            break
        kept.append(one)
    kept += reversed(first)
    return Transcript(tuple(reversed(kept)), "" if len(kept) == len(wanted) else "older")
