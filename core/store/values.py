"""Values of the store: each is read by itself.

An older or newer version may have written a value, or another program on the same Redis. A value
that cannot be read is set aside (`core.border`); the others are still read.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeVar, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from core.border import set_aside
from core.messages import Incoming
from core.store import keys

_T = TypeVar("_T")

MOST_BYTES = 4 * 1024 * 1024
"""No value that we write is nearly as long."""
MOST_DEAD_BYTES = 16 * 1024
"""How much of an unreadable value is kept for the operator."""
PUT_ASIDE_S = 30 * 24 * 3600

_incoming = msgspec.json.Decoder(Incoming)


class DeadLetter(msgspec.Struct, frozen=True):
    """A question that was set aside, and why. *mail* is its JSON, or whatever stood there."""

    reason: str
    mail: str

    @property
    def incoming(self) -> Incoming | None:
        """The question, or None when it cannot be read."""
        return read_incoming(self.mail.encode(), "")


_dead_letter = msgspec.json.Decoder(DeadLetter)


def read(decoder: msgspec.json.Decoder[_T], raw: bytes | None, border: str) -> _T | None:
    """Decode *raw*; None if there is none. If it cannot be read, it is set aside at *border*.

    With no name of a border, None is all.
    """
    if raw is None:
        return None
    try:
        if len(raw) > MOST_BYTES:
            raise ValueError("too long")
        return decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if border:
            set_aside(border, error)
        return None


def read_each(decoder: msgspec.json.Decoder[_T], raws: Iterable[bytes], border: str) -> list[_T]:
    """Decode *raws*. What cannot be read is set aside at *border*, and left out."""
    found = (read(decoder, raw, border) for raw in raws)
    return [one for one in found if one is not None]


def read_incoming(raw: bytes, border: str) -> Incoming | None:
    """Like `read`. Also None for mail that no turn could serve."""
    incoming = read(_incoming, raw, border)
    if incoming is None or (is_conversation(incoming.conversation) and incoming.event_id):
        return incoming
    if border:
        set_aside(border, "nowhere to answer")
    return None


def read_dead_letter(raw: bytes) -> DeadLetter:
    """Decode *raw*. If it cannot be read: a letter that holds *raw* itself."""
    letter = read(_dead_letter, raw, "store.dead")
    return letter or unreadable(raw, "this letter cannot be read")


def unreadable(raw: bytes, reason: str) -> DeadLetter:
    """A letter that holds *raw*, up to `MOST_DEAD_BYTES`."""
    return DeadLetter(reason, raw[:MOST_DEAD_BYTES].decode(errors="replace"))


def is_conversation(name: str) -> bool:
    """Whether *name* has the parts of a `ConversationId`."""
    return name.count(":") >= 2 and not name.startswith(":")


def words(raw: bytes | None) -> str:
    """*raw* as text, whatever its bytes are; empty for None."""
    return (raw or b"").decode(errors="replace")


def number(raw: bytes | None) -> float:
    """*raw* as a finite number, else 0."""
    try:
        value = float(raw or 0)
    except ValueError:
        return 0.0
    return value if abs(value) < float("inf") else 0.0


KeyType = Literal["string", "list", "hash", "set", "zset", "stream"]
TYPES: Mapping[str, KeyType] = {
    "mail": "list",
    "state": "hash",
    "posts": "set",
    "history": "list",
    "ready": "stream",
    "lanes": "stream",
    "crowd": "zset",
    "crowd-posts": "hash",
    "running": "zset",
    "recent": "zset",
    "memory": "hash",
    "asked": "zset",
    "overheard": "hash",
    "overheard-order": "zset",
    "secret": "string",
    "pulse": "string",
    "parked": "list",
    "account": "hash",
    "holds": "hash",
    "limits": "hash",
    "dead": "list",
    "lease": "string",
    "level": "string",
    "board": "hash",
    "spent": "hash",
    "task": "hash",
    "callback": "string",
    "members": "hash",
    "due": "zset",
    "reminders": "hash",
    "reminders-of": "hash",
    "reminders-in": "set",
    "zone": "string",
    "speakers": "hash",
    "ratings": "hash",
    "tally": "hash",
    "tool-pins": "hash",
    "tool-offers": "hash",
    "tool-clients": "hash",
    "tenants": "hash",
    "shards": "string",
    "safe": "hash",
    "ticket": "string",
    "redeemed": "zset",
    "signed-in": "hash",
    "sign-in": "string",
    "visit-link": "string",
    "visit-links": "set",
    "visit": "string",
    "visits": "zset",
    "sign-in-code": "hash",
    "gesture": "list",
    "always": "set",
    "consent": "string",
    "lapses": "zset",
    "decided": "string",
    "seen": "string",
    "moved": "string",
    "told": "string",
    "answer": "string",
    "picture": "string",
    "learned": "string",
    "additions": "hash",
    "added-keys": "hash",
    "audit": "stream",
    "maintenance": "string",
    "replicas": "hash",
    "broadcast": "hash",
    "use": "hash",
    "owner-code": "string",
    "requests": "hash",
    "askers": "hash",
}
"""The type of each kind of key: the word after the tag. Other kinds are left alone."""


def is_wrong_type(error: ResponseError) -> bool:
    """Whether the command failed because a key has another type."""
    return "WRONGTYPE" in str(error)


def has_no_group(error: BaseException) -> bool:
    """Whether the command failed because a ready stream, or its group, is not there."""
    return isinstance(error, ResponseError) and "NOGROUP" in str(error)


async def put_aside(redis: Redis, names: Iterable[str]) -> None:
    """Rename the keys of *names* that have a wrong type, so that they do no harm."""
    for name in names:
        kind = TYPES.get(name.removeprefix(f"{keys.TAG}:").partition(":")[0])
        try:
            found = words(cast(bytes, await redis.type(name)))
            if kind is None or found in ("none", kind):
                continue
            aside = f"{keys.TAG}:aside:{name.removeprefix(keys.TAG + ':')}"
            await redis.rename(name, aside)
            await redis.expire(aside, PUT_ASIDE_S)
        except RedisError as error:
            set_aside("store.key", error)
        else:
            set_aside("store.key", "wrong type")
