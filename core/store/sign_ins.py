"""Who is signed in to which tool server, and who is on the way to it.

A link is for one person, and for `LINK_S`. The way to the authorization server and back has a state
of its own, which is used up when somebody comes back with it. What was got there waits under a code
that the person must bring into the chat: so whoever passes their link on to somebody else does not
get that one's account (see `core.signing_in`). Tokens are encrypted, and name their person within.
"""

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar, cast

import msgspec
from redis.asyncio import Redis

from core.errors import ConfigError
from core.mcp.authorization import Provider
from core.mcp.entry import ServerEntry
from core.mcp.frames import Listed
from core.mcp.oauth import Account, Client
from core.messages import ConversationId
from core.settings import Settings
from core.store import keys
from core.store.alone import alone
from core.store.connection import script, store_errors
from core.store.pubsub import PubSub
from core.store.safe import vault_keys
from core.store.values import read, words
from core.store.vault import Vault

_T = TypeVar("_T")
SIGNED_IN = "(signed in)"
"""The `command` of the mail that says: a person has signed in to what an answer waits for. Its text
is the token of that answer's question. Nobody can type it."""
LINK_S = 15 * 60
MOST_WALKS = 20
"""With one link. Each is kept for as long as the link."""
ACCOUNT_S = 180 * 24 * 3600
"""An account that was not used for so long is forgotten."""
TRIES = 5
CODE_DIGITS = 8
RENEW_S = 60


