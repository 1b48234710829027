"""Requests to be let in: a stranger wrote, and an owner decides with a button.

The owners are told in private. However many strangers come, an owner gets only a few posts an hour;
`/allow` shows who else waits.
"""

import time
from collections.abc import Mapping, Sequence

from redis.asyncio import Redis

from core.budget import Budget
from core.errors import PlatformError, StoreError
from core.languages.catalogue import Language, say
from core.languages.detection import language_of
from core.live.delivery import post
from core.messages import Button, Incoming, place_of
from core.people.access import Access
from core.people.roles import Member, Role, person_in
from core.platform import Platform
from core.store.limits import Notices
from core.store.members import SharedMembers
from core.store.requests import Request, SharedRequests, request_of
from core.telemetry import logger
from core.words import code, cut

log = logger(__name__)

POSTS, POSTS_S = 5, 3600
"""An owner gets at most so many requests in so many seconds, and then one word that there are
more."""
MOST_OWNERS = 10
LABEL_CHARS = 24
KNOWN_S = 10.0
TRIES = 3


class Requests:
    """Keeps requests, and tells those who can decide."""

    def __init__(
        self, redis: Redis, members: SharedMembers, access: Access, budget: Budget
    ) -> None:
        self.kept = SharedRequests(redis)
        self.members = members
        self._notices = Notices(redis)
        self._access = access
        self._budget = budget
        self._known: dict[str, tuple[float, Mapping[str, str]]] = {}

    async def ask(self, platform: Platform, incoming: Incoming) -> tuple[str, Request | None]:
        """Keep the request that *incoming*, a stranger's message, is.

        Returns:
            The name of the sentence for the stranger, and the request if owners must be told.

        Raises:
            StoreError: the store is away.
        """
        if incoming.sender.shared or not await self._deciders(platform.name):
            return "not_allowed", None
        request = request_of(incoming)
        match await self.kept.keep(platform.name, request):
            case "new":
                return "request_kept", request
            case "known":
                return "request_kept", None
            case "full":
                return "not_allowed", None

    async def tell(self, platform: Platform, request: Request) -> None:
        """Tell the owners of *request*, as far as they were not told of many others just now."""
        try:
            deciders = await self._deciders(platform.name)
            for person, language in list(deciders.items())[:MOST_OWNERS]:
                await self._tell(platform, request, person, language_of("", "", language))
        except StoreError as error:
            log.warning("owner not told of a request", reason=str(error))

    async def _tell(
        self, platform: Platform, request: Request, person: str, language: Language
    ) -> None:
        text, buttons = described(request, language), buttons_of(request, language)
        if not await self._notices.one_of(f"request:{person}", POSTS, POSTS_S):
            if not await self._notices.first_time(f"requests:{person}", POSTS_S):
                return
            text, buttons = say("requests_more", language), []
        try:
            conversation = await platform.private_with(person)
            surface = platform.open_surface(conversation, "")
            await post(surface, text, conversation, self._budget, buttons=buttons, tries=TRIES)
        except PlatformError as error:
            log.warning("owner not told of a request", person=person, reason=str(error))

    async def granted(self, platform: Platform, request: Request, *, everybody: bool) -> None:
        """Tell the person of *request*, or *everybody* where it came from, that they may ask."""
        language = language_of("", "", request.language)
        conversation, reply_to = request.conversation, request.reply_to
        text = say("request_granted", language)
        if everybody:
            conversation, reply_to = place_of(conversation), ""
            text = say("request_granted_all", language)
        try:
            surface = platform.open_surface(conversation, reply_to)
            await post(surface, text, conversation, self._budget, tries=TRIES)
        except PlatformError as error:
            log.warning("not told to be let in", person=request.person, reason=str(error))

    async def _deciders(self, tenant: str) -> Mapping[str, str]:
        """The owners of *tenant*, else its admins, with their languages."""
        until, found = self._known.get(tenant, (0.0, {}))
        if until < time.monotonic():
            members = await self.members.all(tenant)
            found = self._of(tenant, members, Role.OWNER) or self._of(tenant, members, Role.ADMIN)
            self._known[tenant] = time.monotonic() + KNOWN_S, found
        return found

    def _of(self, tenant: str, members: Mapping[str, Member], least: Role) -> Mapping[str, str]:
        stored = {
            name: one.language
            for name, one in members.items()
            if one.role >= least and person_in(name) == name
        }
        return dict.fromkeys(self._access.people(tenant, least), "") | stored


def described(request: Request, language: Language) -> str:
    """The sentence that says who asks, and where."""
    words = {"name": code(request.name), "id": code(request.person)}
    if not request.place:
        return say("request_private", language, **words)
    place = code(request.place_name or request.place)
    return say("request_place", language, place=place, **words)


def buttons_of(request: Request, language: Language, *, named: bool = False) -> Sequence[Button]:
    """The buttons that decide *request*. *named*: several people are listed above them."""
    who = f": {cut(request.name, LABEL_CHARS)}" if named else ""
    buttons = [Button(f"allow {request.person}", say("request_allow", language) + who)]
    if request.place:
        where = f": {cut(request.place_name or request.place, LABEL_CHARS)}" if named else ""
        label = say("request_allow_place", language) + where
        buttons.append(Button(f"allow {request.place}", label))
    buttons.append(Button(f"block {request.person}", say("request_block", language) + who))
    return buttons
