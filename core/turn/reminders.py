"""Making, listing, changing and ending reminders, with their bounds."""

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from core.errors import PlatformError
from core.languages.catalogue import CATALOGUE, Language, say
from core.languages.cues import wants_recap
from core.messages import Button, ConversationId, place_of
from core.store.reminder import Reminder
from core.store.reminders import Kept
from core.times.rules import Rule, is_rule, least_gap_s, times, zone_named
from core.times.spoken import MOST_DAYS, shown
from core.turn.context import TurnContext
from core.words import quoted, undirected

TEXT_CHARS = 1_000
WORDS_CHARS = 100
LEAST_GAP_S = 5 * 60
LEAST_ASKING_S = 3600
"""How far apart the times of a reminder are at least, and of a question, which costs money."""
SHOWN_TIMES = 3
SLACK_S = 24 * 3600
"""A message that is older was written by a wrong clock."""
UTC_NAME = "UTC"


class ReminderRefusedError(ValueError):
    """It may not be so: *sentence* of the catalogue says why, filled with *values*."""

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.values: Mapping[str, object] = values


class Wish(NamedTuple):
    """What somebody wants to be reminded of.

    *at*: seconds since the epoch; with a *rule* the first time. Others: as in `Reminder`.
    """

    at: float
    text: str
    zone: str
    rule: Rule | None = None
    words: str = ""
    everyone: bool = False
    asks: bool = False


def wish_of(reminder: Reminder) -> Wish:
    """The wish that *reminder* fulfils."""
    one = reminder
    return Wish(one.due, one.text, one.zone, one.rule, one.words, one.everyone, one.asks)


async def create(context: TurnContext, wish: Wish) -> tuple[int, Reminder]:
    """Keep a new reminder of the person who asks. Done again by the same turn, it is the same one.

    Returns:
        Its number among those of the person, and the reminder.

    Raises:
        ReminderRefusedError: a bound forbids it.
        StoreError: the store is away.
    """
    _check(context, wish)
    first, settings = context.first, context.services.settings
    conversation, private, reply_to = await _where(context, wish)
    reminder = Reminder(
        id=_id_of(f"{first.event_id} {wish.text} {wish.at}"),
        person=replace(first.sender, language=context.language),
        conversation=conversation,
        text=plain_text(wish.text),
        due=wish.at,
        zone=wish.zone,
        rule=wish.rule,
        words=wish.words[:WORDS_CHARS],
        everyone=wish.everyone and not private,
        asks=wish.asks,
        private=private,
        reply_to="" if wish.everyone else reply_to,
    )
    number = await context.services.reminders.create(
        reminder, settings.reminders_per_person, settings.reminders_per_place
    )
    if number <= 0:
        most = settings.reminders_per_place if number else settings.reminders_per_person
        raise ReminderRefusedError("remind_many_here" if number else "remind_many", most=most)
    return number, reminder


async def listed(context: TurnContext) -> dict[int, Kept]:
    """The reminders of the person who asks, by number. Where others read: only those for here."""
    found = await context.services.reminders.of_person(context.first.sender.id)
    if context.first.private or not context.first.message:
        return found  # Nobody else saw the command, so nobody else sees its answer.
    return {number: one for number, one in found.items() if _is_here(context, one.reminder)}


async def with_number(context: TurnContext, number: int) -> Kept:
    """The reminder with *number* of the person who asks.

    Raises:
        ReminderRefusedError: there is none.
        StoreError: the store is away.
    """
    found = (await listed(context)).get(number)
    if found is None:
        raise ReminderRefusedError("remind_unknown", number=number)
    return found


async def edit(context: TurnContext, kept: Kept, wish: Wish) -> Reminder:
    """Let the reminder *kept* be as *wish* says.

    Raises:
        ReminderRefusedError: it has ended, or a bound forbids it.
        StoreError: the store is away.
    """
    _check(context, wish)
    changed = replace(
        kept.reminder,
        text=plain_text(wish.text),
        due=wish.at,
        zone=wish.zone,
        rule=wish.rule,
        words=wish.words[:WORDS_CHARS],
        asks=wish.asks,
    )
    if not await context.services.reminders.change(kept, changed):
        raise ReminderRefusedError("remind_over")
    return changed


async def with_id(context: TurnContext, id_: str) -> Kept:
    """The reminder that a button names, if the person who asks may change it.

    Raises:
        ReminderRefusedError: it has ended, or it is somebody else's.
    """
    kept = await context.services.reminders.get(id_)
    if kept is None:
        raise ReminderRefusedError("remind_over")
    if kept.reminder.person.id == context.first.sender.id:
        return kept
    if not (_is_here(context, kept.reminder) and await context.may("others")):
        raise ReminderRefusedError("remind_theirs")
    return kept


