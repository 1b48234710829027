"""What all replicas share besides the inbox and tokens: leases, and notices given once."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis

from core.errors import StoreError
from core.messages import Incoming
from core.store import keys
from core.store.connection import script, store_errors
from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

LEASE_MS = 9_000
LEASE_RENEW_S = 2.0


class _Held:
    def __init__(self) -> None:
        self.held = True


class SharedLeases:
    """Rights that only one process of all replicas has at a time."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._renew = script(redis, "renew")
        self._renewed: dict[str, float] = {}

    @property
    def behind(self) -> Sequence[str]:
        """Our leases that were not renewed for so long that they are running out."""
        late = time.monotonic() - LEASE_MS / 1000
        return [name for name, renewed in self._renewed.items() if renewed < late]

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[_Held]:
        """Wait until *name* is ours. `held` becomes false when it is lost."""
        owner = uuid.uuid4().hex
        await self._acquire(name, owner)
        lease = _Held()
        renewal = asyncio.create_task(self._keep(name, owner, lease), name=f"lease {name}")
        try:
            yield lease
        finally:
            await end([renewal])
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
                    # The clock stepped back, or something else wrote the key: limit it again.
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


def asked_name(incoming: Incoming, message: str = "") -> str:
    """The name under which it is noted that a message (*incoming*'s by default) was put to us."""
    return f"asked:{incoming.conversation}:{message or incoming.message}"


class Notices:
    """Notices that are given only once in a while."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def first_time(self, name: str, forget_after_s: int) -> bool:
        """Whether *name* was not given in the last *forget_after_s* seconds. Notes it as given.

        Raises:
            StoreError: the store is away.
        """
        with store_errors():
            return bool(await self._redis.set(keys.told(name), 1, nx=True, ex=forget_after_s))

    async def one_of(self, name: str, most: int, forget_after_s: int) -> bool:
        """Like `first_time`, for what may be given *most* times in *forget_after_s* seconds.

        Raises:
            StoreError: the store is away.
        """
        for number in range(most):
            if await self.first_time(f"{name}:{number}", forget_after_s):
                return True
        return False

    async def forget(self, names: Sequence[str]) -> None:
        """*names* were not given after all. Raises `StoreError`."""
        with store_errors():
            await self._redis.delete(*map(keys.told, names))

    async def already_given(self, name: str) -> bool:
        """Whether `first_time` would be false. Raises `StoreError`."""
        with store_errors():
            return bool(await self._redis.exists(keys.told(name)))
