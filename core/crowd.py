"""Crowds: a group in which many people wait is told so in one post for all of them.

The post costs a token of the place's budget, as an answer does. If 200 people waited and each got a
notice, the notices would take minutes in which ten of them could be answered. So answers go first.
The post is edited when its number is far from right, and is deleted when nobody waits.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence

from core.budget import LOOK_AGAIN_S, Budget
from core.errors import Impossible, PlatformError
from core.languages.catalogue import say
from core.languages.detection import language_of
from core.messages import ConversationId, place_of
from core.platform import Bucket, Platform, Surface
from core.store.crowds import Crowd, CrowdPost, Crowds
from core.store.limits import Notices
from core.tasks import see_through
from core.telemetry import logger

log = logger(__name__)

NOTICE_EVERY_S = 60
"""A group or channel gets at most one notice in this time, because answers go first."""
SPARE_WAIT_S = 60.0
"""How long a notice waits for a token that no answer needs. If none comes in this time, answers
will take all tokens for minutes. Then the notice takes one of theirs."""
AMONG_ANSWERS_S = 10.0
"""How long the notice then waits among the answers. Other places are not looked at meanwhile."""
MORE, FEWER = 2, 10
"""The post is edited when the number is `MORE` times as large, or a tenth (`FEWER`)."""
LAST_WORDS_S = 2.0
"""How long a cancelled task waits for a post under way. Nobody would know of a cut one."""


def notice_of(conversation: ConversationId) -> str:
    """The name under which `Notices` knows that the place of *conversation* had a notice."""
    return f"notice:{place_of(conversation)}"


class CrowdTeller:
    """Tells groups that people wait. One process at a time does (see `core.queue_notices`)."""

    def __init__(self, crowds: Crowds, notices: Notices, budget: Budget) -> None:
        self._crowds = crowds
        self._notices = notices
        self._budget = budget
        self._since: dict[str, dict[ConversationId, float]] = {}
        """Since when a post is wanted, by platform and conversation."""

    async def look(self, platform: Platform, longer_than_s: float) -> None:
        """Tell groups in which people wait longer than *longer_than_s*, largest crowds first."""
        waiting = await self._crowds.waiting(platform.name, longer_than_s)
        posts = await self._crowds.posts(platform.name)
        for conversation, post in posts.items():
            if conversation not in waiting:
                await self._take_down(platform, conversation, post)
        wanted = {
            conversation: crowd
            for conversation, crowd in waiting.items()
            if conversation not in posts or _differs(posts[conversation].people, crowd.people)
        }
        before, now = self._since.get(platform.name, {}), time.monotonic()
        self._since[platform.name] = {one: before.get(one, now) for one in wanted}
        for conversation, crowd in sorted(wanted.items(), key=lambda one: -one[1].people):
            await self._tell(platform, conversation, crowd, posts)

    async def _tell(
        self,
        platform: Platform,
        conversation: ConversationId,
        crowd: Crowd,
        posts: Mapping[ConversationId, CrowdPost],
    ) -> None:
        name = notice_of(conversation)
        mail = await self._crowds.first_mail(crowd.first)
        if mail is None or await self._notices.already_given(name):
            return
        surface = (
            platform.reopen_surface(conversation, posts[conversation].handle)
            if conversation in posts
            else platform.open_surface(conversation, "")
        )
        if any(bucket.why for bucket in surface.budget):
            return  # Posts are rare here. Who waits is told alone (`core.turn.alone`).
        since = self._since[platform.name][conversation]
        patient = time.monotonic() - since < SPARE_WAIT_S
        if not await self._take(surface.budget, patient=patient):
            return
        if not await self._notices.first_time(name, NOTICE_EVERY_S):
            return
        language = language_of(mail.text, "", mail.sender.language)
        text = say("crowd", language, people=crowd.people)
        try:
            await see_through(
                self._show(platform, conversation, surface, text, crowd.people), LAST_WORDS_S
            )
        except Impossible:
            await self._crowds.drop(platform.name, conversation)
        except PlatformError as error:
            log.warning("crowd not told", conversation=conversation, reason=str(error))

    async def _take(self, buckets: Sequence[Bucket], *, patient: bool) -> bool:
        """Whether a token was got. *patient*: only one that no answer needs; else in the queue."""
        if patient:
            return not (await self._budget.take(buckets, "nicety")).wait_s
        until = time.monotonic() + AMONG_ANSWERS_S
        while wait_s := (await self._budget.take(buckets, "final")).wait_s:
            if time.monotonic() > until:
                return False
            await asyncio.sleep(min(wait_s, LOOK_AGAIN_S))
        return True

    async def _show(
        self,
        platform: Platform,
        conversation: ConversationId,
        surface: Surface,
        text: str,
        people: int,
    ) -> None:
        await surface.finish(text)
        if surface.handle:
            post = CrowdPost(surface.handle, people)
            await self._crowds.keep(platform.name, conversation, post)

    async def _take_down(
        self, platform: Platform, conversation: ConversationId, post: CrowdPost
    ) -> None:
        surface = platform.reopen_surface(conversation, post.handle)
        # A false notice should go before another answer grows.
        if (await self._budget.take(surface.final_budget, "first")).wait_s:
            return
        try:
            await surface.delete()
        except Impossible:
            pass
        except PlatformError as error:
            log.warning("crowd's post stands", conversation=conversation, reason=str(error))
            return
        await self._crowds.drop(platform.name, conversation)


def _differs(shown: int, people: int) -> bool:
    return people >= shown * MORE or people * FEWER <= shown
