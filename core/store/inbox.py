"""The durable inbox: accepted mail stays until the turn that answers it commits.

Each lane (see `core.store.lanes`) has a mailbox. A lane with mail has one entry in a ready stream
of its platform. A worker that reads the entry through the consumer group has the lease on the lane
(see `core.store.claim`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from core.border import set_aside
from core.messages import ConversationId, Incoming, place_of
from core.store import keys
from core.store.archive import Archive
from core.store.claim import LEASE_S, Claim
from core.store.connection import script, store_errors
from core.store.engine import Engine
from core.store.erasing import Eraser
from core.store.lanes import Lane, lane_at, lane_of, streams
from core.store.memories import open_memories
from core.store.orphans import Orphans
from core.store.places import Places
from core.store.ready import ReadyEntries
from core.store.sharded import at_home
from core.store.values import has_no_group, read_incoming
from core.tenant_names import home_tenant

Verdict = Literal["kept", "changed", "seen", "full", "stopping", "unasked"]

DEDUPE_S = 48 * 3600
"""Slack repeats an event for up to 24 h (delayed events), Telegram keeps updates for 24 h."""
MOST_IN_LINE = 10_000
STARTING_S = 0.05


class Kept(msgspec.Struct, frozen=True):
    """What `put` did. *waiting*: how much mail was in the lane before this one.

    `changed`: it is an edit or a deletion, and took the place of a question not answered yet.
    """

    verdict: Verdict
    waiting: int


class Waiting(msgspec.Struct, frozen=True):
    """A conversation that waits in the queue. *place* 1 is the next one."""

    conversation: ConversationId
    place: int


class Inbox:
    """The mailboxes of all conversations. Every method raises `StoreError`.

    Args:
        worker: the name of this process; each process has its own.
        most_waiting: how much mail one lane may have.
        most_per_person: how many answers may run for one person on all workers; 0: any number.
        most_per_place: how many may run in a group or channel on all workers; 0: any number.
    """

    def __init__(
        self,
        redis: Redis,
        worker: str,
        *,
        history_ttl_s: int,
        most_waiting: int,
        most_per_person: int = 0,
        most_per_place: int = 0,
        lease_s: float = LEASE_S,
    ) -> None:
        self._redis = redis
        self._most_waiting = most_waiting
        self.places = Places(redis, history_ttl_s)
        self.put_script = script(redis, "put")
        self._keep_placeholder = script(redis, "placeholder")
        memories, archive = open_memories(redis, history_ttl_s), Archive(redis)
        self._orphans = Orphans(redis, archive)
        self.entries = ReadyEntries(redis, worker)
        self.engine = Engine(
            redis=redis,
            worker=worker,
            ttl_s=history_ttl_s,
            most_per_person=most_per_person,
            most_per_place=most_per_place,
            lease_s=lease_s,
            load=script(redis, "load"),
            checkpoint=script(redis, "checkpoint"),
            record=script(redis, "record"),
            commit=script(redis, "commit"),
            move=script(redis, "move"),
            bury=script(redis, "bury"),
            release=script(redis, "release"),
            spent=script(redis, "spent"),
            reserve=script(redis, "reserve"),
            unhold=script(redis, "unhold"),
            book=script(redis, "book"),
            summary=script(redis, "summary"),
            memories=memories,
            places=self.places,
            archive=archive,
            eraser=Eraser(
                redis, archive, memories, script(redis, "erase"), script(redis, "erase_person")
            ),
        )

    async def prepare(self, platforms: Sequence[str]) -> None:
        """Make sure that each platform's ready streams have the consumer group of the workers."""
        for platform in platforms:
            for stream in streams(platform):
                with store_errors():
                    try:
                        await self._redis.xgroup_create(stream, keys.GROUP, id="0", mkstream=True)
                    except ResponseError as error:
                        if "BUSYGROUP" not in str(error):
                            raise
                        continue
                await self._orphans.revive(stream, platform)

    async def put(
        self, incoming: Incoming, *, by_admin: bool = False, wanted: bool = False
    ) -> Kept:
        """Keep *incoming*, unless it was kept before, nobody asked, or the mailbox is full.

        Args:
            by_admin: the sender is an admin, whose stop may end the answers to others.
            wanted: it is kept although it speaks to nobody in particular.
        """
        if incoming.same and not await self._first_of(incoming):
            return Kept("seen", 0)
        lane, conversation = lane_of(incoming), incoming.conversation
        shared = Lane(conversation)
        stops = 0 if incoming.command != "stop" else 2 if by_admin else 1
        # An edit never runs a command.
        changes = incoming.deleted or (incoming.edited and not incoming.command)
        with store_errors():
            verdict, waiting = await self.put_script(
                keys=[
                    keys.seen(incoming.event_id),
                    keys.mail(lane.name),
                    keys.state(lane.name),
                    keys.mail(shared.name),
                    keys.state(shared.name),
                    *streams(home_tenant(conversation)),
                    keys.running(place_of(conversation)),
                ],
                args=[
                    msgspec.json.encode(incoming),
                    lane.name,
                    conversation,
                    DEDUPE_S,
                    self._most_waiting,
                    int(wanted or incoming.address == "direct"),
                    stops,
                    keys.CONTROL,
                    incoming.sender.id,
                    incoming.message if changes else "",
                    int(incoming.deleted),
                ],
            )
        kept = Kept(cast(Verdict, verdict.decode()), waiting)
        if kept.verdict in ("kept", "seen"):
            await self.places.note(incoming)
        return kept

    async def _first_of(self, incoming: Incoming) -> bool:
        """Whether *incoming* is the first delivery of the event that has two names."""
        name, this = keys.seen(incoming.same), incoming.event_id.encode()
        with store_errors():
            if await self._redis.set(name, this, nx=True, ex=DEDUPE_S):
                return True
            return bool(await self._redis.get(name) == this)

    async def claim(self, platforms: Sequence[str], most: int, wait_s: float) -> list[Claim]:
        """Claim about *most* ready lanes, at least one of each stream. Waits for *wait_s*."""
        if not platforms:
            # No platform has started yet.
            await asyncio.sleep(min(wait_s, STARTING_S))
            return []
        ready = _streams(platforms)
        with store_errors():
            try:
                # The server applies the count to each stream.
                found = await self.entries.read(ready, max(1, most // len(ready)), wait_s)
            except ResponseError as error:
                await self._prepare_again(error, platforms)
                return []
        claims = []
        for stream, entries in found:
            claims += [one for entry in entries if (one := await self._claimed(stream, *entry))]
        return claims

    async def take_over(self, platforms: Sequence[str], most: int) -> list[Claim]:
        """Claim up to *most* lanes whose lease has run out."""
        claims: list[Claim] = []
        idle_ms = int(self.engine.lease_s * 1000)
        with store_errors():
            try:
                left = await self.entries.left_behind(_streams(platforms), idle_ms)
            except ResponseError as error:
                await self._prepare_again(error, platforms)
                return []
        for stream, first in left:
            if len(claims) >= most:
                break
            wanted = keys.GROUP, self.engine.worker, idle_ms, first, most - len(claims)
            with store_errors():
                _, entries, *_ = await self._redis.xautoclaim(stream, *wanted)
            name = stream.encode()
            claims += [one for entry in entries if (one := await self._claimed(name, *entry))]
        return claims

    async def waiting(self, platform: str, longer_than_s: float) -> list[Waiting]:
        """The conversations with one lane that no worker has claimed yet, the next one first."""
        return [
            Waiting(lane.conversation, place)
            for place, lane in await self.unclaimed(platform, longer_than_s, alone=True)
        ]

    async def unclaimed(
        self, platform: str, longer_than_s: float, *, alone: bool, most: int = MOST_IN_LINE
    ) -> list[tuple[int, Lane]]:
        """The first lanes of a ready stream that nobody has claimed, with their places in it."""
        stream = keys.ready(platform) if alone else keys.lanes(platform)
        with store_errors():
            groups: Any = await self._redis.xinfo_groups(stream)
            ours = [group for group in groups if group["name"] == keys.GROUP.encode()]
            last = ours[0]["last-delivered-id"].decode() if ours else "0-0"
            entries: Any = await self._redis.xrange(stream, f"({last}", "+", most)
            if not entries:
                return []
            seconds, micros = await at_home(self._redis, platform).time()
        now_ms = seconds * 1000 + micros / 1000
        # An entry from the future: the clock stepped back, and nobody knows how long it waits.
        recent_ms = (now_ms - longer_than_s * 1000, now_ms + 1000)
        return [
            (place, found[0])
            for place, (entry, fields) in enumerate(entries, 1)
            if not recent_ms[0] < int(entry.partition(b"-")[0]) <= recent_ms[1]
            and (found := lane_at(stream, fields))
        ]

    async def untold(self, conversation: ConversationId) -> Incoming | None:
        """The first mail of a private *conversation*, unless its sender was told to wait."""
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.lindex(keys.mail(conversation), 0)
                pipe.hexists(keys.state(conversation), "note")
                mail, has_placeholder = await pipe.execute()
        first = None if mail is None or has_placeholder else read_incoming(mail, "")
        return first if first is not None and first.private and not first.deleted else None

    async def keep_placeholder(self, incoming: Incoming, handle: str) -> bool:
        """Keep *handle*, the post that tells the sender of *incoming* to wait.

        False if the turn has begun, or another post already does that.
        """
        conversation = incoming.conversation
        with store_errors():
            kept = await self._keep_placeholder(
                keys=[keys.mail(conversation), keys.state(conversation)],
                args=[incoming.event_id, handle],
            )
        return bool(kept)

    async def _prepare_again(self, error: ResponseError, platforms: Sequence[str]) -> None:
        """Make the groups again: the store came back empty (a failover without data, a flush)."""
        if not has_no_group(error):
            raise error
        await self.prepare(platforms)

    async def _claimed(
        self, stream: bytes, entry: bytes, fields: Mapping[bytes, bytes] | None
    ) -> Claim | None:
        """The claim on the lane that *entry* names. An unreadable entry is dropped."""
        name = stream.decode()
        found = lane_at(name, fields or {})
        if found is None:
            set_aside("store.ready", "not an entry of ours")
            with store_errors():
                await self._redis.xack(name, keys.GROUP, entry)
                await self._redis.xdel(name, entry)
            return None
        return Claim(self.engine, name, entry.decode(), *found)


def _streams(platforms: Sequence[str]) -> list[str]:
    return [stream for platform in platforms for stream in streams(platform)]
