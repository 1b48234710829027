"""The audit log: who changed what of the bot, and when, from what to what. Bounded."""

import time
from typing import Any

import msgspec
from redis.asyncio import Redis

from core.store import keys
from core.store.connection import store_errors
from core.store.values import read, words

MOST = 5_000
VALUE_CHARS = 2_000
TARGET_CHARS = 500


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change.

    Args:
        act: what kind of change it is. *target*: of whom or what.
        by: the id of who made it.
        before: what held; after: what holds now. JSON; no secret ever stands there.
        undoes: the id of the change that this one takes back.
    """

    act: str
    target: str
    by: str
    at: float = 0.0
    before: Any = None
    after: Any = None
    undoes: str = ""


_change = msgspec.json.Decoder(Change)


class Audit:
    """All processes share it. Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def note(self, change: Change) -> None:
        values = {"before": _cut(change.before), "after": _cut(change.after)}
        target = change.target[:TARGET_CHARS]
        whole = msgspec.structs.replace(change, at=time.time(), target=target, **values)
        with store_errors():
            await self._redis.xadd(
                keys.AUDIT, {"change": msgspec.json.encode(whole)}, maxlen=MOST, approximate=True
            )

    async def newest(self, most: int = 200, before: str = "+") -> list[tuple[str, Change]]:
        """The newest changes with their ids, those older than *before*."""
        last = f"({before}" if before != "+" else "+"
        with store_errors():
            found: Any = await self._redis.xrevrange(keys.AUDIT, max=last, count=most)
        return [one for entry in found if (one := _read(entry)) is not None]

    async def find(self, name: str) -> Change | None:
        """The change with that id."""
        with store_errors():
            found: Any = await self._redis.xrange(keys.AUDIT, min=name, max=name)
        read_ = _read(found[0]) if found else None
        return read_[1] if read_ is not None else None


def is_cut(change: Change) -> bool:
    """Whether *change*, as it was kept, has only the beginning of what held, or holds now."""
    values = (change.before, change.after)
    return any(len(msgspec.json.encode(one)) > VALUE_CHARS for one in values)


def _read(entry: tuple[bytes, dict[bytes, bytes]]) -> tuple[str, Change] | None:
    change = read(_change, entry[1].get(b"change", b""), "store.audit")
    return (words(entry[0]), change) if change is not None else None


def _cut(value: Any) -> Any:
    """*value*; of a very long one, its beginning as text. Such a change cannot be undone."""
    raw = msgspec.json.encode(value)
    return value if len(raw) <= VALUE_CHARS else raw[:VALUE_CHARS].decode(errors="replace")
