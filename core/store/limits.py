"""What all replicas share besides the inbox: token buckets, leases, and notices given once."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import msgspec
from redis.asyncio import Redis

from core.border import set_aside
from core.buckets import Buckets
from core.budget import Call, Grant
from core.errors import StoreError
from core.latency import Usual, worth_telling
from core.levels import Level, kept_s, settle
from core.messages import Incoming
from core.platform import Bucket
from core.store import keys
from core.store.connection import script, store_errors
from core.store.sharded import at_home, shards_of
from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

Result = TypeVar("Result")
SWAPS = 20
"""How often we try again if another process was faster. The last try writes in any case."""
_level = msgspec.msgpack.Decoder(Level)
_encode = msgspec.msgpack.Encoder().encode
_NOTHING = _encode(Level())
CLOCK_APART_S = 0.25
"""We reckon the time of Redis from an answer of it. If we are wrong by more, we ask again."""
CLOCK_HOLDS_S = 1.0
"""For so long we believe that we are right."""
WRITE_AGAIN_S = 60.0
"""A level that stays the same is written again after this time, so that it is kept on."""
MOST_BELIEVED = 5_000

LEASE_MS = 9_000
LEASE_RENEW_S = 2.0


class SharedBudget:
    """The token buckets of every platform, counted across replicas.

    The level of a bucket is one value in Redis, in the shard of the tenant whose calls it counts. A
    process remembers the value that it wrote last, applies the law of `core.buckets`, and writes
    the new value if the old one still stands. Else it gets what stands, and starts again. So a call
    costs one trip, if nobody else speaks there.

    While Redis is away, each process counts alone, so that a running answer can still be shown.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._swaps = {shard: script(shard, "swap") for shard in shards_of(redis)}
        self._local = Buckets()
        self._usual = Usual()
        self._believed: dict[str, bytes] = {}
        """The levels as they stood in Redis last; empty: none."""
        self._ahead_s = time.time() - time.monotonic()
        """How much Redis's time is ahead of our clock."""
        self._looked_at, self._looked_in = -CLOCK_HOLDS_S, redis
        """When we compared them last, by our clock, and in which shard: each has a clock."""
        # One at a time in this process, so that its own tasks do not disturb each other. But no
        # tenant waits for a shard that is away, unless it is its own.
        self._mine = {shard: asyncio.Lock() for shard in self._swaps}

    async def take(self, buckets: Sequence[Bucket], call: Call, *, growing: int = 1) -> Grant:
        """As `Budget.take`."""
        if not buckets:
            return Grant(0.0)
        return await self._apply(
            buckets, lambda all_, now: all_.take(buckets, call, now, growing=growing)
        )

    async def passed(self, buckets: Sequence[Bucket], grant: Grant, took_s: float) -> None:
        """As `Budget.passed`."""
        late_s = self._usual.late_s(buckets, took_s)
        if worth_telling(grant, late_s):
            await self._apply(buckets, lambda all_, now: all_.passed(buckets, grant, late_s, now))

    async def refused(self, buckets: Sequence[Bucket], grant: Grant, seconds: float) -> None:
        """As `Budget.refused`."""
        if buckets:
            self._local.refused(buckets, grant, seconds, time.time())
            await self._apply(buckets, lambda all_, now: all_.refused(buckets, grant, seconds, now))

    async def hold(self, bucket: Bucket, seconds: float) -> None:
        """As `Budget.hold`."""
        self._local.hold(bucket, seconds, time.time())
        await self._apply([bucket], lambda all_, now: all_.hold(bucket, seconds, now))

    async def _apply(
        self, buckets: Sequence[Bucket], law: Callable[[Buckets, float], Result]
    ) -> Result:
        shard = at_home(self._redis, buckets[0].of)
        try:
            async with self._mine[shard]:
                for tries_left in reversed(range(SWAPS)):
                    done, result = await self._swapped(shard, buckets, law, force=not tries_left)
                    if done:
                        return result
        except StoreError:
            pass
        return law(self._local, time.time())

    async def _swapped(
        self,
        shard: Redis,
        buckets: Sequence[Bucket],
        law: Callable[[Buckets, float], Result],
        *,
        force: bool,
    ) -> tuple[bool, Result]:
        """Apply *law* to the levels in *shard*. Fails if they are not what we believe.

        Then we know better what they are. With *force* the levels are written in any case.
        """
        seconds_of = {one.like: 0.0 for one in buckets if one.like}
        seconds_of |= {one.key: one.seconds for one in buckets}
        names = [keys.level(key) for key in seconds_of]
        looked = time.monotonic() - self._looked_at >= CLOCK_HOLDS_S or shard != self._looked_in
        now = time.monotonic() + self._ahead_s
        had = [self._believed.get(key, b"") for key in seconds_of]
        levels = {
            key: level for key, raw in zip(seconds_of, had, strict=True) if (level := _read(raw))
        }
        seen_at = {key: level.seen_at for key, level in levels.items()}
        for level in levels.values():
            settle(level, now)
        result = law(Buckets(levels), now)
        args: list[bytes | float] = [int(force), now if looked else b"", CLOCK_APART_S]
        new: list[bytes] = []
        for (key, lasts_s), raw in zip(seconds_of.items(), had, strict=True):
            level = levels.get(key, Level())
            new.append(_to_write(level, raw, seen_at.get(key, now), now))
            args += [raw, new[-1], kept_s(lasts_s, level, now)]
        with store_errors():
            seconds, micros, swapped, *had = await self._swaps[shard](keys=names, args=args)
        if looked:
            self._looked_at, self._looked_in = time.monotonic(), shard
            self._ahead_s = int(seconds) + int(micros) / 1e6 - self._looked_at
        if len(self._believed) > MOST_BELIEVED:
            self._believed.clear()
        found = zip(had, new, strict=True)
        values = [(written or old) if swapped else old for old, written in found]
        self._believed |= zip(seconds_of, values, strict=True)
        return bool(swapped), result


def _to_write(level: Level, had: bytes, seen_at: float, now: float) -> bytes:
    """What is to be written of *level*, read as *had*: nothing, if it says nothing new."""
    level.seen_at = seen_at if had else 0.0
    if _encode(level) == (had or _NOTHING) and 0 <= now - seen_at < WRITE_AGAIN_S:
        return b""
    level.seen_at = now
    return _encode(level)


def _read(value: bytes) -> Level | None:
    if not value:
        return None
    try:
        return _level.decode(value)
    except msgspec.MsgspecError as error:
        set_aside("buckets", type(error).__name__)
        return None


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
