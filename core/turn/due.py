"""A reminder that is due: it is told, or its question is asked for the person who made it."""

import time
from datetime import UTC

from core.languages.catalogue import say
from core.messages import ConversationId, place_of
from core.people.roles import Role
from core.store.reminder import Occurrence, Reminder, read_occurrence
from core.telemetry import logger
from core.times.rules import zone_named
from core.times.spoken import shown
from core.turn.answer import answer
from core.turn.context import Report, TurnContext
from core.turn.services import Services
from core.words import quoted

log = logger(__name__)

LATE_S = 120.0
"""Who is told later than this is told why."""


async def tell_due(context: TurnContext) -> Report:
    """Tell the reminder that the mail of *context* holds."""
    occurrence = read_occurrence(context.first)
    if occurrence is None:
        await context.commit()
        return Report("nothing")
    if not await _may_still_ask(context):
        # Since it was made, the person lost the right to ask. Nobody is told for them either.
        context.services.metrics.reminders.labels("refused").inc()
        await context.commit()
        return Report("refused")
    reminder = occurrence.reminder
    if reminder.asks:
        told = _told(context, occurrence)
        return await answer(context, reminder.text, context.turn.history, (), heading=told)
    said = await context.say(_told(context, occurrence))
    await context.commit()
    return Report("command", said)


async def _may_still_ask(context: TurnContext) -> bool:
    """Whether the person of the mail may ask today. A place that moved keeps its place on lists."""
    services, first = context.services, context.first
    if await services.rights.role(context.platform, first) >= Role.MEMBER:
        return True
    before = await context.claim.places.moved_from(place_of(first.conversation))
    return bool(before) and await services.rights.role_of(first.sender.id, before) >= Role.MEMBER


async def end_lost(services: Services, conversation: ConversationId) -> None:
    """The chat of *conversation* is lost, and with it all that would be told there."""
    found = await services.reminders.of_place(place_of(conversation))
    there = [one for one in found if one.reminder.conversation == conversation]
    if ended := await services.reminders.end_all(there):
        services.metrics.reminders.labels("lost").inc(ended)
        log.warning("reminders ended", conversation=conversation, reminders=ended)


def _told(context: TurnContext, occurrence: Occurrence) -> str:
    reminder = occurrence.reminder
    named = not reminder.private and (reminder.asks or not reminder.everyone)
    name = f" **{_name(reminder)}**" if named else ""
    parts = [f"⏰{name}\n\n{quoted(reminder.text)}", *_remarks(context, occurrence)]
    return "\n\n".join(parts)


def _remarks(context: TurnContext, occurrence: Occurrence) -> list[str]:
    """What is said besides: that it comes late, instead of several, or in another zone."""
    reminder, language = occurrence.reminder, context.language
    zone, parts = zone_named(reminder.zone), []
    if time.time() - reminder.due > LATE_S:
        when = shown(reminder.due, zone or UTC, language)
        parts.append(say("remind_late", language, when=when))
    if occurrence.missed:
        parts.append(say("remind_missed", language, missed=occurrence.missed))
    if zone is None:
        parts.append(say("remind_zone_gone", language, zone=reminder.zone))
    return parts


def _name(reminder: Reminder) -> str:
    """The person's name, made safe to stand between marks."""
    return "".join(" " if one in "*_`[]()<>~|\n" else one for one in reminder.person.name).strip()
