"""What was learned about each model. All processes share it, and keep it for a day."""

import hashlib
import time
from contextlib import suppress

import msgspec

from core.errors import StoreError
from core.models.cache import Memory
from core.models.providers import Endpoint
from core.models.ways import Ways
from core.telemetry import logger

log = logger(__name__)

TTL_S = 24 * 3600
MOST = 1_000
LOOK_AGAIN_S = 60.0
"""After so long at most, a process knows what another one has learned."""


class Lessons:
    """What is known about each model of each endpoint.

    The store is optional. Without it less is known, but nothing fails.
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory
        self._known: dict[str, tuple[float, Ways]] = {}
        self._kept: dict[str, float] = {}
        """When the speed of each model was written to the store last."""

    def known(self, endpoint: Endpoint, model: str) -> Ways:
        """What this process knows. The operator's settings count more than what was learned."""
        _, learned = self._known.get(_key(endpoint, model), (0.0, Ways()))
        return learned.under(endpoint.ways)

    async def recall(self, endpoint: Endpoint, model: str) -> Ways:
        """What the processes know together."""
        if len(self._known) > MOST:
            # Most of them are names that people made up.
            self._known.clear()
            self._kept.clear()
        key = _key(endpoint, model)
        looked, _ = self._known.get(key, (-LOOK_AGAIN_S, Ways()))
        if self._memory is not None and time.monotonic() - looked >= LOOK_AGAIN_S:
            with suppress(StoreError):
                kept = await self._memory.recall(key)
                self._known[key] = time.monotonic(), _read(kept)
        return self.known(endpoint, model)

    async def pace(self, endpoint: Endpoint, model: str, first_s: float, speed: float) -> None:
        """Learn from an answer how fast *model* is. The store gets it once in `LOOK_AGAIN_S`."""
        key = _key(endpoint, model)
        looked, ways = self._known.get(key, (-LOOK_AGAIN_S, Ways()))
        paced = ways.paced(first_s, speed)
        self._known[key] = looked, paced
        if self._memory is not None and (not ways.speed or self._due(key)):
            self._kept[key] = time.monotonic()
            with suppress(StoreError):
                await self._memory.keep(key, msgspec.json.encode(paced).decode(), TTL_S)

    def _due(self, key: str) -> bool:
        return time.monotonic() - self._kept.get(key, -LOOK_AGAIN_S) >= LOOK_AGAIN_S

    async def keep(self, endpoint: Endpoint, model: str, ways: Ways) -> None:
        """Remember *ways* from now on."""
        key = _key(endpoint, model)
        self._known[key] = time.monotonic(), ways
        log.info("model learned", model=model, ways=str(ways))
        if self._memory is not None:
            with suppress(StoreError):
                await self._memory.keep(key, msgspec.json.encode(ways).decode(), TTL_S)


def _read(kept: str) -> Ways:
    try:
        return msgspec.json.decode(kept, type=Ways) if kept else Ways()
    except (msgspec.MsgspecError, ValueError):
        return Ways()  # Another version wrote it.


def _key(endpoint: Endpoint, model: str) -> str:
    return hashlib.sha256(f"{endpoint.base_url} {model}".encode()).hexdigest()
