"""Backup and restore: all that is kept, in one file of JSON lines.

What belongs to one conversation is read in one step, so that no exchange is in the history and its
question still in the mailbox. Queues, leases and buckets are not in the file (`MADE_ANEW`): the
next start makes them from the mailboxes. A backup of several shards goes back into as many, or into
an empty store with any number (`core.store.resharding`).

The file holds people's words, and the secret of the page's link.
"""

import base64
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, BinaryIO

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from core.errors import PalaverError, StoreError
from core.store import keys
from core.store.connection import store_errors
from core.store.lanes import MARK
from core.store.resharding import Resharding
from core.store.sharded import ShardedRedis, shards_of
from core.store.shards import Layout, in_shard, plain, shard_in

FORMAT = 1
MOST_AT_ONCE = 200
"""Keys that are read or written in one step, if one conversation does not have more."""
MOST_BYTES_AT_ONCE = 2 * 1024 * 1024
"""So much is written in one step, if one key is not more: `core.store.line` gives it seconds."""
MADE_ANEW = frozenset(
    [
        *("ready", "lanes", "running", "parked", "crowd", "lease", "level", "gesture", "pulse"),
        "replicas",
    ]
)


class BackupError(PalaverError):
    """A backup that cannot be restored. The text says why."""


class Head(msgspec.Struct, frozen=True, tag="palaver backup", omit_defaults=True):
    """The first line. *server*: the version whose `DUMP` wrote the values.

    *layout*: of the store; None if it has one shard.
    """

    format: int
    server: str
    layout: Layout | None = None


class Entry(msgspec.Struct, frozen=True, tag="key"):
    """One key. *dump*: what `DUMP` told, as base64. *until_ms*: Unix time; 0: kept for ever."""

    name: str
    dump: str
    until_ms: int = 0


class Tail(msgspec.Struct, frozen=True, tag="end"):
    """The last line. *digest*: SHA-256 of all lines before it."""

    keys: int
    digest: str


_line = msgspec.json.Decoder(Head | Entry | Tail)


async def backup(redis: Redis) -> AsyncIterator[bytes]:
    """The lines of a backup. What is written meanwhile may be in it or not.

    Raises:
        StoreError: the store is away.
    """
    digest, count = hashlib.sha256(), 0

    def line(what: Head | Entry | Tail) -> bytes:
        raw = msgspec.json.encode(what) + b"\n"
        digest.update(raw)
        return raw

    with store_errors():
        server: Any = await redis.info("server")
    yield line(Head(FORMAT, str(server["redis_version"]), _layout_of(redis)))
    for shard, client in enumerate(shards_of(redis)):
        for names in _together([name async for name in _names(client)]):
            with store_errors():
                entries = await _read(client, names, shard)
            count += len(entries)
            for entry in entries:
                yield line(entry)
    yield line(Tail(count, digest.hexdigest()))


def _layout_of(redis: Redis) -> Layout | None:
    return redis.layout if isinstance(redis, ShardedRedis) else None


async def _names(redis: Redis) -> AsyncIterator[str]:
    seen: set[bytes] = set()
    with store_errors():
        async for name in redis.scan_iter(f"{keys.TAG}:*", count=1000):
            if name in seen:
                continue  # SCAN may tell a key twice.
            seen.add(name)
            # A name that is no UTF-8 is none of ours.
            with suppress(UnicodeDecodeError):
                if _kind(text := name.decode()) not in MADE_ANEW:
                    yield text


def _together(names: Iterable[str]) -> Iterator[Sequence[str]]:
    """*names* in parts that are read in one step: a conversation's keys are never parted."""
    part: list[str] = []
    for _, group in groupby(sorted(names, key=_owner), _owner):
        part += group
        if len(part) >= MOST_AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _kind(name: str) -> str:
    return name.removeprefix(f"{keys.TAG}:").partition(":")[0]


def _owner(name: str) -> str:
    """The conversation, or person, that the key *name* belongs to; lanes are its conversation's."""
    return name.removeprefix(f"{keys.TAG}:").partition(":")[2].partition(MARK)[0]


async def _read(redis: Redis, names: Sequence[str], shard: int) -> list[Entry]:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.time()
        for name in names:
            pipe.dump(name)
            pipe.pttl(name)
        (seconds, micros), *rest = await pipe.execute()
    now_ms = seconds * 1000 + micros // 1000
    return [
        Entry(
            in_shard(name, shard),
            base64.b64encode(dump).decode(),
            now_ms + left if left >= 0 else 0,
        )
        for name, dump, left in zip(names, rest[::2], rest[1::2], strict=True)
        if dump is not None
    ]


