"""The claim: the lease on one lane, from taking its mail to the commit.

Every step is one script, which refuses whoever does not own the lease any more.
"""

import time
from collections.abc import Awaitable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import msgspec
from redis.commands.core import AsyncScript

from core.errors import LeaseLost
from core.messages import (
    ConversationId,
    Exchange,
    Incoming,
    Preferences,
    Spent,
    Summary,
    place_of,
    split_conversation,
)
from core.store import keys
from core.store.connection import store_errors
from core.store.engine import Engine
from core.store.lanes import Lane
from core.store.turns import Checkpoint, Turn, changes, read_spent, read_turn
from core.store.values import read_incoming, unreadable, words

LEASE_S = 6.0
"""A claim that was not renewed for this long is taken over."""
RENEW_S = 1.0
"""`core.turn.lease_renewer` renews it so often while the turn runs."""
STALE_S = 60
"""A turn that was neither renewed nor taken over for so long counts no more for its person."""
START = 3
FAILED = 1
"""What a start counts as a try until its end is known, and then: who ended the process, or kept it
from everything else, could not say so, and counts for three."""
LANE_S = 24 * 3600
"""For how long a lane in a group is known after its last turn: a commit may be said again."""
POSTS_S = 24 * 3600
"""For how long it is known which posts were held by a checkpoint."""
MOST_MAIL = 50
MOST_EXCHANGES = 5_000


