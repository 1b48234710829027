"""Published messages: one connection serves all the listeners of this process."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from redis.asyncio import Redis

from core.errors import StoreError
from core.store import keys
from core.store.connection import store_errors
from core.tasks import end

TIMEOUT_S = 5.0
MOST_BEHIND = 1000
"""A listener that is so many messages behind gets a `StoreError`, and must read all again."""
MOST_EXPECTED = 100


@dataclass(eq=False)
class _Listener:
    heard: asyncio.Queue[bytes | StoreError] = field(
        default_factory=lambda: asyncio.Queue(MOST_BEHIND + 1)
    )
    subscribed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, message: bytes | StoreError) -> None:
        if self.heard.qsize() < MOST_BEHIND:
            self.heard.put_nowait(message)
        elif not self.heard.full():
            self.heard.put_nowait(StoreError("fell behind"))


class PubSub:
    """An async context manager; inside it, `listen` to as many channels as needed."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._listeners: dict[str, set[_Listener]] = {}
        self._expected: dict[str, deque[bytes]] = {}
        """What the listeners here know already, and what will come back from the server."""
        self._channel: Any = None  # redis's PubSub has no exported type
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "PubSub":
        self._task = asyncio.create_task(self._run(), name="pubsub")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await end([self._task])

    @asynccontextmanager
    async def listen(self, name: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The messages published on *name* from now on.

        Raises:
            StoreError: when entering or iterating; something may have been missed.
        """
        listener = _Listener()
        listeners = self._listeners.setdefault(name, set())
        listeners.add(listener)
        try:
            with store_errors():
                async with asyncio.timeout(TIMEOUT_S):
                    await self._connected.wait()
                    if any(other.subscribed.is_set() for other in listeners):
                        listener.subscribed.set()
                    else:
                        await self._channel.subscribe(name)
                    # The subscription counts only when the server has confirmed it.
                    await listener.subscribed.wait()
            yield self._heard(listener)
        finally:
            listeners.discard(listener)
            if not listeners and self._listeners.get(name) is listeners:
                del self._listeners[name]
                self._expected.pop(name, None)
                if self._connected.is_set():
                    with suppress(StoreError), store_errors():
                        await self._channel.unsubscribe(name)

    def listens(self, name: str) -> bool:
        """Whether somebody in this process listens to *name*."""
        return name in self._listeners

    def tell(self, name: str, message: bytes) -> None:
        """Tell *message* to those who listen to *name* in this process, and to nobody else."""
        for listener in self._listeners.get(name, ()):
            listener.tell(message)

    def expect(self, name: str, message: bytes) -> None:
        """*message* was told here, and is about to be published: do not tell it here again."""
        if name in self._listeners:
            self._expected.setdefault(name, deque(maxlen=MOST_EXPECTED)).append(message)

    @staticmethod
    async def _heard(listener: _Listener) -> AsyncIterator[bytes]:
        while True:
            message = await listener.heard.get()
            if isinstance(message, StoreError):
                raise message
            yield message

    async def _run(self) -> None:
        while True:
            try:
                with store_errors():
                    async with self._redis.pubsub() as self._channel:
                        # Without any subscription there is no connection.
                        await self._channel.subscribe(keys.CONTROL)
                        self._connected.set()
                        while True:
                            self._pass_on(await self._channel.get_message(timeout=5))
                            if getattr(self._channel.connection, "stale", False):
                                raise StoreError("the store has another primary")
            except StoreError as error:
                self._connected.clear()
                self._expected.clear()
                for listener in chain.from_iterable(self._listeners.values()):
                    listener.tell(error)
                await asyncio.sleep(0.5)

    def _pass_on(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        name = message["channel"].decode()
        if message["type"] == "message" and self._was_told(name, message["data"]):
            return
        for listener in self._listeners.get(name, ()):
            if message["type"] == "subscribe" and listener.subscribed.is_set():
                listener.tell(StoreError("the client had to connect again"))
            elif message["type"] == "subscribe":
                listener.subscribed.set()
            elif message["type"] == "message":
                listener.tell(message["data"])

    def _was_told(self, name: str, message: bytes) -> bool:
        expected = self._expected.get(name, ())
        if message not in expected:
            return False
        # They come in their order. One before it that did not come will not come any more.
        while self._expected[name].popleft() != message:
            pass
        return True
