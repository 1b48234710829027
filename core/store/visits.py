"""Links by which people of the bot come to a page, and the sessions that begin with them.

The store holds only digests: who reads it cannot come in by what stands there.
"""

import hashlib
import secrets
import time
from typing import Any, Literal, cast

import msgspec
from redis.asyncio import Redis

from core.messages import Sender
from core.people.roles import tenant_of
from core.store import keys
from core.store.connection import store_errors
from core.store.sharded import spreads
from core.store.values import read, words

LINK_S = 10 * 60
SESSION_S = {"page": 30 * 24 * 3600, "admin": 12 * 3600}
MOST_SESSIONS = 20
"""So many browsers one person may be signed in with. Then the oldest is signed out."""

To = Literal["page", "admin"]


class Visit(msgspec.Struct, frozen=True):
    """Who comes *to* which page."""

    sender: Sender
    to: To


_visit = msgspec.json.Decoder(Visit)


class SharedVisits:
    """All processes share them. Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def guest_of(self, person: str) -> str:
        """The tenant of *person*, if their conversations on a page must name it; else empty.

        The page is in shard 0. A turn there changes what is the person's too, and no turn can
        change keys of two shards. So the conversation is kept with the person's tenant.
        """
        tenant = tenant_of(person)
        return tenant if spreads(self._redis, tenant) else ""

    async def invite(self, visit: Visit) -> str:
        """The secret part of a link, good once and for `LINK_S`."""
        link = secrets.token_urlsafe(24)
        digest, links = _digest(link), keys.visit_links(visit.sender.id)
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(keys.visit_link(digest), msgspec.json.encode(visit), ex=LINK_S)
                pipe.sadd(links, digest)
                pipe.expire(links, LINK_S)
                await pipe.execute()
        return link

    async def accept(self, link: str, to: To) -> Visit | None:
        """Who holds *link*. It is used up, also if it leads elsewhere than *to*."""
        with store_errors():
            raw = cast(bytes | None, await self._redis.getdel(keys.visit_link(_digest(link))))
        return _led(raw, to)

    async def begin(self, visit: Visit) -> str:
        """What the browser keeps of a new session."""
        cookie, person = secrets.token_urlsafe(24), visit.sender.id
        digest, last_s = _digest(cookie), SESSION_S[visit.to]
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(keys.visit(digest), msgspec.json.encode(visit), ex=last_s)
                pipe.zadd(keys.visits(person), {digest: time.time()})
                pipe.expire(keys.visits(person), max(SESSION_S.values()))
                pipe.zrange(keys.visits(person), 0, -1 - MOST_SESSIONS)
                pipe.zremrangebyrank(keys.visits(person), 0, -1 - MOST_SESSIONS)
                *_, old, _ = await pipe.execute()
            for one in map(words, old):
                await self._redis.delete(keys.visit(one))
        return cookie

    async def of(self, cookie: str, to: To) -> Sender | None:
        """Who is signed in *to* that page with *cookie*."""
        with store_errors():
            raw = cast(bytes | None, await self._redis.get(keys.visit(_digest(cookie))))
        visit = _led(raw, to)
        return visit.sender if visit is not None else None

    async def leave(self, cookie: str) -> None:
        """End one session."""
        with store_errors():
            await self._redis.delete(keys.visit(_digest(cookie)))

    async def end(self, person: str) -> None:
        """End all sessions of *person*, and their links: who finds one later may not come in."""
        mine, links = keys.visits(person), keys.visit_links(person)
        with store_errors():
            digests = cast(list[bytes], await self._redis.zrange(mine, 0, -1))
            unused = cast(set[bytes], await cast(Any, self._redis.smembers(links)))
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.delete(mine, links)
                for one in map(words, digests):
                    pipe.delete(keys.visit(one))
                for one in map(words, unused):
                    pipe.delete(keys.visit_link(one))
                await pipe.execute()


def _led(raw: bytes | None, to: To) -> Visit | None:
    """The visit that *raw* is, if it leads *to* that page."""
    visit = read(_visit, raw, "store.visit")
    return visit if visit is not None and visit.to == to else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
