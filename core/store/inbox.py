"""The durable inbox: what was accepted stays until the turn that answers it commits.

Each conversation has a mailbox; a conversation with mail stands once in the
ready stream of its platform. Reading that entry through the consumer group is
the lease on the conversation, `Claim.commit` its only end.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from core.errors import LeaseLost
from core.messages import ConversationId, Exchange, Incoming, Preferences, split_conversation
from core.store import keys
from core.store.connection import script, store_errors

Verdict = Literal["kept", "seen", "full", "stopping", "unasked"]

DEDUPE_S = 48 * 3600
"""Slack repeats an event for up to 24 h (delayed events), Telegram keeps updates for 24 h."""
LEASE_S = 6.0
"""A claim that was not renewed for this long is taken over."""
RENEW_S = 1.0
MOST_MAIL = 50
MOST_EXCHANGES = 5_000

_incoming = msgspec.json.Decoder(Incoming)
_exchange = msgspec.json.Decoder(Exchange)
_preferences = msgspec.json.Decoder(Preferences)


class Checkpoint(msgspec.Struct, frozen=True):
    """How far an answer has come.

    *pages* are the surfaces' handles in order; *done* says that *text* is whole
    and only the last showing of it, and the commit, are missing.
    """

    event_id: str
    text: str = ""
    pages: tuple[str, ...] = ()
    done: bool = False


_checkpoint = msgspec.json.Decoder(Checkpoint)


class Kept(msgspec.Struct, frozen=True):
    """What `put` did; *waiting* counts the mail that stood before this one."""

    verdict: Verdict
    waiting: int


class DeadLetter(msgspec.Struct, frozen=True):
    """A question that was set aside, and why."""

    reason: str
    mail: str

    @property
    def incoming(self) -> Incoming:
        return _incoming.decode(self.mail)


class Turn(msgspec.Struct, frozen=True):
    """All that a turn starts from."""

    mail: tuple[Incoming, ...]
    history: tuple[Exchange, ...]
    preferences: Preferences
    checkpoint: Checkpoint | None
    stop: str
    tries: int


class Inbox:
    """The mailboxes of all conversations. Every method raises `StoreError`."""

    def __init__(self, redis: Redis, worker: str, history_ttl_s: int, most_waiting: int) -> None:
        self.redis = redis
        self.worker = worker
        self.ttl_s = history_ttl_s
        self._most_waiting = most_waiting
        self.put_script = script(redis, "put")
        self.load_script = script(redis, "load")
        self.checkpoint_script = script(redis, "checkpoint")
        self.commit_script = script(redis, "commit")

    async def prepare(self, platforms: Sequence[str]) -> None:
        """Make sure that each platform's ready stream has its group of workers."""
        for platform in platforms:
            with store_errors():
                try:
                    await self.redis.xgroup_create(
                        keys.ready(platform), keys.GROUP, id="0", mkstream=True
                    )
                except ResponseError as error:
                    if "BUSYGROUP" not in str(error):
                        raise

    async def put(self, incoming: Incoming) -> Kept:
        """Keep *incoming*, unless it was kept before, nobody asked, or the mailbox is full."""
        conversation = incoming.conversation
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
                ],
            )
        return Kept(cast(Verdict, verdict.decode()), waiting)

    async def claim(self, platforms: Sequence[str], most: int, wait_s: float) -> list["Claim"]:
        """Up to *most* conversations that are ready, or none after *wait_s*."""
        if not platforms:
            await asyncio.sleep(wait_s)
            return []
        with store_errors():
            try:
                answer = await self.redis.xreadgroup(
                    keys.GROUP,
                    self.worker,
                    {keys.ready(platform): ">" for platform in platforms},
                    count=most,
                    block=int(wait_s * 1000) or None,
                )
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                # The store came back empty (a failover without its data, a flush).
                await self.prepare(platforms)
                return []
        # redis-py 8 gives a dict for RESP3 and a list for RESP2; its types know neither.
        streams: Any = answer.items() if isinstance(answer, dict) else (answer or ())
        claims = []
        for stream, groups in streams:
            entries = groups[0] if isinstance(answer, dict) else groups
            claims += [self._claimed(stream.decode(), *entry) for entry in entries]
        return claims

    async def take_over(self, platforms: Sequence[str], most: int) -> list["Claim"]:
        """Up to *most* conversations whose worker has not renewed its lease."""
        claims: list[Claim] = []
        for platform in platforms:
            if len(claims) >= most:
                break
            stream = keys.ready(platform)
            with store_errors():
                try:
                    _, entries, *_ = await self.redis.xautoclaim(
                        stream,
                        keys.GROUP,
                        self.worker,
                        min_idle_time=int(LEASE_S * 1000),
                        count=most - len(claims),
                    )
                except ResponseError as error:
                    if "NOGROUP" not in str(error):
                        raise
                    continue  # `claim` makes the group anew.
            claims += [self._claimed(stream, *entry) for entry in entries]
        return claims

    async def dead_letters(self) -> list["DeadLetter"]:
        """What could not be answered, oldest first."""
        with store_errors():
            letters = cast(list[bytes], await self.redis.lrange(keys.DEAD, 0, -1))
        return [msgspec.json.decode(letter, type=DeadLetter) for letter in letters]

    async def requeue(self) -> int:
        """Put dead letters back, oldest first, until a mailbox is full; returns how many."""
        count = 0
        while True:
            with store_errors():
                letter = cast(bytes | None, await self.redis.lindex(keys.DEAD, 0))
            if letter is None:
                return count
            incoming = msgspec.json.decode(letter, type=DeadLetter).incoming
            with store_errors():
                await self.redis.delete(keys.seen(incoming.event_id))
            kept = await self.put(msgspec.structs.replace(incoming, address="direct"))
            if kept.verdict == "full":
                return count
            # Last: a crash in between puts it back twice, and the event id keeps it once.
            with store_errors():
                await self.redis.lrem(keys.DEAD, 1, letter.decode())
            count += 1

    def _claimed(self, stream: str, entry: bytes, fields: Mapping[bytes, bytes]) -> "Claim":
        return Claim(self, stream, entry.decode(), ConversationId(fields[b"c"].decode()))


