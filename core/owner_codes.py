"""The owner code: how the first person gets in where the operator named nobody.

Telegram and Slack are closed unless the settings say who may ask. If they say nothing and there is
no owner yet, each process logs the same code. Who sends it to the bot in private is the owner, and
the code is dead. It lives in the store, so it is the same for all replicas and after a restart.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Iterable

from core.errors import StoreError
from core.messages import Incoming
from core.people.access import Access
from core.people.roles import Member, Role
from core.platform import Platform
from core.store.limits import Notices
from core.store.members import SharedMembers
from core.telemetry import logger

log = logger(__name__)

LOOK_S = 2.0
"""A process looks this often for a platform that has started, and for another code: the last one
was read by others, or is a day old."""
TRIES, TRIES_S = 5, 3600
"""One person may send so many codes in so many seconds. More are not even answered."""
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_CODE = re.compile(r"own(?:-[a-z2-7]{4}){5}")


def _fresh() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(5))
    return f"own-{'-'.join(groups)}"


class OwnerCodes:
    """The codes of the tenants of *platforms*, those that have started."""

    def __init__(
        self,
        members: SharedMembers,
        notices: Notices,
        access: Access,
        platforms: Callable[[], Iterable[Platform]],
    ) -> None:
        self._members = members
        self._notices = notices
        self._access = access
        self._platforms = platforms
        self._told: dict[str, str] = {}

    def may_have_none(self, platform: Platform) -> bool:
        """Whether *platform* may be one that nobody may use yet."""
        return not (platform.local or self._access.names_somebody(platform.name))

    async def wanted(self, platform: Platform) -> bool:
        """Whether a code waits for the owner of *platform*. Raises `StoreError`."""
        return self.may_have_none(platform) and await self._members.has_owner_code(platform.name)

    async def watch(self) -> None:
        """Log each code that nobody was told yet."""
        while True:
            for platform in self._platforms():
                await self._tell(platform)
            await asyncio.sleep(LOOK_S)

    async def _tell(self, platform: Platform) -> None:
        if not self.may_have_none(platform):
            return
        try:
            code = await self._members.owner_code(platform.name, _fresh())
        except StoreError:
            return
        if code and self._told.get(platform.name) != code:
            self._told[platform.name] = code
            log.warning(
                f"nobody may use the bot on {platform.name} yet: send it this code in private, and "
                "you are its owner. Or set OWNERS, ALLOWED_USERS or ALLOWED_CHATS; OPEN=true lets "
                "everyone in, as versions before this one did",
                code=code,
                bot=platform.identity,
            )

    async def heard(self, platform: Platform, incoming: Incoming, role: Role) -> str | None:
        """What to say to *incoming* if it is about a code, perhaps nothing. None: it is not.

        Raises:
            StoreError: the store is away.
        """
        if platform.local or "own-" not in incoming.text or incoming.command not in ("", "start"):
            return None
        if not incoming.private:
            return await self._made_public(platform, incoming)
        code = incoming.text.strip().strip("`'\"“”«»").strip()
        if not _CODE.fullmatch(code):
            return None
        if role is Role.OWNER:
            return "owner_now"
        tenant, person = platform.name, incoming.sender
        if incoming.edited or incoming.deleted or not self.may_have_none(platform):
            return "code_wrong"
        for number in range(TRIES):
            if await self._notices.first_time(f"code:{person.id}:{number}", TRIES_S):
                break
        else:
            return ""
        member = Member(Role.OWNER, person.name, "code", time.time(), person.language)
        if await self._members.own(tenant, code, person.id, member):
            log.warning("the bot has an owner now", platform=tenant, person=person.id)
            return "owner_now"
        return "code_wrong"

    async def _made_public(self, platform: Platform, incoming: Incoming) -> str | None:
        """Somebody wrote in a group. A code that others can read there is good no more."""
        for code in _CODE.findall(incoming.text)[:TRIES]:
            if await self._members.drop_owner_code(platform.name, code):
                log.warning("the owner code was written in a group", platform=platform.name)
                await self._tell(platform)
                return "code_wrong"
        return None
