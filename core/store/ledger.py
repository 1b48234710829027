"""What is kept of a conversation beside its history: costs, verdicts, posts. Needs no lease."""

from collections.abc import Awaitable, Mapping, Sequence
from itertools import takewhile
from typing import cast

from core.messages import ConversationId, Incoming, Sender, Spent, place_of
from core.people.budgets import Account
from core.store import keys
from core.store.accounts import bill_of
from core.store.connection import store_errors
from core.store.engine import Engine
from core.store.lanes import MARK, Lane
from core.store.turns import read_spent
from core.store.values import read_incoming, words

MOST_MAIL = 50
"""How much mail of a lane a turn looks at."""
POSTS_S = 24 * 3600
"""How long the store remembers which posts were in a checkpoint."""


class Ledger:
    """The ledger of *conversation*, read for *person*. Every method raises `StoreError`."""

    def __init__(self, engine: Engine, conversation: ConversationId, person: str) -> None:
        self.conversation = conversation
        self.person = person
        self._engine = engine

    async def spent(self) -> tuple[Spent, Spent]:
        """The cost so far of this conversation (a place: with its threads), and of the person."""
        with store_errors():
            here, by_person = await self._engine.spent(
                keys=[keys.spent(self.conversation), keys.spent(self.person)]
            )
        return read_spent(here), read_spent(by_person)

    async def book(
        self, person: Sender, spent: Mapping[str, Spent], accounts: Sequence[Account]
    ) -> None:
        """Book what an extra beside the turn has *spent*, by model."""
        bill = bill_of(self.conversation, person, spent, accounts)
        with store_errors():
            await self._engine.book(keys=bill.keys, args=[bill.json])

    async def rate(self, event_id: str, verdict: str) -> None:
        """Keep somebody's *verdict* on the answer to *event_id*."""
        name = keys.ratings(self.conversation)
        with store_errors():
            async with self._engine.redis.pipeline(transaction=True) as pipe:
                pipe.hset(name, event_id, verdict)
                pipe.expire(name, self._engine.ttl_s)
                await pipe.execute()

    async def behind(self, lane: str, taken: int) -> Sequence[Incoming]:
        """The mail of *lane* after the first *taken* ones, up to any that cannot be read."""
        with store_errors():
            mail = await cast(
                Awaitable[list[bytes]],
                self._engine.redis.lrange(keys.mail(lane), taken, taken + MOST_MAIL - 1),
            )
        read = (read_incoming(raw, "store.mail") for raw in mail)
        return [one for one in takewhile(lambda one: one is not None, read) if one is not None]

    async def others_answered(self) -> bool:
        """Whether a question of somebody else in this group is, or may be, being answered."""
        if not self._engine.most_per_place:
            return True  # Nobody keeps a list of what runs.
        mine = Lane(self.conversation, self.person).name
        with store_errors():
            name = keys.running(place_of(self.conversation))
            running = cast(list[bytes], await self._engine.redis.zrange(name, 0, -1))
        lanes = map(words, running)
        return any(one.startswith(f"{self.conversation}{MARK}") and one != mine for one in lanes)

    async def unknown(self, posts: Sequence[str]) -> list[str]:
        """Those of *posts* that were never in a checkpoint."""
        with store_errors():
            known = await cast(
                Awaitable[list[int]],
                self._engine.redis.smismember(keys.posts(self.conversation), list(posts)),
            )
        return [post for post, is_known in zip(posts, known, strict=True) if not is_known]
