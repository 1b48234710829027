"""What admins decided about people and places, and the code of a tenant without an owner.

All replicas share both, and both outlive a restart.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Literal, cast

import msgspec
from redis.asyncio import Redis

from core.people.roles import Member, Role
from core.store import keys
from core.store.connection import script, store_errors
from core.store.values import read, words

CODE_S = 24 * 3600
"""How long a code is good. Then there is another one."""
Verdict = Literal["done", "not theirs", "last owner", "decided", "changed"]
_VERDICTS: Mapping[int, Verdict] = {
    1: "done",
    0: "not theirs",
    -1: "last owner",
    -2: "decided",
    -3: "changed",
}
_member = msgspec.json.Decoder(Member)


class SharedMembers:
    """The members of all tenants. Every method raises `StoreError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._code = script(redis, "owner_code")
        self._own = script(redis, "own")
        self._decide = script(redis, "decide")

    async def look(self, tenant: str, names: Sequence[str]) -> Sequence[Member | None]:
        """As `Members.look`. What cannot be read counts as not decided."""
        with store_errors():
            found = cast(
                list[bytes | None], await self._redis.hmget(keys.members(tenant), list(names))
            )
        return [None if raw is None else read(_member, raw, "store.members") for raw in found]

    async def all(self, tenant: str) -> Mapping[str, Member]:
        """What was decided about all people and places of *tenant*, by their ids."""
        with store_errors():
            found = cast(Mapping[bytes, bytes], await self._redis.hgetall(keys.members(tenant)))
        members = {words(name): read(_member, raw, "store.members") for name, raw in found.items()}
        return {name: one for name, one in members.items() if one is not None}

    async def decide(
        self,
        tenant: str,
        name: str,
        member: Member,
        *,
        by_owner: bool,
        owned: bool,
        since: float | None = None,
        was: Role | None = None,
    ) -> Verdict:
        """Decide that the person or place *name* is *member*; a stranger is decided about no more.

        Args:
            by_owner: whether an owner decides. Others may not change the role of an admin.
            owned: whether the settings name an owner. Else the last one stays.
            since: what somebody else has decided since then stays. None: it does not.
            was: the role that *name* must have now. None: any.
        """
        role = member.role
        value = b"" if role is Role.STRANGER else msgspec.json.encode(member)
        until, had = "" if since is None else since, "" if was is None else int(was)
        with store_errors():
            done = await self._decide(
                keys=[keys.members(tenant)],
                args=[name, value, int(role), int(by_owner), int(owned), until, member.by, had],
            )
        return _VERDICTS[done]

    async def owner_code(self, tenant: str, fresh: str) -> str:
        """The code of *tenant*; *fresh* if it has none yet. Empty: it has an owner."""
        with store_errors():
            code = await self._code(
                keys=[keys.owner_code(tenant), keys.members(tenant)], args=[fresh, CODE_S]
            )
        return words(code)

    async def has_owner_code(self, tenant: str) -> bool:
        """Whether *tenant* has a code now, so no owner."""
        with store_errors():
            return bool(await self._redis.exists(keys.owner_code(tenant)))

    async def is_owner_code(self, tenant: str, code: str) -> bool:
        """Whether *code* is good now. Compared in constant time."""
        with store_errors():
            right = cast(bytes | None, await self._redis.get(keys.owner_code(tenant)))
        return hmac.compare_digest(right or b"", code.encode()) and bool(code)

    async def own(self, tenant: str, code: str, person: str, member: Member) -> bool:
        """Make *person* the owner of *tenant*. False if there is one, or *code* is not good."""
        if not await self.is_owner_code(tenant, code):
            return False
        with store_errors():
            owns = await self._own(
                keys=[keys.owner_code(tenant), keys.members(tenant)],
                args=[code, person, msgspec.json.encode(member)],
            )
        return bool(owns)

    async def drop_owner_code(self, tenant: str, code: str) -> bool:
        """Make *code* useless, if it is good now: others have read it."""
        if not await self.is_owner_code(tenant, code):
            return False
        with store_errors():
            return bool(await self._redis.delete(keys.owner_code(tenant)))