def check(lines: Iterable[bytes]) -> int:
    """How many keys the backup in *lines* holds.

    Raises:
        BackupError: it is none, is not whole, or a newer version wrote it.
    """
    digest, count = hashlib.sha256(), 0
    tail: Tail | None = None
    for number, raw in enumerate(lines):
        what = _decoded(raw)
        if tail is not None or isinstance(what, Head) != (number == 0):
            raise BackupError("this is no backup of Palaver")
        if isinstance(what, Head) and what.format > FORMAT:
            raise BackupError("a newer Palaver wrote this backup")
        if isinstance(what, Tail):
            tail = what
            continue
        digest.update(raw)
        count += isinstance(what, Entry)
    if tail is None or (tail.keys, tail.digest) != (count, digest.hexdigest()):
        raise BackupError("this backup is not whole")
    return count


def shards_in(file: BinaryIO) -> int:
    """How many shards the store had whose checked backup *file* is."""
    file.seek(0)
    return _layout_in(_decoded(next(file))).count


def _layout_in(head: Head | Entry | Tail) -> Layout:
    """What the first line of a backup says of its store."""
    return (head.layout if isinstance(head, Head) else None) or Layout()


async def restore(redis: Redis, lines: Iterable[bytes]) -> int:
    """Write what a checked backup holds. Returns the number of keys.

    What has run out since is left out. Keys that stand already are replaced, others stay. If the
    store has another number of shards, each tenant goes where it belongs there.

    Raises:
        BackupError: the server cannot read what a newer one wrote, or the store has other shards,
            and is not empty.
        StoreError: the store is away.
    """
    count, shards = 0, shards_of(redis)
    rest = iter(lines)
    resharding = Resharding(redis) if await _moves(redis, _decoded(next(rest))) else None
    for shard, entries in parts(rest):
        if resharding is None and shard >= len(shards):
            raise BackupError("this backup holds keys that are not ours")
        placed: dict[Redis, list[tuple[str, Entry]]] = {}
        for entry in entries:
            name = plain(entry.name)
            where = resharding.places(name) if resharding else ((shards[shard], name),)
            for one, called in where:
                placed.setdefault(one, []).append((called, entry))
        for one, some in placed.items():
            await _put(one, some)
        count += len(entries)
    if resharding is not None:
        await resharding.finish()
    return count


async def _put(shard: Redis, entries: Iterable[tuple[str, Entry]]) -> None:
    """Write *entries* into *shard*, each as it is called there."""
    async with shard.pipeline(transaction=False) as pipe:
        for name, entry in entries:
            dump = base64.b64decode(entry.dump)
            pipe.restore(name, entry.until_ms, dump, replace=True, absttl=True)
        try:
            with store_errors():
                await pipe.execute()
        except StoreError as error:
            if isinstance(error.__cause__, ResponseError) and "DUMP" in str(error):
                raise BackupError(
                    "a newer server wrote this backup: restore to one that is not older"
                ) from None
            raise


async def _moves(redis: Redis, head: Head | Entry | Tail) -> bool:
    """Whether the store has another number of shards than the one of the backup.

    Raises:
        BackupError: what is there already would be in other shards than what comes.
    """
    theirs, ours = _layout_in(head), _layout_of(redis) or Layout()
    if theirs != ours and not await is_empty(redis):
        raise BackupError("the tenants here are in other shards: restore to an empty store")
    return theirs.count != ours.count


def parts(lines: Iterable[bytes]) -> Iterator[tuple[int, Sequence[Entry]]]:
    """The entries, in parts of one shard each, which are written in one step."""
    part: list[Entry] = []
    shard = size = 0
    for one in (what for raw in lines if isinstance(what := _decoded(raw), Entry)):
        its_shard, size = shard_in(one.name) or 0, size + len(one.dump)
        full = len(part) == MOST_AT_ONCE or size > MOST_BYTES_AT_ONCE
        if part and (full or its_shard != shard):
            yield shard, part
            part, size = [], len(one.dump)
        shard = its_shard
        part.append(one)
    if part:
        yield shard, part


def _decoded(raw: bytes) -> Head | Entry | Tail:
    try:
        what: Head | Entry | Tail = _line.decode(raw)
        if isinstance(what, Entry):
            base64.b64decode(what.dump, validate=True)
            if shard_in(what.name) is None:
                raise BackupError("this backup holds keys that are not ours")
    except ValueError:
        raise BackupError("this is no backup of Palaver") from None
    return what


async def is_empty(redis: Redis) -> bool:
    """Whether nothing of ours is kept, but for what a start makes anew."""
    for shard in shards_of(redis):
        async for _ in _names(shard):
            return False
    return True
