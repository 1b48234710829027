"""What all replicas share besides the inbox: token buckets, leases, things told once."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis

from core.budget import FASTER, FINAL_S, SLOWER, SLOWEST_PACE, Grant, LocalBudget
from core.errors import StoreError
from core.platform import Bucket
from core.store import keys
from core.store.connection import script, store_errors
from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

LEASE_MS = 9_000
LEASE_RENEW_S = 2.0


class SharedBudget:
    """The token buckets of every platform, counted across replicas.

    While Redis is away each process counts for itself, so that a running
    answer can still finish on screen.
    """

    def __init__(self, redis: Redis) -> None:
        self._take = script(redis, "take")
        self._hold = script(redis, "hold")
        self._local = LocalBudget()

    async def take(self, buckets: Sequence[Bucket], *, final: bool) -> Grant:
        """As `Budget.take`."""
        if not buckets:
            return Grant(0.0)
        try:
            with store_errors():
                wait_ms, *levels = await self._take(
                    keys=[key for bucket in buckets for key in keys.bucket(bucket.key)],
                    args=[
                        FASTER,
                        FINAL_S if final else 0,
                        *(
                            value
                            for bucket in buckets
                            for value in (
                                bucket.most,
                                bucket.seconds,
                                0 if final else bucket.reserve,
                            )
                        ),
                    ],
                )
        except StoreError:
            return await self._local.take(buckets, final=final)
        return Grant(wait_ms / 1000, levels)

    async def hold(self, bucket: Bucket, seconds: float) -> None:
        """As `Budget.hold`."""
        await self._local.hold(bucket, seconds)
        with suppress(StoreError), store_errors():
            await self._hold(
                keys=[keys.bucket(bucket.key)[1]], args=[seconds, SLOWER, SLOWEST_PACE]
            )


class _Held:
    def __init__(self) -> None:
        self.held = True


class SharedLeases:
    """Rights that one process of all replicas holds at a time."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._renew = script(redis, "renew")
        self._renewed: dict[str, float] = {}

    @property
    def behind(self) -> Sequence[str]:
        """The leases of ours that were not renewed for so long that they are running out."""
        late = time.monotonic() - LEASE_MS / 1000
        return [name for name, renewed in self._renewed.items() if renewed < late]

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[_Held]:
        """Wait until *name* is ours; `held` turns false when it was lost."""
        owner = uuid.uuid4().hex
        await self._acquire(name, owner)
        lease = _Held()
        keeper = asyncio.create_task(self._keep(name, owner, lease), name=f"lease {name}")
        try:
            yield lease
        finally:
            await end([keeper])
            self._renewed.pop(name, None)
            if lease.held:
                with suppress(StoreError), store_errors():
                    await self._renew(keys=[keys.lease(name)], args=[owner, 0])

    async def _acquire(self, name: str, owner: str) -> None:
        while True:
            with suppress(StoreError), store_errors():
                if await self._redis.set(keys.lease(name), owner, nx=True, px=LEASE_MS):
                    return
                if not 0 <= await self._redis.pttl(keys.lease(name)) <= LEASE_MS:
                    # Whoever held it, the clock stepped back since, or it was not one of us.
                    await self._redis.pexpire(keys.lease(name), LEASE_MS)
            await asyncio.sleep(0.5)

    async def _keep(self, name: str, owner: str, lease: _Held) -> None:
        renewed = self._renewed[name] = time.monotonic()
        while lease.held:
            await asyncio.sleep(LEASE_RENEW_S)
            try:
                with store_errors():
                    ours = await self._renew(keys=[keys.lease(name)], args=[owner, LEASE_MS])
            except StoreError:
                ours = (time.monotonic() - renewed) * 1000 < LEASE_MS
            else:
                renewed = self._renewed[name] = time.monotonic()
            if not ours:
                log.warning("lease lost", lease=name)
                lease.held = False


class Notices:
    """Things that are said to a person once."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def first_time(self, name: str, forget_after_s: int) -> bool:
        """Whether *name* was not told in the last *forget_after_s* seconds; or `StoreError`."""
        with store_errors():
            return bool(await self._redis.set(keys.told(name), 1, nx=True, ex=forget_after_s))

    async def told(self, name: str) -> bool:
        """Whether `first_time` would be false; or `StoreError`."""
        with store_errors():
            return bool(await self._redis.exists(keys.told(name)))
