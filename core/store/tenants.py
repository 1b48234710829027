"""Which bot each tenant's name belongs to.

A platform may have several tenants: bots, or workspaces. The names of all that is kept begin with
the tenant's name. The first one is called as its platform (`telegram`), because everything that was
kept before there were several is its own; others have a name of their own behind a `+`
(`telegram+shop`). If the operator changes the order of tokens or takes one away, no bot may come by
what another one knows. So it is kept here for good which bot has which name.
"""

from collections.abc import Mapping
from typing import NamedTuple, cast

from redis.asyncio import Redis

from core.errors import PlatformError
from core.store import keys
from core.store.connection import store_errors
from core.store.values import words
from core.tenant_names import OWN, kind_of


class Wanted(NamedTuple):
    """What a tenant is made from.

    Args:
        bot: what its credentials tell of who it is, such as the id of a bot; empty: nothing.
        replaces: whether it may follow another bot under its name.
        digest: of its settings, to know whether they changed.
    """

    bot: str
    replaces: bool
    digest: str


class Tenants:
    """The names of all tenants. *wanted*: what those of this process are made from, by name."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.wanted: dict[str, Wanted] = {}

    async def known(self) -> Mapping[str, str]:
        """The name of each bot that was ever served. Raises `StoreError`."""
        with store_errors():
            found = cast(Mapping[bytes, bytes], await self._redis.hgetall(keys.TENANTS))
        return {words(bot): words(name) for bot, name in found.items()}

    async def name_of(self, kind: str, bot: str) -> str:
        """The name of *bot* on the platform *kind*. Raises `StoreError`."""
        return (await self.known()).get(f"{kind} {bot}", f"{kind}{OWN}{bot}")

    async def hold(self, name: str, bot: str = "") -> None:
        """Keep that *name* is the name of *bot*; empty: of the one that its settings tell.

        Raises:
            PlatformError: the bot has another name, or the name another bot.
            StoreError: the store is away.
        """
        wanted = self.wanted.get(name, _INSTALLED)
        if not (bot := f"{kind_of(name)} {bot}" if bot else wanted.bot):
            return
        known = await self.known()
        if (kept := known.get(bot, name)) != name:
            raise PlatformError(f"all that this bot knows is kept as {kept}: give it that name")
        before = [one for one, its in known.items() if its == name and one != bot]
        if before and not wanted.replaces:
            raise PlatformError(f"{name} is the name of another bot: give this one its own name")
        with store_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                if before:
                    pipe.hdel(keys.TENANTS, *before)
                pipe.hset(keys.TENANTS, bot, name)
                await pipe.execute()


_INSTALLED = Wanted("", replaces=False, digest="")
