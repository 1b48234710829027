"""The claim: the lease on one conversation, from taking its mail to the commit.

Every step is one script, which refuses whoever does not own the lease any more.
"""

import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

import msgspec
from msgspec.structs import asdict
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from core.border import set_aside
from core.errors import LeaseLost
from core.messages import (
    ConversationId,
    Exchange,
    Incoming,
    Preferences,
    Spent,
    Summary,
    place_of,
)
from core.store import keys
from core.store.connection import store_errors
from core.store.values import number, read, read_incoming, unreadable, words

LEASE_S = 6.0
"""A claim that was not renewed for this long is taken over."""
RENEW_S = 1.0
STALE_S = 60
"""A turn that was neither renewed nor taken over for so long counts no more for its person."""
START = 3
FAILED = 1
"""What a start counts as a try until its end is known, and then: who ended the process, or kept it
from everything else, could not say so, and counts for three."""
POSTS_S = 24 * 3600
"""For how long it is known which posts were held by a checkpoint."""
MOST_MAIL = 50
MOST_EXCHANGES = 5_000

_exchange = msgspec.json.Decoder(Exchange)
_chosen = msgspec.json.Decoder(dict[str, Any])
_summary = msgspec.json.Decoder(Summary)


class Checkpoint(msgspec.Struct, frozen=True):
    """How far an answer has come.

    *pages* are the surfaces' handles in order, *picture* that of an unfinished picture; *done*
    says that *text* is whole and only the last showing of it, and the commit, are missing.
    """

    event_id: str
    text: str = ""
    pages: tuple[str, ...] = ()
    done: bool = False
    picture: str = ""

    @property
    def posts(self) -> tuple[str, ...]:
        """Whatever stands on the screen already."""
        return (*self.pages, self.picture) if self.picture else self.pages


_checkpoint = msgspec.json.Decoder(Checkpoint)


class Turn(msgspec.Struct, frozen=True):
    """All that a turn starts from; *note* is the post that told the person to wait.

    *tries* counts the starts, this one too, as `START` and `FAILED` weigh them.
    """

    mail: tuple[Incoming, ...]
    history: tuple[Exchange, ...]
    preferences: Preferences
    checkpoint: Checkpoint | None
    stop: str
    tries: int
    note: str = ""
    summary: Summary = Summary()


@dataclass(frozen=True, slots=True)
class Engine:
    """What all claims of one worker share: the scripts, and the bounds."""

    redis: Redis
    worker: str
    ttl_s: int
    most_per_person: int
    lease_s: float
    load: AsyncScript
    checkpoint: AsyncScript
    commit: AsyncScript
    move: AsyncScript
    bury: AsyncScript
    release: AsyncScript
    spent: AsyncScript


