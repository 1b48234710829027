"""Identical questions get the same answer from memory for an hour.

If several people ask one at the same time, the model is asked once. An answer is remembered only
if its request names a `scope`, and only requests with that scope get it.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import msgspec

from core.errors import Interrupted, ModelError, StoreError
from core.models.chunks import Blind, Cited, Delta, Finished, FromMemory, TextDelta, Withdrawn
from core.models.request import Around, ChatRequest, Model
from core.models.tool_calls import Calls
from core.tasks import Flag
from core.telemetry import Counted
from core.words import MOST_PIECES

TTL_S = 3600


class Memory(Protocol):
    """Keeps answers. Both methods raise `StoreError`."""

    async def recall(self, key: str) -> str: ...

    async def keep(self, key: str, text: str, ttl_s: int) -> None: ...


class _Flight:
    """An answer under way that several callers may read."""

    def __init__(self) -> None:
        self.deltas: list[Delta] = []
        self.ended = False
        self.error: ModelError | None = None
        self._news = Flag()
        self._followed = False
        self._join_at = MOST_PIECES

    def add(self, delta: Delta) -> None:
        self.deltas.append(delta)
        if self._followed:
            self._wake()
        elif len(self.deltas) > self._join_at:
            self.deltas = joined(self.deltas)
            self._join_at = 2 * len(self.deltas) + MOST_PIECES

    def end(self, error: ModelError | None = None) -> None:
        if not self.ended:
            self.ended, self.error = True, error
            self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = Flag()

    async def follow(self) -> AsyncIterator[Delta]:
        """All deltas of the answer, from the first one."""
        self._followed, at = True, 0
        while True:
            while at < len(self.deltas):
                yield self.deltas[at]
                at += 1
            if self.ended:
                break
            await self._news.wait()
        if self.error is not None:
            raise self.error
        if not any(isinstance(delta, Finished) for delta in self.deltas):
            raise Interrupted("who asked for all of us was stopped")


class RememberingModel(Around):
    """*model* with a memory for answers. It raises the errors of *model*."""

    def __init__(self, model: Model, memory: Memory, counted: Counted) -> None:
        super().__init__(model)
        self._memory = memory
        self._counted = counted
        self._flights: dict[str, _Flight] = {}

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """As `ChatClient.stream`."""
        if not request.scope or request.begun or request.rounds:
            async with self._model.stream(request) as deltas:
                yield deltas
            return
        key = key_of(request, self._model.model)
        if (text := await self._recall(key)) != "":
            self._counted.labels("hit").inc()
            yield _replay(text)
            return
        flight = self._flights.get(key)
        if flight is not None:
            self._counted.labels("joined").inc()
            yield flight.follow()
            return
        self._counted.labels("miss").inc()
        flight = self._flights[key] = _Flight()
        try:
            async with self._model.stream(request) as deltas:
                yield self._lead(flight, deltas, key)
        except ModelError as error:
            flight.end(error)
            raise
        finally:
            flight.end()
            del self._flights[key]

    async def _lead(
        self, flight: _Flight, deltas: AsyncIterator[Delta], key: str
    ) -> AsyncIterator[Delta]:
        async for delta in deltas:
            flight.add(delta)
            if isinstance(delta, Finished) and delta.reason == "stop":
                await self._keep(key, _said(flight.deltas))
            yield delta

    async def _recall(self, key: str) -> str:
        try:
            return await self._memory.recall(key)
        except StoreError:
            return ""

    async def _keep(self, key: str, text: str) -> None:
        if not text:
            return
        with suppress(StoreError):
            await self._memory.keep(key, text, TTL_S)


def key_of(request: ChatRequest, model: str) -> str:
    """A key that is the same for equal requests, in every process and version of Python."""
    named = msgspec.structs.replace(request, model=request.model or model, clock="")
    return hashlib.sha256(msgspec.json.encode(named)).hexdigest()


def joined(deltas: Sequence[Delta]) -> list[Delta]:
    """*deltas*, in which each run of texts is one."""
    runs: list[Delta] = []
    texts: list[str] = []
    for one in deltas:
        if isinstance(one, TextDelta):
            texts.append(one.text)
            continue
        runs += [TextDelta("".join(texts)), one] if texts else [one]
        texts = []
    return [*runs, TextDelta("".join(texts))] if texts else runs


def _said(deltas: Sequence[Delta]) -> str:
    """The text of the answer; empty if it has more than text, which the memory cannot keep."""
    if any(isinstance(one, Cited | Blind | Calls) for one in deltas):
        return ""
    back = max((at for at, one in enumerate(deltas) if isinstance(one, Withdrawn)), default=0)
    return "".join(one.text for one in deltas[back:] if isinstance(one, TextDelta))


async def _replay(text: str) -> AsyncIterator[Delta]:
    yield FromMemory()
    yield TextDelta(text)
    yield Finished("stop")
