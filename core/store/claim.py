"""The claim: one worker's right to run the next turn of one lane.

Why one turn at a time: a second question may follow from the first answer, so that answer must be
in history before the second turn begins. The commit ends a turn: one step removes the mail and adds
the exchange. The right is a lease. The worker renews it every `RENEW_S`, and each renewal saves the
checkpoint (how far the answer has come). A lease that was not renewed for `LEASE_S` runs out. Then
another worker takes the lane over and goes on from the checkpoint.

Why the fence: a worker may freeze for longer than its lease, wake up, and still believe that it has
the lane. So `load` raises the lane's fence, and each later step of the turn names the number. For
example, worker A loads with fence 7 and freezes. Worker B takes over and loads with fence 8. A
wakes up and commits with 7: refused (`LeaseLost`). Only B's answer enters history. Each step is one
Lua script, so nothing can happen between its check and its change.
"""

import time
from collections.abc import Sequence
from typing import Any, Unpack, cast

import msgspec
from msgspec.structs import replace
from redis.commands.core import AsyncScript

from core.errors import LeaseLost
from core.messages import (
    ConversationId,
    Exchange,
    Incoming,
    Sender,
    place_of,
)
from core.people.budgets import Account, fields_of
from core.people.roles import tenant_of
from core.store import keys
from core.store.accounts import Refused, bill_of, entries, key_of, read_hold, read_limits
from core.store.connection import store_errors
from core.store.consents import Consents
from core.store.engine import MOST_EXCHANGES, Engine
from core.store.lanes import LANE_S, Lane
from core.store.layers import tenant_conversation, to_keep
from core.store.ledger import MOST_MAIL, POSTS_S, Ledger
from core.store.past import Past
from core.store.turns import Checkpoint, Ending, Turn, changes, exchange_in, read_turn, retention_s
from core.store.values import read_incoming, unreadable, words
from core.tenant_names import home_tenant

LEASE_S = 6.0
"""How long a lease lasts after its last renewal."""
RENEW_S = 2.0
"""`core.turn.lease_renewer` renews it so often while the turn runs."""
STALE_S = 60
"""After this long without a renewal, a turn no longer counts as one that runs for its person."""
SLOT_S = STALE_S / 4
"""So often a renewal tells that too."""
START = 3
FAILED = 1
"""How many tries a start counts as: `START` at first, `FAILED` once the turn reports an error. A
turn that kills or blocks its process cannot report: its start stays at `START`."""