class SignIn(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who signs in where, and what goes on then.

    *token*: of the question in *conversation* that waits for it, which was asked in a *private*
    place, under *reply_to*.
    """

    person: str
    server: str
    scope: str = ""
    conversation: ConversationId = ConversationId("")
    token: str = ""
    private: bool = True
    reply_to: str = ""


class Walk(msgspec.Struct, frozen=True):
    """One walk to the authorization server. *browser*: the digest of what its cookie holds."""

    link: str
    verifier: str
    provider: Provider
    client: Client
    browser: str


class Arrived(msgspec.Struct, frozen=True):
    """What was got there, until the person says the code."""

    sign_in: SignIn
    account: Account


class SignIns:
    """All processes share them. Every method raises `StoreError`."""

    def __init__(self, redis: Redis, pubsub: PubSub, vault: Vault) -> None:
        self._redis = redis
        self._pubsub = pubsub
        self._vault = vault
        self._keep = script(redis, "keep_account")

    # --- on the way -----------------------------------------------------------------------------

    async def begin(self, sign_in: SignIn) -> str:
        """Keep *sign_in*. Returns the last part of its link."""
        link = secrets.token_urlsafe(24)
        await self._put(keys.sign_in(link), msgspec.json.encode(sign_in))
        return link

    async def of_link(self, link: str) -> SignIn | None:
        with store_errors():
            raw = cast(bytes | None, await self._redis.get(keys.sign_in(link)))
        return read(_sign_in, raw, "store.sign_in")

    async def set_out(self, state: str, walk: Walk) -> bool:
        """Keep *walk*. False: too many began with its link. Perhaps it came into other hands."""
        count = keys.sign_in(f"{walk.link}:walks")
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.incr(count)
                pipe.expire(count, LINK_S)
                walks, _ = await pipe.execute()
        if walks > MOST_WALKS:
            return False
        await self._put(keys.sign_in(_digest(state)), self._vault.seal(msgspec.json.encode(walk)))
        return True

    async def come_back(self, state: str) -> tuple[Walk, SignIn] | None:
        """The walk with *state*, once: neither it nor its link can be used again."""
        with store_errors():
            raw = cast(bytes | None, await self._redis.getdel(keys.sign_in(_digest(state))))
        walk = self._opened(_walk, raw)
        if walk is None:
            return None
        with store_errors():
            found = cast(bytes | None, await self._redis.getdel(keys.sign_in(walk.link)))
        sign_in = read(_sign_in, found, "store.sign_in")
        return (walk, sign_in) if sign_in is not None else None

    async def arrive(self, sign_in: SignIn, account: Account) -> str:
        """Keep *account* until its person says the code, which is returned."""
        code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
        raw = self._vault.seal(msgspec.json.encode(Arrived(sign_in, account)))
        name = keys.sign_in_code(sign_in.person)
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(name)
                pipe.hset(name, mapping={"code": _digest(code), "arrived": raw})
                pipe.expire(name, LINK_S)
                await pipe.execute()
        return code

    async def confirm(self, person: str, code: str) -> Arrived | None:
        """What waits under *code* for *person*, until `settle`. Several wrong codes end it."""
        name = keys.sign_in_code(person)
        with store_errors():
            kept = await cast(
                Awaitable[list[bytes | None]], self._redis.hmget(name, ["code", "arrived"])
            )
            if kept[0] is None:
                return None
            tries = await self._redis.hincrby(name, "tries", 1)
            right = hmac.compare_digest(words(kept[0]), _digest(code))
            if not right and tries < TRIES:
                return None
            if not right:
                await self._redis.delete(name)
        arrived = self._opened(_arrived, kept[1])
        whole = arrived is not None and arrived.account.person == person
        return arrived if right and tries <= TRIES and whole else None

    async def settle(self, person: str) -> None:
        """What waited for *person* is done."""
        with store_errors():
            await self._redis.delete(keys.sign_in_code(person))

    # --- accounts -------------------------------------------------------------------------------

    async def account(self, person: str, server: str) -> Account | None:
        with store_errors():
            raw = await cast(
                Awaitable[bytes | None], self._redis.hget(keys.signed_in(person), server)
            )
        return self._account(raw, person, server)

    async def keep(self, account: Account, instead_of: Account | None = None) -> bool:
        """Keep *account*. Returns whether it was kept.

        *instead_of*: only if this one is still kept. A person who signed out meanwhile stays out.
        """
        name = keys.signed_in(account.person)
        with store_errors():
            old = await cast(Awaitable[bytes | None], self._redis.hget(name, account.server))
            if instead_of is not None:
                kept = self._account(old, account.person, account.server)
                if old is None or kept != instead_of:
                    return False
            sealed = self._vault.seal(msgspec.json.encode(account))
            before = old or b"" if instead_of is not None else b""
            return bool(
                await self._keep(keys=[name], args=[account.server, before, sealed, ACCOUNT_S])
            )

    async def forget(self, person: str, server: str) -> bool:
        """Forget the account. Returns whether there was one."""
        with store_errors():
            return bool(await self._redis.hdel(keys.signed_in(person), server))

    async def servers_of(self, person: str) -> list[str]:
        """Where *person* is signed in."""
        with store_errors():
            found = await cast(Awaitable[list[bytes]], self._redis.hkeys(keys.signed_in(person)))
        return sorted(map(words, found))

    def renewing(self, person: str, server: str) -> AbstractAsyncContextManager[None]:
        """Wait until nobody else renews this account, and keep others from it for the block."""
        return alone(self._redis, f"account:{person}:{server}", RENEW_S)

    # --- of servers -----------------------------------------------------------------------------

    async def client(self, issuer: str) -> Client | None:
        """What we were registered as there."""
        with store_errors():
            raw = await cast(Awaitable[bytes | None], self._redis.hget(keys.TOOL_CLIENTS, issuer))
        return self._opened(_client, raw)

    async def keep_client(self, issuer: str, client: Client) -> None:
        sealed = self._vault.seal(msgspec.json.encode(client))
        with store_errors():
            await self._redis.hset(keys.TOOL_CLIENTS, issuer, sealed)

    async def forget_client(self, issuer: str) -> None:
        with store_errors():
            await self._redis.hdel(keys.TOOL_CLIENTS, issuer)

    async def offers(self, server: str) -> Listed | None:
        """What *server* offered to those who signed in."""
        with store_errors():
            raw = await cast(Awaitable[bytes | None], self._redis.hget(keys.TOOL_OFFERS, server))
        return read(_listed, raw, "store.offers")

    async def keep_offers(self, server: str, listed: Listed) -> None:
        with store_errors():
            await self._redis.hset(keys.TOOL_OFFERS, server, msgspec.json.encode(listed))
            await self._redis.publish(keys.TOOL_OFFERS, server)

    def offered(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """A note for each `keep_offers` of any process. A note may get lost."""
        return self._pubsub.listen(keys.TOOL_OFFERS)

    async def _put(self, name: str, raw: bytes) -> None:
        with store_errors():
            await self._redis.set(name, raw, ex=LINK_S)

    def _opened(self, decoder: msgspec.json.Decoder[_T], raw: bytes | None) -> _T | None:
        data = self._vault.unseal(raw) if raw is not None else None
        return read(decoder, data, "store.sign_in")

    def _account(self, raw: bytes | None, person: str, server: str) -> Account | None:
        account = self._opened(_kept, raw)
        # Whoever can write to the store cannot give one person the tokens of another.
        if account is None or (account.person, account.server) != (person, server):
            return None
        return account


_sign_in = msgspec.json.Decoder(SignIn)
_walk = msgspec.json.Decoder(Walk)
_arrived = msgspec.json.Decoder(Arrived)
_kept = msgspec.json.Decoder(Account)
_client = msgspec.json.Decoder(Client)
_listed = msgspec.json.Decoder(Listed)


def open_sign_ins(
    redis: Redis, pubsub: PubSub, settings: Settings, entries: Sequence[ServerEntry]
) -> SignIns | None:
    """What is kept for those of *entries* that ask people to sign in; None if none does.

    Raises:
        ConfigError: a setting that they need is not set.
    """
    asking = [one.name for one in entries if one.sign_in]
    if not asking:
        return None
    if not settings.public_url:
        raise ConfigError("PUBLIC_URL", f"is not set, and people sign in to {asking[0]} there")
    secret = vault_keys(settings, f"what people sign in to {asking[0]} with")
    return SignIns(redis, pubsub, Vault(secret))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