class Claim:
    """The lease on one conversation, from `Inbox.claim` or `Inbox.take_over`.

    Every method raises `LeaseLost` once another worker owns the conversation.
    """

    def __init__(self, inbox: Inbox, stream: str, entry: str, conversation: ConversationId) -> None:
        self.conversation = conversation
        self.entry = entry
        self._inbox = inbox
        self._stream = stream
        self._fence = 0

    async def load(self, history_bytes: int, *, again: bool = False) -> Turn:
        """Begin the turn; *history_bytes* bounds how much history is read.

        *again*: the same try, to see what has come meanwhile.
        """
        with store_errors():
            loaded = await self._inbox.load_script(
                keys=[self._stream, *self._keys()],
                args=[*self._owner(), MOST_MAIL, history_bytes, int(not again)],
            )
        if loaded is None:
            raise LeaseLost(self.conversation)
        self._fence, mail, flat, history = loaded
        state = dict(zip(flat[::2], flat[1::2], strict=True))
        mails = tuple(_incoming.decode(one) for one in mail)
        checkpoint = _checkpoint.decode(state[b"checkpoint"]) if b"checkpoint" in state else None
        return Turn(
            mail=mails,
            history=tuple(_exchange.decode(one) for one in history),
            preferences=_preferences.decode(state.get(b"preferences", b"{}")),
            checkpoint=checkpoint,
            stop=state.get(b"stop", b"").decode(),
            tries=int(state[b"tries"]),
        )

    async def renew(self, checkpoint: Checkpoint | None = None) -> str:
        """Keep the lease, and *checkpoint* with it; returns the event id to stop, or empty."""
        with store_errors():
            stop = await self._inbox.checkpoint_script(
                keys=[self._stream, keys.state(self.conversation)],
                args=[
                    *self._owner(),
                    self._fence,
                    msgspec.json.encode(checkpoint) if checkpoint else "",
                ],
            )
        if stop is None:
            raise LeaseLost(self.conversation)
        return cast(bytes, stop).decode()

    async def commit(
        self,
        taken: int,
        exchange: Exchange | None,
        *,
        forget: int = 0,
        preferences: Preferences | None = None,
        dead: str = "",
    ) -> int:
        """End the turn: *taken* mails leave, *exchange* enters history.

        Args:
            forget: how many exchanges leave the end of history first; -1: all.
            dead: why the mail could not be answered; it is then set aside, not dropped.

        Returns:
            How much mail is left; the conversation is ready again if any.
        """
        changes: list[str | bytes] = []
        if preferences is not None:
            changes = ["preferences", msgspec.json.encode(preferences)]
        with store_errors():
            left = await self._inbox.commit_script(
                keys=[self._stream, *self._keys(), keys.DEAD],
                args=[
                    *self._owner(),
                    self._fence,
                    self.conversation,
                    taken,
                    forget,
                    self._inbox.ttl_s,
                    MOST_EXCHANGES,
                    msgspec.json.encode(exchange) if exchange else "",
                    dead,
                    *changes,
                ],
            )
        if left is None:
            raise LeaseLost(self.conversation)
        return cast(int, left)

    async def release(self) -> None:
        """Give the conversation back at once, as if its lease had run out."""
        inbox = self._inbox
        with store_errors():
            await inbox.redis.xclaim(
                self._stream,
                keys.GROUP,
                inbox.worker,
                min_idle_time=0,
                message_ids=[self.entry],
                idle=int(LEASE_S * 1000) + 1,
                justid=True,
            )

    def _keys(self) -> list[str]:
        c = self.conversation
        return [keys.mail(c), keys.state(c), keys.history(c)]

    def _owner(self) -> list[str]:
        return [keys.GROUP, self._inbox.worker, self.entry]
