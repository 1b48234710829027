"""Crowds: the people who wait in groups for their turns, and the posts that tell them so."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from core.messages import ConversationId, Incoming
from core.store import keys
from core.store.connection import store_errors
from core.store.inbox import MOST_IN_LINE, Inbox
from core.store.lanes import Lane, lane_named
from core.store.sharded import at_home
from core.store.values import read, read_incoming, words


class Crowd(msgspec.Struct, frozen=True):
    """How many *people* wait in a conversation. The lane *first* is the next one."""

    people: int
    first: Lane


class CrowdPost(msgspec.Struct, frozen=True):
    """The post *handle* says in a conversation that *people* wait."""

    handle: str
    people: int


_post = msgspec.json.Decoder(CrowdPost)


class Crowds:
    """The crowds, as all processes see them. Every method raises `StoreError`."""

    def __init__(self, redis: Redis, inbox: Inbox) -> None:
        self._redis = redis
        self._inbox = inbox

    async def waiting(self, platform: str, longer_than_s: float) -> Mapping[ConversationId, Crowd]:
        """The crowds that wait: for a free worker, or for a slot of the place or the person."""
        with store_errors():
            found: Any = await self._redis.zrange(
                keys.crowd(platform), 0, MOST_IN_LINE - 1, withscores=True
            )
            now_s = (await at_home(self._redis, platform).time())[0] if found else 0
        parked = [lane_named(words(name)) for name, at in found if at <= now_s - longer_than_s]
        ready = await self._inbox.unclaimed(platform, longer_than_s, alone=False)
        # A ready lane has waited longer than a parked one.
        lanes = list(dict.fromkeys([*(lane for _, lane in ready), *parked]))
        people = Counter(lane.conversation for lane in lanes)
        first = {lane.conversation: lane for lane in reversed(lanes)}
        return {where: Crowd(count, first[where]) for where, count in people.items()}

    async def first_mail(self, lane: Lane) -> Incoming | None:
        with store_errors():
            mail = cast(bytes | None, await self._redis.lindex(keys.mail(lane.name), 0))
        return None if mail is None else read_incoming(mail, "")

    async def posts(self, platform: str) -> Mapping[ConversationId, CrowdPost]:
        with store_errors():
            found = cast(dict[bytes, bytes], await self._redis.hgetall(keys.crowd_posts(platform)))
        posts = {words(where): read(_post, raw, "store.crowd") for where, raw in found.items()}
        return {ConversationId(where): post for where, post in posts.items() if post is not None}

    async def keep(self, platform: str, conversation: ConversationId, post: CrowdPost) -> None:
        with store_errors():
            await self._redis.hset(
                keys.crowd_posts(platform), conversation, msgspec.json.encode(post)
            )

    async def drop(self, platform: str, conversation: ConversationId) -> None:
        with store_errors():
            await self._redis.hdel(keys.crowd_posts(platform), conversation)
