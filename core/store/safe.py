"""The safe: what adapters keep that nobody may read in a backup of the store, such as tokens.

It is encrypted by `ACCOUNTS_KEY`, as the accounts of people are (`core.store.vault`). What an older
key encrypted is encrypted anew with the first one when it is read. Each entry says whose it is, so
that whoever can write to the store cannot give one workspace the tokens of another.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from core.border import set_aside
from core.errors import ConfigError
from core.secret import keep_secret
from core.settings import Settings
from core.store import keys
from core.store.alone import alone
from core.store.connection import script, store_errors
from core.store.pubsub import PubSub
from core.store.values import words
from core.store.vault import LEAST_CHARS, Vault

ALONE_S = 60
MOST_REDEEMED = 10_000
"""Strangers can bring as many tickets as they like, so only the newest are known as used."""


class SharedSafe:
    """See `core.lent.Safe`. *kind*: the platform that keeps something here."""

    def __init__(self, redis: Redis, pubsub: PubSub, vault: Vault, kind: str) -> None:
        self._redis, self._pubsub = redis, pubsub
        self._vault = vault
        self._kind = kind
        self._key = keys.safe(kind)
        self._change = script(redis, "change")
        self._read: dict[str, tuple[bytes, bytes | None]] = {}
        """What was found last, and what is in it."""

    async def all(self) -> Mapping[str, bytes | None]:
        with store_errors():
            found = cast(Mapping[bytes, bytes], await self._redis.hgetall(self._key))
        # What is there since the last time was read then: there may be thousands.
        had, self._read = self._read, {}
        for key, raw in found.items():
            name = words(key)
            if name not in had or had[name][0] != raw:
                await encrypt_anew(self._change, self._vault, self._key, {key: raw})
                had[name] = raw, self._opened(name, raw)
            self._read[name] = had[name]
        return {name: value for name, (_, value) in self._read.items()}

    async def get(self, name: str) -> bytes | None:
        with store_errors():
            raw = cast(bytes | None, await self._redis.hget(self._key, name))
        return None if raw is None else self._opened(name, raw)

    async def put(self, name: str, value: bytes) -> None:
        with store_errors():
            await self._redis.hset(self._key, name, self._sealed(name, value))
        await self._tell(name)

    async def remove(self, name: str) -> None:
        with store_errors():
            await self._redis.hdel(self._key, name)
        await self._tell(name)

    def news(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._pubsub.listen(self._key)

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        return alone(self._redis, f"safe:{self._kind}:{name}", ALONE_S)

    async def redeem(self, ticket: str, seconds: int) -> bool:
        key, now = keys.redeemed(self._kind), time.time()
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zremrangebyscore(key, "-inf", now - seconds)
                pipe.zadd(key, {self._digest(ticket): now}, nx=True)
                pipe.zremrangebyrank(key, 0, -MOST_REDEEMED - 1)
                pipe.expire(key, seconds)
                _, added, *_ = await pipe.execute()
        return bool(added)

    async def settle(self, ticket: str, value: str, seconds: int, *, anew: bool = False) -> str:
        key = keys.ticket(self._digest(ticket))
        with store_errors():
            if not await self._redis.set(key, value, ex=seconds, nx=not anew):
                await self._redis.expire(key, seconds)
                return words(cast(bytes | None, await self._redis.get(key))) or value
        return value

    def _digest(self, ticket: str) -> str:
        return hashlib.sha256(f"{self._kind}\0{ticket}".encode()).hexdigest()

    def _sealed(self, name: str, value: bytes) -> bytes:
        return self._vault.seal(name.encode() + b"\0" + value)

    async def _tell(self, name: str) -> None:
        with store_errors():
            await self._redis.publish(self._key, name)

    def _opened(self, name: str, raw: bytes) -> bytes | None:
        whose, _, value = (self._vault.unseal(raw) or b"").partition(b"\0")
        if whose != name.encode():
            set_aside("store.safe", "not readable with our keys")
            return None
        return value


async def encrypt_anew(
    change: AsyncScript, vault: Vault, key: str, found: Mapping[bytes, bytes]
) -> None:
    """Encrypt with the first key what was *found* in the hash *key*, and older ones encrypted.

    An entry that another process changed meanwhile, such as a token that was just renewed, stays.
    Raises `StoreError`.
    """
    for name, raw in found.items():
        if (newer := vault.anew(raw)) is not None:
            with store_errors():
                await change(keys=[key], args=[name, raw, newer, ""])


def safe_of(redis: Redis, pubsub: PubSub, settings: Settings, kind: str) -> SharedSafe:
    """The safe of the platform *kind*.

    Raises:
        ConfigError: there is no key for it.
    """
    return SharedSafe(redis, pubsub, Vault(vault_keys(settings, f"tokens of {kind}")), kind)


def vault_keys(settings: Settings, what: str) -> tuple[str, ...]:
    """The keys that encrypt *what*, the newest first.

    Raises:
        ConfigError: there is none, or one is too short.
    """
    names = settings.accounts_key.get_secret_value().split(",")
    found = tuple(filter(None, map(str.strip, names)))
    keep_secret(*found)
    if not found or min(map(len, found)) < LEAST_CHARS:
        told = f"needs {LEAST_CHARS} random characters or more, for {what}"
        raise ConfigError("ACCOUNTS_KEY", told)
    return found