async def local_now(context: TurnContext) -> tuple[datetime, str]:
    """When the person asked, in their zone, and the zone's name.

    The zone is the one that the person chose, else the place's, the operator's, the machine's.
    """
    here = context.choices.now
    own = zone_named(await context.services.reminders.zone(context.first.sender.id))
    zone = own or (here.tzinfo if isinstance(here.tzinfo, ZoneInfo) else machine_zone())
    sent, now = context.first.sent_at, time.time()
    asked = sent if 0 <= now - sent <= SLACK_S else now
    return datetime.fromtimestamp(asked, zone), zone.key


def languages_of(context: TurnContext) -> Sequence[Language]:
    """Whose words for times the person may use, the likeliest first."""
    theirs = context.first.sender.language
    return (context.language, *([CATALOGUE.best(theirs)] if CATALOGUE.speaks(theirs) else []))


def told(context: TurnContext, made: Reminder, number: int) -> str:
    """How the reminder was understood."""
    kind = "ask" if made.asks else "all" if made.everyone else "me"
    numbered = f"{shown_number(number)} " if number else ""
    text = say(f"remind_set_{kind}", context.language, when=when_of(made, context.language))
    return f"{numbered}{text}\n\n{quoted(made.text)}"


def shown_number(number: int) -> str:
    """*number* as it stands in lists. Markdown would count a list of "5." and "2." on by itself."""
    return f"**#{number}**"


def when_of(reminder: Reminder, language: Language) -> str:
    """The next time, or the next times, with their zone."""
    zone = zone_named(reminder.zone) or UTC
    some = [reminder.due]
    if reminder.rule is not None:
        more = times(reminder.rule, zone, reminder.due, reminder.due)
        some += islice(more, SHOWN_TIMES - 1)
    moments = [shown(at, zone, language) for at in some]
    return f"{', '.join(moments)}{', …' if reminder.rule else ''} ({reminder.zone})"


def buttons_of(context: TurnContext, made: Reminder) -> Sequence[Button]:
    """The buttons under a new reminder: undo, and answer it then, or only tell it."""
    language = context.language
    other = "tell" if made.asks else "answer"
    return (
        Button(f"remind undo {made.id}", say("remind_undo", language)),
        Button(f"remind {other} {made.id}", say(f"remind_{other}", language)),
    )


def machine_zone() -> ZoneInfo:
    """The zone of this machine; UTC if it cannot be named."""
    named = zone_named(os.environ.get("TZ", "").lstrip(":"))
    try:
        _, mark, linked = str(Path("/etc/localtime").readlink()).partition("zoneinfo/")
    except OSError:
        mark, linked = "", ""
    return named or (zone_named(linked) if mark else None) or ZoneInfo(UTC_NAME)


def plain_text(text: str) -> str:
    """*text* without signs that cannot be seen but change what is around them."""
    return "".join(filter(_is_seen, undirected(text))).strip()


def _is_seen(char: str) -> bool:
    return char == "\n" or char.isprintable() or not char.isascii()


def _check(context: TurnContext, wish: Wish) -> None:
    """Raises: ReminderRefusedError."""
    text, now = plain_text(wish.text), time.time()
    if not text:
        raise ReminderRefusedError("remind_what")
    if len(text) > TEXT_CHARS:
        raise ReminderRefusedError("too_long", chars=len(text), most=TEXT_CHARS)
    if wish.at <= min(now, context.first.sent_at or now):
        raise ReminderRefusedError("remind_past")
    if wish.at > now + MOST_DAYS * 24 * 3600:
        raise ReminderRefusedError("remind_far")
    if wish.rule is None:
        return
    zone = zone_named(wish.zone) or ZoneInfo(UTC_NAME)
    least_s = LEAST_ASKING_S if wish.asks else LEAST_GAP_S
    if not is_rule(wish.rule):
        raise ReminderRefusedError("remind_forms")
    if least_gap_s(wish.rule, zone, wish.at) < least_s:
        raise ReminderRefusedError("remind_often", minutes=least_s // 60)


async def _where(context: TurnContext, wish: Wish) -> tuple[ConversationId, bool, str]:
    """Where to remind, whether that is private, and the message to remind under."""
    first, here = context.first, context.claim.conversation
    of_here = wish.asks and wants_recap(wish.text)
    if first.private or first.message or wish.everyone or of_here:
        return here, first.private, first.reply_to if first.message else ""
    # Nobody else saw the command, so nobody else needs to see the reminder.
    try:
        return await context.platform.private_with(first.sender.id), True, ""
    except PlatformError:
        return here, False, ""


def _is_here(context: TurnContext, reminder: Reminder) -> bool:
    return place_of(reminder.conversation) == place_of(context.claim.conversation)


def _id_of(name: str) -> str:
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:16]
