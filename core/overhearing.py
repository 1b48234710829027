"""Overhearing: keeps what people say to each other, in places that themselves chose that.

Only on a platform that cannot be asked for it later. When the first message of a place is kept, the
place is told so, once.
"""

import time

from core.errors import PlatformError, StoreError
from core.languages.catalogue import say
from core.languages.detection import language_of
from core.live.delivery import post
from core.messages import ConversationId, Incoming, place_of, split_conversation
from core.platform import Platform
from core.said import Said, beginning
from core.store.layers import Layers
from core.store.places import Places
from core.telemetry import logger
from core.turn.hearing import overhears
from core.turn.prompt import asked_text
from core.turn.services import Services

log = logger(__name__)

OWNED_S = 30.0
"""So long a bot that has an owner is taken to have one."""


class Listening:
    """Whether we want to hear what is said to nobody in particular (`core.lent.Overhears`)."""

    def __init__(self, places: Places, services: Services) -> None:
        self._places = places
        self._services = services
        self._owned_until: dict[str, float] = {}

    async def __call__(self, conversation: ConversationId, /) -> bool:
        if self._services.settings.wake_words or await self._places.speaks(conversation):
            return True
        return await self._waits_for_owner(split_conversation(conversation)[0])

    async def _waits_for_owner(self, tenant: str) -> bool:
        """Whether a code is good now: where others can read it, it must be heard to be burnt."""
        if self._services.access.names_somebody(tenant):
            return False
        if self._owned_until.get(tenant, 0.0) > time.monotonic():
            return False
        if await self._services.requests.members.has_owner_code(tenant):
            return True
        self._owned_until[tenant] = time.monotonic() + OWNED_S
        return False


class Overhearing:
    """Keeps what it is given, if the place wants that."""

    def __init__(self, places: Places, services: Services) -> None:
        self._places = places
        self._services = services

    async def keep(self, platform: Platform, incoming: Incoming, chosen: Layers) -> bool:
        """Keep *incoming*, which is not for us. True: it is the first that its place has kept.

        *chosen*: what holds in its conversation. If the store is away, it is not kept: nobody waits
        for it.
        """
        if platform.limits.reads or incoming.private or incoming.moved_to or not incoming.message:
            return False
        if incoming.command:
            return False  # Another bot's.
        if not overhears(chosen.own("context")):
            return False
        conversation, overheard = incoming.conversation, self._services.overheard
        try:
            await overheard.keep(conversation, said_of(incoming), edited=incoming.edited)
            return await overheard.announce(place_of(conversation))
        except StoreError as error:
            log.warning("not overheard", reason=str(error))
            return False

    async def drop(self, platform: Platform, incoming: Incoming) -> None:
        """*incoming* is for us after all: it may be a piece of a question, or edited into one."""
        if platform.limits.reads or incoming.private or not (incoming.burst or incoming.edited):
            return
        try:
            await self._services.overheard.drop(incoming.conversation, incoming.message)
        except StoreError as error:
            log.warning("still overheard", reason=str(error))

    async def tell(self, platform: Platform, incoming: Incoming) -> None:
        """Tell everybody in the place of *incoming* that it is overheard from now on."""
        conversation = incoming.conversation
        language = language_of(incoming.text, "", incoming.sender.language)
        try:
            chosen = (await self._places.chosen(conversation)).preferences
            most = overhears(chosen.context)
            text = say("overhears", chosen.language or language, most=most)
            surface = platform.open_surface(conversation, "")
            await post(surface, text, conversation, self._services.pacer.budget)
        except (StoreError, PlatformError) as error:
            log.warning("not told that it is overheard", reason=str(error))


def said_of(incoming: Incoming) -> Said:
    """*incoming*, said to others. Its files are only referred to."""
    words = Incoming(
        event_id=incoming.event_id,
        conversation=incoming.conversation,
        sender=incoming.sender,
        text=incoming.text,
        quote=incoming.quote,
        described=incoming.described,
    )
    return Said(
        message=incoming.message,
        at=incoming.sent_at,
        author=incoming.sender.name,
        person=incoming.sender.id,
        text=beginning(asked_text((words,))),
        attachments=incoming.attachments,
    )