class Claim:
    """The lease on *lane*, whose first mail is from *person*.

    Every method raises `StoreError`, and `LeaseLost` once the turn is another's: of a worker that
    took over, or of a new try because what was asked changed, or went elsewhere. `load` is only
    refused to who has lost the lane, and begins the turn that follows for who has not.
    """

    def __init__(self, engine: Engine, stream: str, entry: str, lane: Lane, person: str) -> None:
        self.lane = lane
        self.conversation = lane.conversation
        self.person = person
        self._engine = engine
        self._stream = stream
        self._entry = entry
        self._fence = 0
        self._began: Turn | None = None

    async def load(self, history_bytes: int, *, again: bool = False) -> Turn | None:
        """Begin the turn; *history_bytes* bounds how much history is read.

        *again*: the same try, to see what has come meanwhile.

        Returns:
            None when the person has as many answers running as one may have, or the place:
            the claim is gone, and the lane ready again when one of them ends.
        """
        engine = self._engine
        loaded = await self._step(
            engine.load,
            [
                *self.lane.own_keys,
                keys.crowd(split_conversation(self.conversation)[0]),
                *self.lane.shares(self.person),
                keys.state(self._place),
            ],
            [
                MOST_MAIL,
                history_bytes,
                0 if again else START,
                self.lane.name,
                self.person,
                STALE_S,
                engine.most_per_person if self.person else 0,
                engine.most_per_place if self.lane.person else 0,
                engine.ttl_s,
                self._slot,
            ],
        )
        self._fence = loaded[0]
        if not self._fence:
            return None
        mail, lane, history, state, place = loaded[1:]
        if self.conversation == self._place:
            place = (None, None)
        readable = await self._readable(mail)
        self._began = read_turn(readable, lane, history, state, place)
        return self._began

    async def _readable(self, mail: Sequence[bytes]) -> Sequence[Incoming]:
        """What of *mail* can be read; the rest is a dead letter, for somebody waits for it."""
        incomings = []
        for one in mail:
            incoming = read_incoming(one, "store.mail")
            if incoming is not None:
                incomings.append(incoming)
                continue
            letter = msgspec.json.encode(unreadable(one, "this mail cannot be read"))
            boxes = [keys.mail(self.lane.name), keys.DEAD]
            await self._step(self._engine.bury, boxes, [one, letter])
        return incomings

    async def behind(self, taken: int) -> Sequence[Incoming]:
        """The mail behind the *taken* first ones, without beginning anything."""
        with store_errors():
            mail = await cast(
                Awaitable[list[bytes]],
                self._engine.redis.lrange(keys.mail(self.lane.name), taken, taken + MOST_MAIL - 1),
            )
        return [one for each in mail if (one := read_incoming(each, "store.mail")) is not None]

    async def spent(self) -> tuple[Spent, Spent]:
        """What this conversation has cost so far (a place: with its threads), and its person."""
        with store_errors():
            here, by_person = await self._engine.spent(
                keys=[keys.spent(self.conversation), keys.spent(self.person)]
            )
        return read_spent(here), read_spent(by_person)

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
        """Keep the lease, and *checkpoint* with it.

        Returns:
            The event id whose answer is to stop, `*` for whichever it is, or an empty string.

        *new_posts* of the checkpoint are known from now on: see `unknown`.
        """
        stop = await self._step(
            self._engine.checkpoint,
            [
                keys.state(self.lane.name),
                keys.state(self.conversation),
                keys.running(self.person),
                keys.running(self._place),
                keys.posts(self.conversation),
            ],
            [
                self._fence,
                msgspec.json.encode(checkpoint) if checkpoint else "",
                POSTS_S,
                self._slot,
                *new_posts,
            ],
        )
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
        replaces: str = "",
        forget_all: bool = False,
        everywhere: bool = False,
        preferences: Preferences | None = None,
        summary: Summary | None = None,
        dead: str = "",
        spent: Mapping[str, Spent] = MappingProxyType({}),
    ) -> int:
        """End the turn: *taken* mails leave, *exchange* enters history at its end.

        Args:
            replaces: the event id of an exchange that leaves history first, if it is there still.
            forget_all: all exchanges leave history, and the summary with them.
            everywhere: in all threads of this place too.
            preferences: what holds here from now on, the place's included; what this turn did
                not change stays as others left it.
            summary: kept unless history was forgotten meanwhile, or summarised further.
            dead: why the mail could not be answered; it is then set aside, not dropped.
            spent: what the turn cost, by model; counted for the conversation and the person too.

        Returns:
            How much mail is left; the lane is ready again if any.
        """
        encode = msgspec.json.encode
        accounts = self._accounts(spent)
        changed = changes(self._began, preferences)
        left = await self._step(
            self._engine.commit,
            [
                *self.lane.own_keys,
                *self.lane.shares(self.person),
                keys.DEAD,
                *map(keys.spent, accounts),
            ],
            [
                self._fence,
                self.lane.name,
                self.person,
                taken,
                "*" if forget_all else encode(replaces) if replaces else "",
                self._engine.ttl_s,
                min(LANE_S, self._engine.ttl_s),
                MOST_EXCHANGES,
                encode(exchange) if exchange else "",
                dead,
                encode(list(accounts.values())),
                encode(changed) if changed else "",
                encode(summary) if summary else "",
                self._began.forgotten if self._began else "",
                str(time.time()) if everywhere else "",
                self._slot,
            ],
        )
        return cast(int, left)

    async def move(self, to: ConversationId, *, said: bool) -> None:
        """End the turn by making this lane be one of the conversation *to*.

        *said*: its first mail said that the conversation moved; else that is known already.
        """
        becomes = Lane(to, self.lane.person)
        await self._step(
            self._engine.move,
            [
                *self.lane.own_keys,
                *self.lane.shares(self.person),
                keys.mail(becomes.name),
                keys.state(to),
                keys.history(to),
            ],
            [self._fence, to, becomes.name, self._engine.ttl_s, self.person, int(said), self._slot],
        )

    async def release(self, *, at_once: bool = True) -> None:
        """Give the lane back as if its lease had run out, or, not *at_once*, to run out now."""
        idle_ms = int(self._engine.lease_s * 1000) + 1 if at_once else 0
        await self._step(self._engine.release, [keys.state(self.lane.name)], [idle_ms, START])

    async def failed(self) -> None:
        """Say that the turn ended in an error: it is done again when the lease has run out."""
        again = START - FAILED
        await self._step(self._engine.release, [keys.state(self.lane.name)], [0, again])

    @property
    def _slot(self) -> str:
        """What it is among those running; entries of the two streams may have the same name."""
        return self.lane.name if self.lane.person else self._entry

    @property
    def _place(self) -> ConversationId:
        return place_of(self.conversation)

    def _accounts(self, spent: Mapping[str, Spent]) -> Mapping[str, Spent]:
        """What each pays: conversation, place and person the whole, each model its own."""
        total = sum(spent.values(), Spent())
        whole = dict.fromkeys((self.conversation, self._place, self.person), total)
        return {**whole, **{f"model:{model}": cost for model, cost in spent.items()}}

    async def _step(
        self, script: AsyncScript, names: Sequence[str], args: Sequence[str | bytes | float]
    ) -> Any:
        """Run *script*, which is told first who we are, and answers None if that is refused."""
        owner = [keys.GROUP, self._engine.worker, self._entry]
        with store_errors():
            answer = await script(keys=[self._stream, *names], args=[*owner, *args])
        if answer is None:
            raise LeaseLost(self.lane.name)
        return answer
