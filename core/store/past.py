"""The past of a conversation: history and summary, read and changed beside its turns.

A summary takes a model some seconds. Meanwhile somebody may say `/new` or `/forget`, or have an
exchange answered anew. So each such change is counted (`forgotten`), and a summary is kept only if
the count is as it was when the summary was begun.
"""

from typing import NamedTuple

import msgspec

from core.messages import ConversationId, Exchange, Summary, place_of
from core.store import keys
from core.store.connection import store_errors
from core.store.engine import Engine
from core.store.turns import read_past
from core.store.values import number, words

MOST_READ = 400
"""How many of the newest exchanges are looked at for a summary."""
SUMMARISING_S = 120
"""How long one process makes a summary. After that another one may try."""


class Seen(NamedTuple):
    """What was there at one moment. *forgotten*: how often exchanges had left history."""

    history: tuple[Exchange, ...]
    summary: Summary
    forgotten: str


class Past:
    """The past of *conversation*. Needs no lease. Every method raises `StoreError`."""

    def __init__(self, engine: Engine, conversation: ConversationId) -> None:
        self._engine = engine
        self._conversation = conversation

    async def look(self) -> Seen:
        """The newest exchanges, oldest first, and the summary of what was before them."""
        conversation, place = self._conversation, place_of(self._conversation)
        with store_errors():
            async with self._engine.redis.pipeline(transaction=True) as pipe:
                pipe.lrange(keys.history(conversation), -MOST_READ, -1)
                pipe.hmget(keys.state(conversation), ["summary", "forgotten"])
                pipe.hget(keys.state(place), "fresh")
                history, (summed, forgotten), fresh = await pipe.execute()
        since = 0.0 if conversation == place else number(fresh)
        return Seen(*read_past(history, summed, since), words(forgotten) or "0")

    async def summarise(self, summary: Summary, seen: Seen) -> bool:
        """Keep *summary*, which was made of *seen*. False: it is not right any more."""
        with store_errors():
            kept = await self._engine.summary(
                keys=[keys.state(self._conversation)],
                args=[msgspec.json.encode(summary), seen.forgotten, self._engine.ttl_s],
            )
        return bool(kept)

    async def forget_summary(self) -> None:
        """Erase the summary. One that is being made is not taken either."""
        state = keys.state(self._conversation)
        with store_errors():
            async with self._engine.redis.pipeline(transaction=True) as pipe:
                pipe.hdel(state, "summary")
                pipe.hincrby(state, "forgotten", 1)
                await pipe.execute()

    async def take_summary(self) -> bool:
        """Whether this process may make a summary now, because no other one does."""
        name = keys.lease(f"summary:{self._conversation}")
        with store_errors():
            return bool(await self._engine.redis.set(name, 1, nx=True, ex=SUMMARISING_S))

    async def give_summary(self) -> None:
        """Let others make the next summary."""
        with store_errors():
            await self._engine.redis.delete(keys.lease(f"summary:{self._conversation}"))
