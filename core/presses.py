"""Buttons know whose they are: in a group, the asker's and the admins'. Others are told so alone.

The store knows of each post of an answer for whom it was made, on all replicas, for some days. Of
a post that it does not know, made by an older version or long ago, the turn decides as before.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from msgspec.structs import replace

from core.errors import PlatformError, StoreError
from core.languages.catalogue import say
from core.languages.detection import language_of
from core.live.delivery import post
from core.messages import Incoming
from core.people.roles import Role
from core.platform import Platform
from core.retry import retry_until_available
from core.store.inbox import Inbox
from core.store.limits import Notices
from core.telemetry import logger
from core.turn.services import Services

log = logger(__name__)

AGAIN_S = 5
"""Who presses again and again is told only so often."""
TRIES = 2
ASK = "ask"
"""The command of a button that asks a question, instead of a person who types it."""
HOME = "home"
FREE = frozenset(("", HOME))
"""What anybody may press: a button that asks a question asks it for whoever presses."""


class Presses:
    """Decides about presses. A refusal is said in a task of *spawn*."""

    def __init__(
        self,
        inbox: Inbox,
        notices: Notices,
        services: Services,
        spawn: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:
        self._inbox = inbox
        self._notices = notices
        self._services = services
        self._spawn = spawn

    async def allow(self, platform: Platform, incoming: Incoming, role: Role) -> bool:
        """Whether *incoming*, if it is a press, may be done. If not, its sender is told."""
        if incoming.private or not incoming.under or incoming.command in FREE:
            return True
        conversation, person = incoming.conversation, incoming.sender.id
        asked = partial(self._inbox.places.asker, conversation, incoming.under)
        asker = await retry_until_available(asked, "asker")
        rights = self._services.rights
        if asker in ("", person) or await rights.may(platform, incoming, "others", role):
            return True
        name, reference = f"theirs:{incoming.under}:{person}", incoming.if_barred or incoming.aside
        first = partial(self._notices.first_time, name, AGAIN_S)
        if not reference:
            return False
        if await retry_until_available(first, "told"):
            # Now, and not in the task: the adapter must know that this press gets an answer.
            surface = platform.open_surface(conversation, reference)
            language = language_of("", "", incoming.sender.language)
            text = say(rights.who_may("others"), language)
            budget = self._services.pacer.budget

            async def tell() -> None:
                try:
                    await post(surface, text, conversation, budget, tries=TRIES)
                except (PlatformError, StoreError) as error:
                    log.warning("press not answered", reason=str(error))

            self._spawn(tell(), "not theirs")
        return False


def unpacked(incoming: Incoming) -> Incoming:
    """*incoming*. The command of a button may hold a text behind it."""
    if " " not in incoming.command:
        return incoming
    command, _, text = incoming.command.partition(" ")
    command = "" if command == ASK else command
    return replace(incoming, command=command, text=text)
