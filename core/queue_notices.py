"""Queue notices: a person who waits in private is told so, with the place in the queue.

The person waits for a free worker, or for their own earlier answers. When the turn begins, the
notice's post becomes the answer's post. In groups there is one post for all (see `core.crowd`).
"""

import asyncio
from collections.abc import Mapping
from functools import partial

from core.budget import Budget
from core.crowd import CrowdTeller
from core.errors import PlatformError, StoreError
from core.languages.catalogue import say
from core.languages.detection import language_of
from core.lent import Leases
from core.messages import Button, ConversationId, Incoming, split_conversation
from core.platform import Platform
from core.retry import retry_until_available
from core.store.inbox import Inbox
from core.store.looks import Looks
from core.tasks import see_through
from core.telemetry import logger

log = logger(__name__)

LOOK_S = 2.0
TOLD_AFTER_S = 3.0
"""A person who waits less than this needs no notice."""
LAST_WORDS_S = 2.0
"""How long a cancelled task waits for a post under way. Nobody would know of a cut one."""
MOST_REFUSALS = 20
"""If so many chats in a row have no token, the platform's own budget is empty."""


class QueueNotices:
    """Tells the people of *platforms*. Every process has one; a lease lets one of them work."""

    def __init__(
        self,
        inbox: Inbox,
        platforms: Mapping[str, Platform],
        budget: Budget,
        leases: Leases,
        crowds: CrowdTeller,
    ) -> None:
        self._inbox = inbox
        self._crowds = crowds
        self._platforms = platforms
        self._budget = budget
        self._leases = leases
        self._told: dict[str, set[ConversationId]] = {}
        """Who was told, by platform."""
        self._looks: Looks[str, None] = Looks()

    async def watch(self) -> None:
        """For ever: tell those who wait longer than `TOLD_AFTER_S` their place in the queue."""
        while True:
            async with self._leases.hold("line") as lease:
                try:
                    while lease.held:
                        await asyncio.sleep(LOOK_S)
                        await self._look_at_all()
                finally:
                    await self._looks.close()

    async def _look_at_all(self) -> None:
        served = self._platforms.items()
        try:
            if served:
                await self._looks.at({name: partial(self._look, one) for name, one in served})
        except StoreError as error:
            log.warning("queue not looked at", reason=str(error))

    async def _look(self, platform: Platform) -> None:
        told = self._told.setdefault(platform.name, set())
        waiting = await self._inbox.waiting(platform.name, TOLD_AFTER_S)
        refusals = 0
        for one in waiting:
            if refusals == MOST_REFUSALS:
                break
            if one.conversation in told:
                continue
            if await self.notify(one.conversation, "in_line", place=one.place):
                told.add(one.conversation)
                refusals = 0
            else:
                refusals += 1
        told &= {one.conversation for one in waiting}
        await self._crowds.look(platform, TOLD_AFTER_S)

    async def notify(self, conversation: ConversationId, sentence: str, **values: object) -> bool:
        """Say *sentence* to the first who waits in *conversation*. False: there is no token."""
        platform = self._platforms.get(split_conversation(conversation)[0])
        incoming = await self._inbox.untold(conversation)
        if platform is None or incoming is None:
            return True
        if (await self._budget.take(platform.budget(conversation), "preview")).wait_s:
            return False
        language = language_of(incoming.text, "", incoming.sender.language)
        surface = platform.open_surface(conversation, incoming.reply_to)
        stop = Button("stop", say("stop", language))

        async def post() -> None:
            await surface.finish(say(sentence, language, **values), [stop])
            if surface.handle and not await self._kept(incoming, surface.handle):
                await surface.delete()

        try:
            await see_through(post(), LAST_WORDS_S)
        except PlatformError as error:
            log.warning("queue notice not delivered", conversation=conversation, reason=str(error))
        return True

    async def _kept(self, incoming: Incoming, handle: str) -> bool:
        """Whether the store keeps *handle*, so that the answer to *incoming* uses the post."""
        try:
            async with asyncio.timeout(LAST_WORDS_S / 2):
                return await retry_until_available(
                    lambda: self._inbox.keep_placeholder(incoming, handle), "note"
                )
        except TimeoutError:
            return False
