"""Values: what stands in the store is read one by one.

Who wrote one may have been an older or a newer version, or somebody else on the same Redis. What
cannot be read is set aside (`core.border`), and costs nothing but itself.
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
"""Nothing that we write as one value is nearly as long."""
MOST_DEAD_BYTES = 16 * 1024
"""Of what cannot be read, so much is kept for who looks into it."""
PUT_ASIDE_S = 30 * 24 * 3600

_incoming = msgspec.json.Decoder(Incoming)


class DeadLetter(msgspec.Struct, frozen=True):
    """A question that was set aside, and why; *mail* is its JSON, or what stood there instead."""

    reason: str
    mail: str

    @property
    def incoming(self) -> Incoming | None:
        """The question, or None when it cannot be read."""
        return read_incoming(self.mail.encode(), "")


_dead_letter = msgspec.json.Decoder(DeadLetter)


def read(decoder: msgspec.json.Decoder[_T], raw: bytes, border: str) -> _T | None:
    """What *raw* says, or None; *border* is told then, unless it is empty."""
    try:
        if len(raw) > MOST_BYTES:
            raise ValueError("too long")
        return decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if border:
            set_aside(border, error)
        return None


def read_incoming(raw: bytes, border: str) -> Incoming | None:
    """As `read`; also None for mail that no turn could serve."""
    incoming = read(_incoming, raw, border)
    if incoming is None or (is_conversation(incoming.conversation) and incoming.event_id):
        return incoming
    if border:
        set_aside(border, "nowhere to answer")
    return None


def read_dead_letter(raw: bytes) -> DeadLetter:
    """What *raw* says, or a letter that holds it as it is."""
    letter = read(_dead_letter, raw, "store.dead")
    return letter or unreadable(raw, "this letter cannot be read")


def unreadable(raw: bytes, reason: str) -> DeadLetter:
    """A letter about *raw*, as much of it as is kept."""
    return DeadLetter(reason, raw[:MOST_DEAD_BYTES].decode(errors="replace"))


def is_conversation(name: str) -> bool:
    """Whether *name* has the parts of a `ConversationId`."""
    return name.count(":") >= 2 and not name.startswith(":")


def words(raw: bytes | None) -> str:
    """Plain text of *raw*, whatever its bytes; nothing for None."""
    return (raw or b"").decode(errors="replace")


def number(raw: bytes | None) -> float:
    """The finite number that *raw* says, else 0."""
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
    "secret": "string",
    "pulse": "string",
    "parked": "list",
    "dead": "list",
    "lease": "string",
    "level": "string",
    "board": "hash",
    "spent": "hash",
    "task": "hash",
    "callback": "string",
}
"""By the word behind the tag; a kind that does not stand here is left as it is."""


def is_wrong_type(error: ResponseError) -> bool:
    """Whether a key holds another type than the command is for."""
    return "WRONGTYPE" in str(error)


async def put_aside(redis: Redis, names: Iterable[str]) -> None:
    """Rename those keys of *names* that hold another type than ours, so that they harm nobody."""
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
