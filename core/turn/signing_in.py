"""Asking a person to sign in to a tool server: the link goes to them alone, never into a group.

A call that needs it ends the turn as one that must be allowed does (`core.turn.consent`), and no
worker waits. When the person says the code of their sign-in, the turn that waits becomes mail
(`core.store.sign_ins.SIGNED_IN`), and goes on from the same rounds.
"""

from collections.abc import Sequence

from core.errors import PlatformError
from core.languages.catalogue import say
from core.live.delivery import post
from core.messages import Button
from core.store.journal import StepRecord
from core.store.sign_ins import LINK_S, SignIn
from core.turn.context import TurnContext

LINK = "/sign-in/"
TRIES = 3


async def question(
    context: TurnContext, step: StepRecord, person: str
) -> tuple[str, Sequence[Button]]:
    """What stands under an answer for which *person* must sign in, and its buttons."""
    sign_in = SignIn(
        person=person,
        server=step.signs_in,
        scope=step.scope,
        conversation=context.claim.conversation,
        token=step.token,
        private=context.first.private,
        reply_to=context.first.reply_to,
    )
    first = say("sign_in_first", context.language, server=step.signs_in)
    text = f"{first}\n\n{await send_link(context, sign_in)}"
    label = say("sign_in_without", context.language)
    return text, [Button(f"deny {step.token}", label)]


async def send_link(context: TurnContext, sign_in: SignIn) -> str:
    """Send the person of *sign_in* a link in private. Returns a sentence about that.

    Raises:
        StoreError: the store is away.
    """
    language, services = context.language, context.services
    sign_ins, person = services.sign_ins, sign_in.person
    not_sent = say("sign_in_not_sent", language, server=sign_in.server)
    # Who speaks in the name of a group shares their id with others.
    if sign_ins is None or (context.first.sender.shared and context.first.sender.id == person):
        return not_sent
    try:
        # Where nobody else reads, the link stands beside the question.
        here = context.first.private and context.first.sender.id == person
        conversation = context.claim.conversation
        where = conversation if here else await context.platform.private_with(person)
        url = f"{services.settings.public_url}{LINK}{await sign_ins.begin(sign_in)}"
        text = say("sign_in_link", language, server=sign_in.server, url=url, minutes=LINK_S // 60)
        surface = context.platform.open_surface(where, "")
        await post(surface, text, where, services.pacer.budget, tries=TRIES)
    except PlatformError:
        return not_sent
    return say("sign_in_sent", language)
