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

from core.border import set_aside
from core.errors import ConfigError
from core.secret import keep_secret
from core.settings import Settings
from core.store import keys
from core.store.alone import alone
from core.store.connection import store_errors
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

    async def all(self) -> Mapping[str, bytes]:
        with store_errors():
            found = cast(Mapping[bytes, bytes], await self._redis.hgetall(self._key))
        opened = {words(name): self._opened(words(name), raw) for name, raw in found.items()}
        for name, value in opened.items():
            if value is not None and not self._vault.is_newest(found[name.encode()]):
                await self._keep(name, value)
        return {name: value for name, value in opened.items() if value is not None}

    async def get(self, name: str) -> bytes | None:
        with store_errors():
            raw = cast(bytes | None, await self._redis.hget(self._key, name))
        return None if raw is None else self._opened(name, raw)

    async def put(self, name: str, value: bytes) -> None:
        await self._keep(name, value)
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

    async def _keep(self, name: str, value: bytes) -> None:
        sealed = self._vault.seal(name.encode() + b"\0" + value)
        with store_errors():
            await self._redis.hset(self._key, name, sealed)

    async def _tell(self, name: str) -> None:
        with store_errors():
            await self._redis.publish(self._key, name)

    def _opened(self, name: str, raw: bytes) -> bytes | None:
        whose, _, value = (self._vault.unseal(raw) or b"").partition(b"\0")
        if whose != name.encode():
            set_aside("store.safe", "not readable with our keys")
            return None
        return value


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
