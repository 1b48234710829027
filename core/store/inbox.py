"""The durable inbox: what was accepted stays until the turn that answers it commits.

Each conversation has a mailbox; a conversation with mail stands once in the
ready stream of its platform. Reading that entry through the consumer group is
the lease on the conversation, `Claim.commit` its only end.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from core.border import set_aside
from core.messages import ConversationId, Incoming, place_of, split_conversation
from core.store import keys
from core.store.claim import LEASE_S, Claim, Engine, preferences
from core.store.connection import script, store_errors
from core.store.values import (
    DeadLetter,
    is_conversation,
    is_wrong_type,
    put_aside,
    read_dead_letter,
    read_incoming,
    words,
)

Verdict = Literal["kept", "seen", "full", "stopping", "unasked"]

DEDUPE_S = 48 * 3600
"""Slack repeats an event for up to 24 h (delayed events), Telegram keeps updates for 24 h."""
MOST_IN_LINE = 10_000
MOST_RECENT = 1_000
"""So many threads of a place are remembered, for what is said to all of them at once."""


class Kept(msgspec.Struct, frozen=True):
    """What `put` did; *waiting* counts the mail that stood before this one."""

    verdict: Verdict
    waiting: int


class Heard(NamedTuple):
    """Who else spoke in a thread, and what its place chose to *follow*."""

    others: Sequence[str]
    follow: str


class Waiting(msgspec.Struct, frozen=True):
    """A conversation in line, *place* 1 being the next."""

    conversation: ConversationId
    place: int


class Inbox:
    """The mailboxes of all conversations. Every method raises `StoreError`.

    Args:
        worker: our name, different in every process.
        most_waiting: how much mail one conversation may have.
        most_per_person: how many answers may run for one person, of all workers; 0: any.
    """

    def __init__(
        self,
        redis: Redis,
        worker: str,
        *,
        history_ttl_s: int,
        most_waiting: int,
        most_per_person: int = 0,
        lease_s: float = LEASE_S,
    ) -> None:
        self._redis = redis
        self._most_waiting = most_waiting
        self.put_script = script(redis, "put")
        self._note = script(redis, "note")
        self.engine = Engine(
            redis=redis,
            worker=worker,
            ttl_s=history_ttl_s,
            most_per_person=most_per_person,
            lease_s=lease_s,
            load=script(redis, "load"),
            checkpoint=script(redis, "checkpoint"),
            commit=script(redis, "commit"),
            move=script(redis, "move"),
            bury=script(redis, "bury"),
            release=script(redis, "release"),
            spent=script(redis, "spent"),
        )

    async def prepare(self, platforms: Sequence[str]) -> None:
        """Make sure that each platform's ready stream has its group of workers."""
        for platform in platforms:
            with store_errors():
                try:
                    await self._redis.xgroup_create(
                        keys.ready(platform), keys.GROUP, id="0", mkstream=True
                    )
                except ResponseError as error:
                    if "BUSYGROUP" not in str(error):
                        raise

    async def put(self, incoming: Incoming) -> Kept:
        """Keep *incoming*, unless it was kept before, nobody asked, or the mailbox is full."""
        conversation = incoming.conversation
        if incoming.same and not await self._first_of(incoming):
            return Kept("seen", 0)
        with store_errors():
            verdict, waiting = await self.put_script(
                keys=[
                    keys.seen(incoming.event_id),
                    keys.mail(conversation),
                    keys.ready(split_conversation(conversation)[0]),
                    keys.state(conversation),
                ],
                args=[
                    msgspec.json.encode(incoming),
                    conversation,
                    DEDUPE_S,
                    self._most_waiting,
                    int(incoming.address == "direct"),
                    int(incoming.command == "stop"),
                    keys.CONTROL,
                    incoming.sender.id,
                ],
            )
        kept = Kept(cast(Verdict, verdict.decode()), waiting)
        if conversation != place_of(conversation) and kept.verdict in ("kept", "seen"):
            await self._note_recent(incoming)
        return kept

    async def _first_of(self, incoming: Incoming) -> bool:
        """Whether *incoming* is the one that its second name was first heard with."""
        name, this = keys.seen(incoming.same), incoming.event_id.encode()
        with store_errors():
            if await self._redis.set(name, this, nx=True, ex=DEDUPE_S):
                return True
            return bool(await self._redis.get(name) == this)

    async def hear(self, incoming: Incoming) -> Heard | None:
        """Note that its sender spoke in a thread we answer in; None: we do not, there."""
        thread, place = incoming.conversation, place_of(incoming.conversation)
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.exists(keys.state(thread))
                pipe.hgetall(keys.speakers(thread))
                pipe.hget(keys.state(thread), "preferences")
                pipe.hget(keys.state(place), "preferences")
                known, speakers, own, of_place = await pipe.execute()
            if not known and incoming.address == "thread":
                return None
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hset(keys.speakers(thread), incoming.sender.id, incoming.sender.name)
                pipe.expire(keys.speakers(thread), self.engine.ttl_s)
                await pipe.execute()
        others = tuple(
            name.decode() for who, name in speakers.items() if who.decode() != incoming.sender.id
        )
        return Heard(others, preferences(own, preferences(of_place)).follow)

    async def _note_recent(self, incoming: Incoming) -> None:
        name = keys.recent(place_of(incoming.conversation))
        spoke = f"{incoming.conversation} {incoming.sender.id}"
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zadd(name, {spoke: time.time()})
                pipe.zremrangebyrank(name, 0, -MOST_RECENT - 1)
                pipe.expire(name, self.engine.ttl_s)
                await pipe.execute()

    async def recent(self, place: ConversationId, person: str = "") -> list[ConversationId]:
        """The threads of *place* in which *person* (empty: anybody) spoke with us, newest first."""
        with store_errors():
            found = cast(list[bytes], await self._redis.zrevrange(keys.recent(place), 0, -1))
        spoke = (words(one).rpartition(" ") for one in found)
        threads = (
            ConversationId(thread)
            for thread, _, who in spoke
            if person in ("", who) and is_conversation(thread)
        )
        return list(dict.fromkeys(threads))

    async def answering(self, place: ConversationId, person: str = "") -> list[ConversationId]:
        """Those of `recent` where a question of *person* is being answered, or is next."""
        threads = await self.recent(place, person)
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for thread in threads:
                    pipe.lindex(keys.mail(thread), 0)
                first = await pipe.execute()
        return [
            thread
            for thread, mail in zip(threads, first, strict=True)
            if mail is not None
            and (incoming := read_incoming(mail, "")) is not None
            and person in ("", incoming.sender.id)
        ]

    async def note_move(self, place: ConversationId, to: ConversationId) -> None:
        """Remember for good that *place*, which the operator listed, is *to* now."""
        with store_errors():
            await self._redis.set(keys.moved(to), place)

    async def moved_from(self, place: ConversationId) -> ConversationId:
        """Where *place* was before it moved; empty: nowhere."""
        with store_errors():
            before = cast(bytes | None, await self._redis.get(keys.moved(place)))
        return ConversationId((before or b"").decode())

    async def claim(self, platforms: Sequence[str], most: int, wait_s: float) -> list[Claim]:
        """Up to *most* conversations that are ready, or none after *wait_s*."""
        if not platforms:
            await asyncio.sleep(wait_s)
            return []
        with store_errors():
            try:
                answer = await self._redis.xreadgroup(
                    keys.GROUP,
                    self.engine.worker,
                    {keys.ready(platform): ">" for platform in platforms},
                    count=most,
                    block=int(wait_s * 1000) or None,
                )
            except ResponseError as error:
                await self._prepare_again(error, platforms)
                return []
        # redis-py 8 gives a dict for RESP3 and a list for RESP2; its types know neither.
        streams: Any = answer.items() if isinstance(answer, dict) else (answer or ())
        claims = []
        for stream, groups in streams:
            entries = groups[0] if isinstance(answer, dict) else groups
            claims += [one for entry in entries if (one := await self._claimed(stream, *entry))]
        return claims

    async def take_over(self, platforms: Sequence[str], most: int) -> list[Claim]:
        """Up to *most* conversations whose worker has not renewed its lease."""
        claims: list[Claim] = []
        for platform in platforms:
            if len(claims) >= most:
                break
            stream = keys.ready(platform)
            with store_errors():
                try:
                    _, entries, *_ = await self._redis.xautoclaim(
                        stream,
                        keys.GROUP,
                        self.engine.worker,
                        min_idle_time=int(self.engine.lease_s * 1000),
                        count=most - len(claims),
                    )
                except ResponseError as error:
                    await self._prepare_again(error, platforms)
                    continue
            name = stream.encode()
            claims += [one for entry in entries if (one := await self._claimed(name, *entry))]
        return claims

    async def dead_letters(self) -> list[DeadLetter]:
        """What could not be answered, oldest first."""
        with store_errors():
            letters = cast(list[bytes], await self._redis.lrange(keys.DEAD, 0, -1))
        return [read_dead_letter(letter) for letter in letters]

    async def requeue(self) -> int:
        """Put dead letters back, oldest first, until a mailbox is full; returns how many.

        What cannot be read stays where it is.
        """
        count = left = 0
        while True:
            with store_errors():
                letter = cast(bytes | None, await self._redis.lindex(keys.DEAD, left))
            if letter is None:
                return count
            incoming = read_dead_letter(letter).incoming
            if incoming is None:
                left += 1
                continue
            with store_errors():
                await self._redis.delete(keys.seen(incoming.event_id))
            kept = await self.put(msgspec.structs.replace(incoming, address="direct"))
            if kept.verdict == "full":
                return count
            # Last: a crash in between puts it back twice, and the event id keeps it once.
            with store_errors():
                await self._redis.lrem(keys.DEAD, 1, cast(str, letter))
            count += 1

    async def waiting(self, platform: str, longer_than_s: float) -> list[Waiting]:
        """The conversations that no worker has claimed yet, first in line first."""
        stream = keys.ready(platform)
        with store_errors():
            groups: Any = await self._redis.xinfo_groups(stream)
            ours = [group for group in groups if group["name"] == keys.GROUP.encode()]
            last = ours[0]["last-delivered-id"].decode() if ours else "0-0"
            entries: Any = await self._redis.xrange(stream, f"({last}", "+", MOST_IN_LINE)
            seconds, micros = await self._redis.time()
        now_ms = seconds * 1000 + micros / 1000
        # Later than now: the clock stepped back since, and nobody knows how long they wait.
        told_ms = (now_ms - longer_than_s * 1000, now_ms + 1000)
        return [
            Waiting(conversation, place)
            for place, (entry, fields) in enumerate(entries, 1)
            if not told_ms[0] < int(entry.partition(b"-")[0]) <= told_ms[1]
            and (conversation := _conversation(stream, fields))
        ]

    async def untold(self, conversation: ConversationId) -> Incoming | None:
        """The first mail of *conversation*, unless it was told to wait already."""
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.lindex(keys.mail(conversation), 0)
                pipe.hexists(keys.state(conversation), "note")
                mail, told = await pipe.execute()
        return None if mail is None or told else read_incoming(mail, "")

    async def note(self, incoming: Incoming, handle: str) -> bool:
        """Keep *handle*, the post that told *incoming* to wait.

        False when its turn has begun, or another post tells it.
        """
        conversation = incoming.conversation
        with store_errors():
            kept = await self._note(
                keys=[keys.mail(conversation), keys.state(conversation)],
                args=[incoming.event_id, handle],
            )
        return bool(kept)

    async def _prepare_again(self, error: ResponseError, platforms: Sequence[str]) -> None:
        """Make the groups anew: the store came back empty (a failover without data, a flush)."""
        if is_wrong_type(error):
            await put_aside(self._redis, map(keys.ready, platforms))
        elif "NOGROUP" not in str(error):
            raise error
        await self.prepare(platforms)

    async def _claimed(
        self, stream: bytes, entry: bytes, fields: Mapping[bytes, bytes] | None
    ) -> Claim | None:
        """The claim on what *entry* names; an entry that names nothing of ours is dropped."""
        name = stream.decode()
        conversation = _conversation(name, fields or {})
        if conversation is None:
            set_aside("store.ready", "not an entry of ours")
            with store_errors():
                await self._redis.xack(name, keys.GROUP, entry)
                await self._redis.xdel(name, entry)
            return None
        # A version before this one wrote no person.
        person = words(fields.get(b"p")) if fields else ""
        return Claim(self.engine, name, entry.decode(), conversation, person)


def _conversation(stream: str, fields: Mapping[bytes, bytes]) -> ConversationId | None:
    """What an entry of *stream* names, if it is a conversation of that platform."""
    try:
        conversation = ConversationId(fields[b"c"].decode())
    except (KeyError, UnicodeDecodeError):
        return None
    if not is_conversation(conversation):
        return None
    return conversation if keys.ready(split_conversation(conversation)[0]) == stream else None
