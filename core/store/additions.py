"""Keeps what the operator adds to `palaver.toml` on the operator's page, and the keys in it."""

import time
from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from core.errors import ConfigError
from core.models.additions import Additions, StoredKey
from core.settings import Settings
from core.store import keys
from core.store.connection import script, store_errors
from core.store.safe import encrypt_anew, vault_keys
from core.store.values import read, words
from core.store.vault import Vault

MOST_KEYS = 50
TEXT, VERSION = "text", "version"
_key = msgspec.json.Decoder(StoredKey)


class KeptAdditions:
    """All processes share them. *vault*: without one, no key can be kept.

    Every method raises `StoreError`.
    """

    def __init__(self, redis: Redis, vault: Vault | None) -> None:
        self._redis = redis
        self._vault = vault
        self._change = script(redis, "change")

    @property
    def keeps_keys(self) -> bool:
        return self._vault is not None

    async def version(self) -> str:
        with store_errors():
            return words(await cast(Any, self._redis.hget(keys.ADDITIONS, VERSION)))

    async def read(self) -> Additions:
        """What holds. A key that cannot be decrypted counts as none."""
        with store_errors():
            text, version = await cast(Any, self._redis.hmget(keys.ADDITIONS, [TEXT, VERSION]))
            sealed = await cast(Any, self._redis.hgetall(keys.ADDED_KEYS))
        if self._vault is not None:
            await encrypt_anew(self._change, self._vault, keys.ADDED_KEYS, sealed)
        found = {words(name): self._opened(raw) for name, raw in sealed.items()}
        kept = {name: one for name, one in found.items() if one is not None}
        return Additions(words(text), kept, words(version))

    def _opened(self, sealed: bytes) -> StoredKey | None:
        raw = self._vault.unseal(sealed) if self._vault is not None else None
        return read(_key, raw, "store.key")

    async def write(self, text: str, *, was: str) -> bool:
        """Let *text* hold in the place of *was*. False: another one holds now."""
        with store_errors():
            args = [TEXT, was, text, "", VERSION, str(time.time())]
            return bool(await self._change(keys=[keys.ADDITIONS], args=args))

    async def keep_key(self, name: str, key: StoredKey | None) -> bool:
        """Keep *key* as *name*; None: forget it. False: there are too many, or no vault."""
        if key is not None and self._vault is None:
            return False
        with store_errors():
            if key is None:
                await cast(Any, self._redis.hdel(keys.ADDED_KEYS, name))
            elif not await self._has_room(name):
                return False
            else:
                sealed = self._vault.seal(msgspec.json.encode(key)) if self._vault else b""
                await cast(Any, self._redis.hset(keys.ADDED_KEYS, name, sealed))
            await cast(Any, self._redis.hset(keys.ADDITIONS, VERSION, str(time.time())))
        return True

    async def _has_room(self, name: str) -> bool:
        held = await cast(Any, self._redis.hkeys(keys.ADDED_KEYS))
        return name.encode() in held or len(held) < MOST_KEYS


def open_additions(redis: Redis, settings: Settings) -> KeptAdditions:
    """What is kept; with keys, if ACCOUNTS_KEY is good enough to encrypt them."""
    try:
        secret = vault_keys(settings, "keys of models")
    except ConfigError:
        return KeptAdditions(redis, None)
    return KeptAdditions(redis, Vault(secret))
