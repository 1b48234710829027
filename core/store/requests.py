"""Who asked to be let in, for all replicas, until an owner decides or a week has passed."""

import time
from collections.abc import Mapping, Sequence
from typing import Literal, cast

import msgspec
from redis.asyncio import Redis

from core.messages import ConversationId, Incoming, split_conversation
from core.store import keys
from core.store.connection import script, store_errors
from core.store.values import read_each

KEPT_S = 7 * 24 * 3600
MOST, MOST_IN_A_PLACE = 50, 5
"""So many people of a bot, and of a group, can wait at once. Others are told to ask the operator,
so a crowd of strangers fills neither the store nor the screen of an owner."""


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stranger wrote to us.

    *place*: the group or channel (`platform:space`) where, empty in private. *reply_to*: what a
    word to them there answers.
    """

    person: str
    name: str
    conversation: ConversationId
    at: float
    language: str = ""
    place: str = ""
    place_name: str = ""
    reply_to: str = ""


_request = msgspec.json.Decoder(Request)


def request_of(incoming: Incoming) -> Request:
    """What is kept of *incoming*. Its words are not."""
    platform, space, _ = split_conversation(incoming.conversation)
    return Request(
        incoming.sender.id,
        incoming.sender.name,
        incoming.conversation,
        time.time(),
        incoming.sender.language,
        "" if incoming.private else f"{platform}:{space}",
        incoming.place_name,
        incoming.aside or incoming.reply_to,
    )


class SharedRequests:
    """The requests of all tenants. Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._request = script(redis, "request")

    async def keep(self, tenant: str, request: Request) -> Literal["new", "known", "full"]:
        """Keep *request*, unless its person has asked already, or too many have."""
        value = msgspec.json.encode(request)
        bounds = (request.at, KEPT_S, MOST, request.place, MOST_IN_A_PLACE)
        with store_errors():
            kept = await self._request(
                keys=[keys.requests(tenant)], args=[request.person, value, *bounds]
            )
        return "new" if kept == 1 else "known" if kept == 0 else "full"

    async def waiting(self, tenant: str) -> Sequence[Request]:
        """All requests, the oldest first."""
        with store_errors():
            found = cast(Mapping[bytes, bytes], await self._redis.hgetall(keys.requests(tenant)))
        kept = read_each(_request, found.values(), "store.requests")
        known = (one for one in kept if one.at > time.time() - KEPT_S)
        return sorted(known, key=lambda one: one.at)

    async def take(self, tenant: str, name: str) -> Sequence[Request]:
        """Remove the requests of the person, or from the place, *name*.

        Returns:
            Those that this call removed: nobody else tells these people.
        """
        about = [one for one in await self.waiting(tenant) if name in (one.person, one.place)]
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for one in about:
                    pipe.hdel(keys.requests(tenant), one.person)
                removed = await pipe.execute()
        return [one for one, was in zip(about, removed, strict=True) if was]
