"""The buttons under a call that a person must allow: yes, no, always here."""

import time
from contextlib import suppress

from core.errors import StoreError
from core.languages.catalogue import say
from core.messages import Exchange, place_of
from core.store.sign_ins import SIGNED_IN
from core.turn import consent
from core.turn.answer import answer
from core.turn.commands.answers import asking_for
from core.turn.commands.command import Command
from core.turn.context import Report, TurnContext


async def _permit(context: TurnContext) -> Report:
    return await _decide(context, yes=True)


async def _deny(context: TurnContext) -> Report:
    return await _decide(context, yes=False)


async def _always(context: TurnContext) -> Report:
    if not await context.may("always"):
        return await context.refuse("always")
    return await _decide(context, yes=True, always=True)


async def _signed_in(context: TurnContext) -> Report:
    """Go on, now that the person has signed in. Another process may have learned what there is."""
    with suppress(StoreError):
        await context.services.servers.update()
    return await _decide(context, yes=None)


async def _lapsed(context: TurnContext) -> Report:
    """End the answer that waited for a press in vain. Who went on asking is not told of it."""
    token = context.first.text.strip()
    exchange = _asking(context, token)
    waiting = await consent.kept(context, token) if exchange is not None else None
    passed = exchange is None or _of_person(context, exchange)[-1] is not exchange
    if exchange is None or waiting is None or passed:
        await context.commit()
        return Report("nothing")
    if not await context.claim.consents.decide(token, context.first.event_id):
        await context.commit()
        return Report("nothing")
    told = say("ask_expired", context.language)
    for record in consent.lapsed(waiting.rounds, told)[len(context.journal.rounds) :]:
        await context.journal.add(record)
    return await _go_on(context, exchange, waiting)


def _asking(context: TurnContext, token: str) -> Exchange | None:
    """The answer that asks what *token* is of."""
    found = (one for one in context.turn.history if token and one.token == token)
    return next(found, None)


def _of_person(context: TurnContext, exchange: Exchange) -> list[Exchange]:
    """All that was answered to whom *exchange* answers, the newest last."""
    return [one for one in context.turn.history if one.person == exchange.person]


async def _decide(context: TurnContext, *, yes: bool | None, always: bool = False) -> Report:
    """Go on with the answer that waits for this press, if it still does."""
    token = context.first.text.strip()
    exchange = _asking(context, token)
    waiting = await consent.kept(context, token) if exchange is not None else None
    if exchange is None or waiting is None:
        return await _close(context, "ask_gone")
    if not context.owns(exchange) and not await context.may("others"):
        return await context.refuse("others")
    if _of_person(context, exchange)[-1] is not exchange:
        return await _close(context, "ask_passed")
    going_on = context.journal.rounds
    if not going_on and time.time() > waiting.until:
        return await _close(context, "ask_expired")
    if not await context.claim.consents.decide(token, context.first.event_id):
        return await _close(context, "ask_gone")
    step = consent.asked_of(waiting.rounds)
    if always and step is not None:
        await context.claim.consents.allow(place_of(context.claim.conversation), step.tool)
    await context.services.servers.started(called=True)
    rounds = consent.decided(waiting.rounds, token, yes=yes)
    for record in rounds[len(going_on) :]:
        await context.journal.add(record)
    return await _go_on(asking_for(context, exchange), exchange, waiting)


async def _go_on(context: TurnContext, exchange: Exchange, waiting: consent.Waiting) -> Report:
    return await answer(
        context,
        exchange.question,
        context.before(exchange),
        exchange.attachments,
        replaces=exchange,
        again=True,
        waited=waiting,
    )


async def _close(context: TurnContext, sentence: str) -> Report:
    return await context.close("rejected", say(sentence, context.language))


COMMANDS = (
    Command("permit", _permit, takes="text", act="tools"),
    Command("deny", _deny, takes="text"),
    Command(consent.LAPSED, _lapsed, takes="text"),
    Command(SIGNED_IN, _signed_in, takes="text"),
    Command("always", _always, takes="text", act="tools"),
)