class Claim:
    """The lease on *lane*, whose first mail is from *person*. Every method raises `StoreError`.

    It is `LeaseLost` when the turn is no longer the current one: another worker took over, the
    question was edited or taken back, or the chat moved. Only `load` may then begin a new turn, and
    it is refused only if another worker has the lane.
    """

    def __init__(self, engine: Engine, stream: str, entry: str, lane: Lane, person: str) -> None:
        self.lane, self.conversation, self.person = lane, lane.conversation, person
        self.ledger = Ledger(engine, lane.conversation, person)
        self.past, self.consents = Past(engine, lane.conversation), Consents(engine.redis)
        self.memories, self.places = engine.memories, engine.places
        self.archive, self.eraser = engine.archive, engine.eraser
        self._engine, self._stream, self._entry = engine, stream, entry
        self._fence = 0
        self._began: Turn | None = None
        self._held: set[str] = set()
        self._slot_at = 0.0
        self.near: Sequence[Account] = ()  # Budgets that the commit brought near their limit.
        self.more = 0  # How much mail had come since the turn began, at the last look.

    async def load(self, history_bytes: int, *, again: bool = False) -> Turn | None:
        """Begin the turn with about *history_bytes* of history.

        *again*: this belongs to the same try, and only looks for new mail. None means that the
        person or the place has as many answers running as allowed. Then the claim is gone, and the
        lane becomes ready again when one of those answers ends.
        """
        engine = self._engine
        loaded = await self._step(
            engine.load,
            [
                *self.lane.own_keys,
                keys.crowd(home_tenant(self.conversation)),
                *self.lane.shares(self.person),
                keys.state(self._place),
                keys.limits(self._tenant),
                keys.holds(self._tenant),
                keys.state(tenant_conversation(self.conversation)),
                keys.memory(self.person),
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
                *fields_of(self.conversation, self.person),
            ],
        )
        self._fence, self._slot_at = loaded[0], time.monotonic()
        if not self._fence:
            return None
        mail, *read, limits, hold, before = loaded[1:]
        self.more = 0
        in_thread = self.conversation != self._place
        began = read_turn(await self._readable(mail), *read, in_thread=in_thread)
        limit, held, reworded = read_limits(limits), read_hold(hold), exchange_in(before)
        self._began = replace(began, limits=limit, held=held, reworded=reworded)
        self._held.update(self._began.held)
        return self._began

    async def _readable(self, mail: Sequence[bytes]) -> Sequence[Incoming]:
        """The readable part of *mail*. The rest becomes dead letters, because somebody waits."""
        incomings = []
        for raw in mail:
            incoming = read_incoming(raw, "store.mail")
            if incoming is not None:
                incomings.append(incoming)
                continue
            note = msgspec.json.encode(unreadable(raw, "this mail cannot be read"))
            await self._step(self._engine.bury, [keys.mail(self.lane.name), keys.DEAD], [raw, note])
        return incomings

    async def renew(
        self, checkpoint: Checkpoint | None = None, new_posts: Sequence[str] = ()
    ) -> str:
        """Renew the lease, and save *checkpoint*. `Ledger.unknown` then knows *new_posts*.

        Returns the event id of the answer that must stop, `*` for any, or an empty string.
        """
        saved = msgspec.json.encode(checkpoint) if checkpoint else ""
        slot = time.monotonic() - self._slot_at > SLOT_S
        stop, self.more = await self._step(
            self._engine.checkpoint,
            [
                keys.state(self.lane.name),
                keys.state(self.conversation),
                keys.running(self.person),
                keys.running(self._place),
                keys.posts(self.conversation),
                self.lane.askers,
            ],
            [self._fence, saved, POSTS_S, self._slot if slot else "", *self.lane.asker, *new_posts],
        )
        self._slot_at = time.monotonic() if slot else self._slot_at
        return words(cast(bytes, stop))

    async def record(self, name: str, record: bytes) -> None:
        """Keep *record* of what this turn does outside. The commit drops it."""
        states = [keys.state(self.lane.name), keys.state(self.conversation)]
        await self._step(self._engine.record, states, [self._fence, name, record, START])

    async def reserve(
        self, event_id: str, amounts: Sequence[tuple[Account, int]], sure: Sequence[int] = ()
    ) -> Refused | None:
        """Reserve *amounts*, each at least 1, in all their accounts or in none.

        It takes the place of what this turn, or an earlier try of it, has reserved before. *sure*:
        what of each is spent.
        """
        self._held.update(key_of(one) for one, _ in amounts)
        states = [keys.state(self.lane.name), keys.state(self.conversation)]
        which, *why = await self._step(
            self._engine.reserve,
            [*states, keys.holds(self._tenant), *self._held],
            [self._fence, self.lane.name, event_id, entries(amounts, sure)],
        )
        return Refused(amounts[which - 1][0], *why) if which else None

    async def commit(self, taken: int, exchange: Exchange | None, **ending: Unpack[Ending]) -> int:
        """End the turn: remove the first *taken* mails, and append *exchange* to history.

        Returns how much mail is left. If any is left, the lane is ready again.
        """
        encode = msgspec.json.encode
        speaker = Sender(self.person, exchange.speaker if exchange else "")
        spent, accounts = ending.get("spent", {}), ending.get("accounts", ())
        first = next(iter(self._began.mail), None) if self._began else None
        called, event_id = (first.place_name, first.event_id) if first else ("", "")
        bill = bill_of(self.conversation, speaker, spent, accounts, place_name=called)
        scope, forgets = ending.get("scope"), ending.get("replaces", "")
        here, above, holder = to_keep(self.conversation, ending.get("chosen", {}), scope)
        changed = {**changes(self._began, ending.get("preferences")), **here}
        left, *near = await self._step(
            self._engine.commit,
            [
                *self.lane.own_keys,
                *self.lane.shares(self.person),
                keys.DEAD,
                keys.holds(self._tenant),
                keys.state(holder),
                self.lane.askers,
                *bill.keys,
                *self._held,
            ],
            [
                self._fence,
                self.lane.name,
                self.person,
                taken,
                "*" if ending.get("forget_all") else encode(forgets) if forgets else "",
                self._engine.ttl_s,
                min(LANE_S, self._engine.ttl_s),
                MOST_EXCHANGES,
                encode(exchange) if exchange else "",
                ending.get("dead", ""),
                bill.json,
                encode(changed) if changed else "",
                str(time.time()) if ending.get("everywhere") else "",
                self._slot,
                encode(above) if above else "",
                self._own_retention_s or "",
                *self.lane.asker,
                event_id,
                *ending.get("posts", ()),
            ],
        )
        self.near = [bill.accounts[at - 1] for at in near]
        return cast(int, left)

    async def move(self, to: ConversationId, *, said: bool) -> None:
        """End the turn by moving this lane into the conversation *to*.

        *said*: whether the first mail is the news of the move. That mail is then done.
        """
        becomes, names = Lane(to, self.lane.person), [self._slot, self.lane.name]
        await self._step(
            self._engine.move,
            [
                *self.lane.own_keys,
                *self.lane.shares(self.person),
                keys.mail(becomes.name),
                keys.state(to),
                keys.history(to),
                keys.holds(self._tenant),
                keys.state(becomes.name),
                *self._held,
            ],
            [self._fence, to, becomes.name, self._engine.ttl_s, self.person, int(said), *names],
        )

    async def release(self, *, at_once: bool = True) -> None:
        """Give the lane back. *at_once*: it can be taken over now; else after a lease."""
        idle_ms = int(self._engine.lease_s * 1000) + 1 if at_once else 0
        await self._step(self._engine.release, [keys.state(self.lane.name)], [idle_ms, START])

    async def failed(self) -> None:
        """Report that the turn ended in an error. It is tried again when the lease has run out."""
        again = START - FAILED
        await self._step(self._engine.release, [keys.state(self.lane.name)], [0, again])

    @property
    def _own_retention_s(self) -> int:
        kept_s = retention_s(self._began.preferences) if self._began is not None else 0
        return kept_s if kept_s < self._engine.ttl_s else 0

    @property
    def _slot(self) -> str:
        """The turn's name among the running ones. (The two streams may use the same entry id.)"""
        return self.lane.name if self.lane.person else self._entry

    @property
    def _place(self) -> ConversationId:
        return place_of(self.conversation)

    @property
    def _tenant(self) -> str:
        return tenant_of(self.person or self.conversation)

    async def _step(
        self, script: AsyncScript, names: Sequence[str], args: Sequence[str | bytes | float]
    ) -> Any:
        """Run *script* as the owner of the lease.

        Raises:
            LeaseLost: the script answered None, because we are not the owner (any more).
        """
        owner = [keys.GROUP, self._engine.worker, self._entry]
        with store_errors():
            answer = await script(keys=[self._stream, *names], args=[*owner, *args])
        if answer is None:
            raise LeaseLost(self.lane.name)
        return answer
