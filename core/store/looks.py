"""Looks at several places, none of which waits for another one: shards, or tenants in them.

A shard whose machine is gone does not even refuse: each question to it fails only after seconds.
What is looked at again and again, for all tenants, must not wait for that. So a look that is late
goes on, and what it brings comes with a later call.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, TypeVar

from redis.exceptions import RedisError

from core.errors import StoreError
from core.store.values import has_no_group
from core.tasks import end

_K = TypeVar("_K")
_T = TypeVar("_T")
LATE_S = 0.5
"""A look that takes longer is late."""
_AWAY = (RedisError, OSError, StoreError)


class Looks(Generic[_K, _T]):
    """To be asked by one task."""

    def __init__(self) -> None:
        self._under_way: dict[_K, asyncio.Task[_T]] = {}

    async def at(
        self, looks: Mapping[_K, Callable[[], Coroutine[Any, Any, _T]]]
    ) -> Mapping[_K, _T]:
        """What the *looks* have brought, by place, also those of an earlier call.

        Raises:
            RedisError, StoreError: no place can be reached, or a stream has no group.
        """
        if len(looks) == 1 and not self._under_way:
            ((place, look),) = looks.items()
            return {place: await look()}
        begun = {
            place: asyncio.create_task(look(), name="look")
            for place, look in looks.items()
            if place not in self._under_way
        }
        self._under_way |= begun
        if begun:
            await asyncio.wait(begun.values(), timeout=LATE_S)
        if self._under_way and not any(task.done() for task in self._under_way.values()):
            await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)
        return self._brought()

    async def close(self) -> None:
        """Look no more."""
        await end(self._under_way.values())
        self._under_way.clear()

    def _brought(self) -> Mapping[_K, _T]:
        """What the looks brought that have ended."""
        found: dict[_K, _T] = {}
        away: BaseException | None = None
        for place, task in tuple(self._under_way.items()):
            if not task.done():
                continue
            del self._under_way[place]
            if (error := task.exception()) is None:
                found[place] = task.result()
            elif has_no_group(error) or not isinstance(error, _AWAY):
                raise error
            else:
                away = error
        if away is not None and not found and not self._under_way:
            raise away
        return found