class Claim:
    """The lease on *conversation*, whose first mail is from *person*.

    Every method raises `StoreError`, and `LeaseLost` once another worker owns the conversation.
    """

    def __init__(
        self, engine: Engine, stream: str, entry: str, conversation: ConversationId, person: str
    ) -> None:
        self.conversation = conversation
        self.person = person
        self._engine = engine
        self._stream = stream
        self._entry = entry
        self._fence = 0
        self._place = Preferences()
        self._readable: list[bool] = []
        """Of each exchange that was loaded, whether it could be read."""

    async def load(self, history_bytes: int, *, again: bool = False) -> Turn | None:
        """Begin the turn; *history_bytes* bounds how much history is read.

        *again*: the same try, to see what has come meanwhile.

        Returns:
            None when the person has as many answers running as one may have: the claim
            is gone, and the conversation ready again when one of them ends.
        """
        most = self._engine.most_per_person if self.person else 0
        with store_errors():
            loaded = await self._engine.load(
                keys=[self._stream, *self._keys(), *self._persons(), keys.state(self._of_place)],
                args=[
                    *self._owner(),
                    MOST_MAIL,
                    history_bytes,
                    0 if again else START,
                    self.conversation,
                    most,
                    STALE_S,
                    self._engine.ttl_s,
                ],
            )
        if loaded is None:
            raise LeaseLost(self.conversation)
        self._fence = loaded[0]
        if not self._fence:
            return None
        _, mail, flat, history, (chosen, fresh) = loaded
        state = dict(_pairs(flat))
        if self.conversation != self._of_place:
            self._place = preferences(chosen)
        since = number(fresh)
        exchanges = [read(_exchange, one, "store.history") for one in history]
        self._readable = [exchange is not None for exchange in exchanges]
        saved = state.get(b"checkpoint")
        summary = read(_summary, state.get(b"summary", b"{}"), "store.summary") or Summary()
        return Turn(
            mail=await self._readable_mail(mail),
            history=tuple(one for one in exchanges if one is not None and one.at >= since),
            preferences=preferences(state.get(b"preferences"), self._place),
            checkpoint=read(_checkpoint, saved, "store.checkpoint") if saved else None,
            stop=words(state.get(b"stop")),
            tries=int(number(state.get(b"tries"))),
            note=words(state.get(b"note")),
            summary=summary if summary.until >= since else Summary(),
        )

    async def _readable_mail(self, mail: Sequence[bytes]) -> tuple[Incoming, ...]:
        """What of *mail* can be read; the rest is a dead letter, for somebody waits for it."""
        incomings = []
        for one in mail:
            incoming = read_incoming(one, "store.mail")
            if incoming is not None:
                incomings.append(incoming)
                continue
            letter = msgspec.json.encode(unreadable(one, "this mail cannot be read"))
            with store_errors():
                buried = await self._engine.bury(
                    keys=[self._stream, keys.mail(self.conversation), keys.DEAD],
                    args=[*self._owner(), one, letter],
                )
            if buried is None:
                raise LeaseLost(self.conversation)
        return tuple(incomings)

    def _raw(self, forget: int) -> int:
        """How many exchanges of the store hold the last *forget* that can be read."""
        raw = 0
        for readable in reversed(self._readable):
            if forget <= 0:
                break
            raw += 1
            forget -= readable
        return raw + forget if forget > 0 else raw

    async def behind(self) -> Incoming | None:
        """The mail behind the first one, without beginning anything; None where there is none."""
        with store_errors():
            mail = await cast(
                Awaitable[bytes | None],
                self._engine.redis.lindex(keys.mail(self.conversation), 1),
            )
        return read_incoming(mail, "store.mail") if mail else None

    async def spent(self) -> tuple[Spent, Spent]:
        """What this conversation has cost so far (a place: with its threads), and its person."""
        with store_errors():
            here, by_person = await self._engine.spent(
                keys=[keys.spent(self.conversation), keys.spent(self.person)]
            )
        return _spent(here), _spent(by_person)

    async def rate(self, event_id: str, verdict: str) -> None:
        """Keep with the exchange of *event_id* what somebody thought of its answer."""
        name = keys.ratings(self.conversation)
        with store_errors():
            async with self._engine.redis.pipeline(transaction=True) as pipe:
                pipe.hset(name, event_id, verdict)
                pipe.expire(name, self._engine.ttl_s)
                await pipe.execute()

    async def renew(
        self, checkpoint: Checkpoint | None = None, new_posts: Sequence[str] = ()
    ) -> str:
        """Keep the lease, and *checkpoint* with it; returns the event id to stop, or empty.

        *new_posts* of the checkpoint are known from now on: see `unknown`.
        """
        with store_errors():
            stop = await self._engine.checkpoint(
                keys=[
                    self._stream,
                    keys.state(self.conversation),
                    keys.running(self.person),
                    keys.posts(self.conversation),
                ],
                args=[
                    *self._owner(),
                    self._fence,
                    msgspec.json.encode(checkpoint) if checkpoint else "",
                    POSTS_S,
                    *new_posts,
                ],
            )
        if stop is None:
            raise LeaseLost(self.conversation)
        return words(cast(bytes, stop))

    async def unknown(self, posts: Sequence[str]) -> list[str]:
        """Those of *posts* that no checkpoint ever held, whoever has the lease now."""
        with store_errors():
            known = await cast(
                Awaitable[list[int]],
                self._engine.redis.smismember(keys.posts(self.conversation), list(posts)),
            )
        return [post for post, is_known in zip(posts, known, strict=True) if not is_known]

    async def commit(
        self,
        taken: int,
        exchange: Exchange | None,
        *,
        forget: int = 0,
        everywhere: bool = False,
        preferences: Preferences | None = None,
        summary: Summary | None = None,
        dead: str = "",
        spent: Mapping[str, Spent] = MappingProxyType({}),
    ) -> int:
        """End the turn: *taken* mails leave, *exchange* enters history.

        Args:
            forget: how many exchanges leave the end of history first; -1: all.
            everywhere: in all threads of this place too.
            preferences: what holds here from now on, the place's included.
            dead: why the mail could not be answered; it is then set aside, not dropped.
            spent: what the turn cost, by model; counted for the conversation and the person too.

        Returns:
            How much mail is left; the conversation is ready again if any.
        """
        changes: list[str | bytes] = []
        if preferences is not None:
            chosen = asdict(preferences).items()
            own = {name: value for name, value in chosen if value != getattr(self._place, name)}
            changes += ["preferences", msgspec.json.encode(own)]
        if everywhere:
            changes += ["fresh", str(time.time())]
        if summary is not None:
            changes += ["summary", msgspec.json.encode(summary)]
        total = sum(spent.values(), Spent())
        payers = {self.conversation: 0, self._of_place: 0, self.person: 0}
        with store_errors():
            left = await self._engine.commit(
                keys=[
                    self._stream,
                    *self._keys(),
                    keys.DEAD,
                    *self._persons(),
                    *map(keys.spent, payers),
                    *(keys.spent(f"model:{model}") for model in spent),
                ],
                args=[
                    *self._owner(),
                    self._fence,
                    self.conversation,
                    taken,
                    forget if forget < 0 else self._raw(forget),
                    self._engine.ttl_s,
                    MOST_EXCHANGES,
                    msgspec.json.encode(exchange) if exchange else "",
                    dead,
                    self.person,
                    msgspec.json.encode([*(total for _ in payers), *spent.values()]),
                    *changes,
                ],
            )
        if left is None:
            raise LeaseLost(self.conversation)
        return cast(int, left)

    async def move(self, to: ConversationId) -> None:
        """End the turn, whose only mail said it, by making this conversation be *to*."""
        with store_errors():
            moved = await self._engine.move(
                keys=[
                    self._stream,
                    *self._keys(),
                    *self._persons(),
                    keys.mail(to),
                    keys.state(to),
                    keys.history(to),
                ],
                args=[*self._owner(), self._fence, to, self._engine.ttl_s, self.person],
            )
        if moved is None:
            raise LeaseLost(self.conversation)

    async def release(self) -> None:
        """Give the conversation back at once, as if its lease had run out."""
        with store_errors():
            await self._engine.release(
                keys=[self._stream, keys.state(self.conversation)],
                args=[*self._owner(), int(self._engine.lease_s * 1000) + 1, START],
            )

    async def failed(self) -> None:
        """Say that the turn ended in an error: it is done again when the lease has run out."""
        with store_errors():
            await self._engine.release(
                keys=[self._stream, keys.state(self.conversation)],
                args=[*self._owner(), 0, START - FAILED],
            )

    @property
    def _of_place(self) -> ConversationId:
        return place_of(self.conversation)

    def _keys(self) -> list[str]:
        c = self.conversation
        return [keys.mail(c), keys.state(c), keys.history(c)]

    def _persons(self) -> list[str]:
        return [keys.running(self.person), keys.parked(self.person)]

    def _owner(self) -> list[str]:
        return [keys.GROUP, self._engine.worker, self._entry]


def preferences(own: bytes | None, place: Preferences | None = None) -> Preferences:
    """What holds where *own* was chosen, in *place*: what was not chosen is the place's."""
    shared = place or Preferences()
    chosen = read(_chosen, own or b"{}", "store.preferences") or {}
    try:
        return msgspec.convert({**asdict(shared), **chosen}, Preferences)
    except msgspec.ValidationError as error:
        set_aside("store.preferences", error)
        return shared


def _spent(flat: Sequence[bytes]) -> Spent:
    numbers = {words(name): number(value) for name, value in _pairs(flat)}
    return msgspec.convert(numbers, Spent, strict=False)


def _pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)
