"""What stands in a store that runs: entries, mail, history, checkpoints, letters, control messages.

Ten inputs at a time are written into a Valkey of its own, as another program or another version
might; then people ask, and all must be claimed, loaded and committed as if nothing had been.
"""

import asyncio
import atexit
import itertools
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from hypothesis import strategies as st

from bench.fuzz.border import Border, nearly
from core.messages import ConversationId, Exchange, Incoming, Sender, conversation_id
from core.store import keys
from core.store.connection import connect
from core.store.dead_letters import DeadLetters
from core.store.embedded import embedded
from core.store.inbox import Inbox
from core.store.pubsub import PubSub

_CHAT = conversation_id("test", "chat")
AT_ONCE = 10
"""So many are written before the questions come in, one into each chat but the last."""
_CHATS = [conversation_id("test", f"chat-{number}") for number in range(AT_ONCE + 1)]
_MAIL = Incoming(event_id="e", conversation=_CHAT, sender=Sender("test:1", "Ann"), text="hello")
_FIELDS = ("checkpoint", "preferences", "summary", "stop", "note", "tries", "begun", "owner")


class _Live:
    """One Valkey, emptied for each input."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._numbers = itertools.count()
        self._folder = tempfile.TemporaryDirectory()
        self._loop.run_until_complete(self._open())
        atexit.register(self._close)

    def take(self, values: list[tuple[str, bytes]]) -> None:
        self._loop.run_until_complete(self._take(values))

    async def _open(self) -> None:
        url = await self._stack.enter_async_context(embedded(Path(self._folder.name)))
        self._redis = await self._stack.enter_async_context(connect(url))
        pubsub = await self._stack.enter_async_context(PubSub(self._redis))
        self._control = await self._stack.enter_async_context(pubsub.listen(keys.CONTROL))
        self._inbox = Inbox(self._redis, "fuzz", history_ttl_s=600, most_waiting=20)

    def _close(self) -> None:
        self._loop.run_until_complete(self._stack.aclose())
        self._folder.cleanup()

    async def _take(self, values: list[tuple[str, bytes]]) -> None:
        await self._redis.flushdb()
        await self._inbox.prepare(["test"])
        wanted = set()
        for chat, (place, raw) in zip(_CHATS, values, strict=False):
            await self._write(chat, place, raw)
        for number, chat in enumerate(_CHATS):
            name = f"event-{next(self._numbers)}"
            who = Sender(f"test:{number}", "Ann")
            asked = Incoming(event_id=name, conversation=chat, sender=who, text="and me?")
            kept = await self._inbox.put(asked)
            assert kept.verdict == "kept", (chat, kept)
            wanted.add(name)
        await self._serve(wanted)
        await DeadLetters(self._redis, self._inbox).all()

    async def _serve(self, wanted: set[str]) -> None:
        for _ in range(12):
            for claim in await self._inbox.claim(["test"], 32, 0.05):
                turn = await claim.load(10_000)
                if turn is None:
                    continue
                await claim.ledger.spent()
                answered = {one.event_id for one in turn.mail}
                exchange = Exchange(min(answered, default=""), "Ann", "and me?", "yes", 1.0)
                await claim.commit(len(turn.mail), exchange if answered else None)
                wanted -= answered
            if not wanted:
                return
        raise AssertionError(f"{len(wanted)} got no answer")

    async def _write(self, chat: ConversationId, place: str, raw: bytes) -> None:
        redis = self._redis
        match place:
            case "entry":
                await redis.xadd(keys.ready("test"), {raw[:8] or b"x": raw})
            case "lane":
                await redis.xadd(keys.ready("test"), {"c": raw, "p": raw})
            case "person":
                await redis.xadd(keys.ready("test"), {"c": chat, "p": raw})
            case "mail":
                await redis.rpush(keys.mail(chat), raw)
                await redis.xadd(keys.ready("test"), {"c": chat})
            case "history":
                await redis.rpush(keys.history(chat), raw)
            case "dead":
                await redis.rpush(keys.DEAD, raw)
            case "control":
                await redis.publish(keys.CONTROL, raw)
                async with asyncio.timeout(5):
                    while await anext(self._control) != raw:
                        pass
            case "spent":
                await redis.hset(keys.spent(chat), mapping={"turns": raw, raw: raw})
            case field:
                await redis.hset(keys.state(chat), field, raw)


_PLACES = ("entry", "lane", "person", "control", "mail", "history", "dead", "spent", *_FIELDS)
_RAW = nearly(
    msgspec.to_builtins(_MAIL),
    {"event_id": "e", "text": "t", "pages": ["1"], "done": True},
    {"reason": "r", "mail": msgspec.json.encode(_MAIL).decode()},
    {"kind": "cancel", "conversation": "test:chat:", "event_id": "e"},
    "test:chat:",
    12,
)
_live: list[_Live] = []


def _read(values: list[tuple[str, bytes]]) -> None:
    if not _live:
        _live.append(_Live())
    _live[0].take(values)


_ONE = st.tuples(st.sampled_from(_PLACES), _RAW)
BORDER = Border(st.lists(_ONE, min_size=AT_ONCE, max_size=AT_ONCE), _read)
