"""The owner code: how the first person gets in where the operator named nobody.

Telegram and Slack are closed unless the settings say who may ask. If they say nothing and there is
no owner yet, each process logs the same code. Who sends it to the bot in private is the owner, and
the code is dead. It lives in the store, so it is the same for all replicas and after a restart.
"""

import asyncio
import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from core.errors import StoreError
from core.messages import Incoming
from core.people.roles import Member, Role
from core.platform import Platform
from core.telemetry import logger
from core.turn.services import Services

log = logger(__name__)

LOOK_S = 2.0
"""A process looks this often for a platform that has started, and for another code: the last one
was read by others, or is a day old."""
TRIES, TRIES_S = 5, 3600
"""One person may send so many codes in so many seconds. More are not even answered."""
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_CODE = re.compile(r"(?<![a-z0-9])own(?:[\W_]{0,3}[a-z2-7]{4}){5}(?![a-z0-9])")
"""However it was copied: in capital letters, with other dashes, spaces or line ends. A code has a
digit, so that no five words of four letters are one."""
TEXT_CHARS = 10_000


def fresh_code() -> str:
    """A code that nobody knows yet."""
    letters = ""
    while not re.search("[2-7]", letters):
        letters = "".join(secrets.choice(_ALPHABET) for _ in range(20))
    return _spelt(f"own{letters}")


def _spelt(code: str) -> str:
    """*code* as the log shows it."""
    letters = re.sub(r"[\W_]+", "", code)
    return "-".join([letters[:3], *(letters[at : at + 4] for at in range(3, len(letters), 4))])


def codes_in(text: str) -> Sequence[str]:
    """What stands in *text* in the shape of a code."""
    plain = unicodedata.normalize("NFKC", text[:TEXT_CHARS]).lower()
    return [_spelt(one) for one in _CODE.findall(plain) if re.search("[2-7]", one)]


class OwnerCodes:
    """The codes of the tenants of *platforms*, those that have started."""

    def __init__(
        self,
        services: Services,
        platforms: Callable[[], Iterable[Platform]],
    ) -> None:
        self._members = services.requests.members
        self._notices = services.notices
        self._access = services.access
        self._platforms = platforms
        self._told: dict[str, str] = {}

    def may_have_none(self, platform: Platform) -> bool:
        """Whether *platform* may be one that nobody may use yet."""
        return not (platform.local or self._access.names_somebody(platform.name))

    async def wanted(self, platform: Platform) -> bool:
        """Whether a code waits for the owner of *platform*. Raises `StoreError`."""
        await self._tell(platform)  # A stranger may be quicker than the watch.
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
            code = await self._members.owner_code(platform.name, fresh_code())
        except StoreError:
            return
        if code and self._told.get(platform.name) != code:
            self._told[platform.name] = code
            log.warning(
                f"nobody may use the bot on {platform.name} yet: send it this code in "
                "private, and you are its owner. Or set OWNERS, ALLOWED_USERS or ALLOWED_CHATS; "
                "OPEN=true lets everyone in, as versions before this one did",
                code=code,
                bot=platform.identity,
            )

    async def heard(self, platform: Platform, incoming: Incoming, role: Role) -> str | None:
        """What to say to *incoming* if it is about a code, perhaps nothing. None: it is not.

        Raises:
            StoreError: the store is away.
        """
        # Somebody may take it for a command: `/own-…`.
        as_command = incoming.command.startswith("own")
        said = f"{incoming.command}{incoming.text}" if as_command else incoming.text
        if platform.local or not (codes := codes_in(said)):
            return None
        if not incoming.private:
            return await self._made_public(platform, codes)
        if incoming.command not in ("", "start") and not as_command:
            return None
        code = codes[0]
        if role is Role.OWNER:
            return "owner_now"
        tenant, person = platform.name, incoming.sender
        if incoming.edited or incoming.deleted or not self.may_have_none(platform):
            return "code_wrong"
        if not await self._notices.one_of(f"code:{person.id}", TRIES, TRIES_S):
            return ""
        member = Member(Role.OWNER, person.name, "code", time.time(), person.language)
        if await self._members.own(tenant, code, person.id, member):
            log.warning("the bot has an owner now", platform=tenant, person=person.id)
            return "owner_now"
        return "code_wrong"

    async def _made_public(self, platform: Platform, codes: Sequence[str]) -> str | None:
        """Somebody wrote *codes* in a group. What others can read there is good no more."""
        for code in codes[:TRIES]:
            if await self._members.drop_owner_code(platform.name, code):
                log.warning(
                    "the owner code was written where others read it, so it is good no more: the "
                    "next one stands below in this log, and is sent to the bot in private",
                    platform=platform.name,
                )
                await self._tell(platform)
                return "code_wrong"
        return None
