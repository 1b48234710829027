"""The engine: what all claims of one worker share."""

from dataclasses import dataclass

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from core.store.archive import Archive
from core.store.erasing import Eraser
from core.store.memories import Memories
from core.store.places import Places

MOST_EXCHANGES = 5_000
"""So many exchanges a history keeps."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The scripts and the bounds that all claims of one worker share."""

    redis: Redis
    worker: str
    ttl_s: int
    most_per_person: int
    most_per_place: int
    lease_s: float
    load: AsyncScript
    checkpoint: AsyncScript
    record: AsyncScript
    commit: AsyncScript
    move: AsyncScript
    bury: AsyncScript
    release: AsyncScript
    spent: AsyncScript
    reserve: AsyncScript
    unhold: AsyncScript
    book: AsyncScript
    summary: AsyncScript
    memories: Memories
    archive: Archive
    eraser: Eraser
    places: Places
