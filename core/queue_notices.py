"""Queue notices: who waits for a free worker, or for answers of one's own, is told so.

In private: the post that says it becomes the answer's post when its turn begins. In groups
there is one post for all (see `core.crowd`).
"""

import asyncio
from collections.abc import Mapping

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
from core.tasks import see_through
from core.telemetry import logger

log = logger(__name__)

LOOK_S = 2.0
TOLD_AFTER_S = 3.0
"""Who waits shorter than this needs no message."""
LAST_WORDS_S = 2.0
"""How long a post that was begun is waited for: cut off, nobody would know of it."""
MOST_REFUSALS = 20
"""So many chats in a row without a token mean that the platform's own budget is empty."""


class QueueNotices:
    """Tells the people of *platforms*; every process has one, and one of them works."""

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
        self._told: set[ConversationId] = set()

    async def watch(self) -> None:
        """Tell whoever waits longer than `TOLD_AFTER_S` their place, again and again."""
        while True:
            async with self._leases.hold("line") as lease:
                while lease.held:
                    await asyncio.sleep(LOOK_S)
                    try:
                        waiting: set[ConversationId] = set()
                        for platform in tuple(self._platforms.values()):
                            waiting |= await self._look(platform)
                            await self._crowds.look(platform, TOLD_AFTER_S)
                        self._told &= waiting
                    except StoreError as error:
                        log.warning("queue not looked at", reason=str(error))

    async def _look(self, platform: Platform) -> set[ConversationId]:
        waiting = await self._inbox.waiting(platform.name, TOLD_AFTER_S)
        refusals = 0
        for one in waiting:
            if refusals == MOST_REFUSALS:
                break
            if one.conversation in self._told:
                continue
            if await self.notify(one.conversation, "in_line", place=one.place):
                self._told.add(one.conversation)
                refusals = 0
            else:
                refusals += 1
        return {one.conversation for one in waiting}

    async def notify(self, conversation: ConversationId, sentence: str, **values: object) -> bool:
        """Say *sentence* to who asked first in *conversation*; false when there is no token."""
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
        """Whether the answer to *incoming* will know the post *handle*, and take its place."""
        try:
            async with asyncio.timeout(LAST_WORDS_S / 2):
                return await retry_until_available(
                    lambda: self._inbox.keep_placeholder(incoming, handle), "note"
                )
        except TimeoutError:
            return False
