"""What only the sender is told, in words of our own: why no answer comes, or why it comes late."""

import asyncio
from contextlib import suppress

from core.errors import Barred, Impossible, PlatformError, StoreError
from core.languages.catalogue import say
from core.live.delivery import post
from core.messages import place_of
from core.tasks import end
from core.telemetry import logger
from core.turn.context import TurnContext

log = logger(__name__)

TRIES = 3
TOLD_AFTER_S = 5.0
"""An answer that waits for a shorter time needs no explanation."""
LOOK_S = 1.0
END_S = 4.0
"""How long it may take to end when the turn does."""
AGAIN_S = 600
"""The operator is told only once in this time that a place takes no answers."""
ONCE_S = 24 * 3600
"""A person is told only once in this time why answers are late in a place."""


async def tell_alone(context: TurnContext, name: str) -> None:
    """Tell the sender the sentence *name* aside, if the platform can do that."""
    reference = context.first.if_barred or context.first.aside
    with suppress(PlatformError):
        reference = reference or await context.platform.alone(context.first)
        if not reference:
            return
        surface = context.platform.open_surface(context.claim.conversation, reference)
        text = say(name, context.language)
        budget = context.services.pacer.budget
        await post(surface, text, context.claim.conversation, budget, tries=TRIES)


async def tell_barred(context: TurnContext, error: Barred) -> None:
    """Tell the sender aside why we may not answer, and the operator too."""
    await note_lost(context, "not let in", error)
    await tell_alone(context, f"barred_{error.why}")


async def note_lost(context: TurnContext, what: str, error: Impossible) -> None:
    """Tell the operator *what* happened in the place of *context*, once in `AGAIN_S`."""
    place, reason, first = place_of(context.claim.conversation), str(error), True
    with suppress(StoreError):
        first = await context.services.notices.first_time(f"lost:{place}:{reason}", AGAIN_S)
    if first:
        log.warning(what, conversation=context.claim.conversation, reason=reason)


class WaitTeller:
    """While the block lasts: if the first post of *context* waits for long, say why, once.

    It looks by a timer: a task for each answer would wait for nothing nearly always.
    """

    __slots__ = ("_context", "_telling", "_timer", "_waited_s")

    def __init__(self, context: TurnContext) -> None:
        self._context = context
        self._waited_s = 0.0
        self._telling: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._telling is not None:
            await end([self._telling], again_s=END_S)

    def _look(self) -> None:
        self._waited_s = self._waited_s + LOOK_S if _wait_of(self._context) else 0.0
        if self._waited_s < TOLD_AFTER_S:
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)
        else:
            self._telling = asyncio.create_task(tell_of_wait(self._context), name="tell of wait")


def _wait_of(context: TurnContext) -> str:
    return next((reply.waits_for for reply in context.replies if reply.waits_for), "")


async def tell_of_wait(context: TurnContext) -> None:
    """Tell the sender once what the answer's first post waits for, if it waits."""
    if not (why := _wait_of(context)):
        return
    conversation = context.claim.conversation
    log.info("a post waits", conversation=conversation, why=why)
    told = f"{why}:{place_of(conversation)}:{context.first.sender.id}"
    with suppress(StoreError):
        if await context.services.notices.first_time(told, ONCE_S):
            await tell_alone(context, why)
