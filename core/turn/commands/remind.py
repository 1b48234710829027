"""`/remind`: reminders and schedules, and what happens when one is due."""

import asyncio
import re
from collections.abc import Iterable
from datetime import UTC
from itertools import islice

from core.languages.catalogue import Language, say
from core.languages.cues import wants_recap
from core.messages import DUE, Button
from core.store.reminder import Reminder
from core.store.reminders import Kept
from core.times.lexicon import languages_to_try, lexicon, plain
from core.times.rules import zone_named
from core.times.spoken import (
    NotUnderstoodError,
    PastError,
    Said,
    TooFarError,
    shown,
    understand,
)
from core.times.zones import zone_meant
from core.turn.commands.command import Command
from core.turn.context import Report, TurnContext
from core.turn.due import tell_due
from core.turn.reminders import (
    ReminderRefusedError,
    Wish,
    buttons_of,
    create,
    edit,
    languages_of,
    listed,
    local_now,
    shown_number,
    told,
    wish_of,
    with_id,
    with_number,
)
from core.words import cut, quoted

SHOWN_TIMES = 3
SHOWN_CHARS = 80
_NUMBERED = re.compile(r"(cancel|edit)\s+#?(\d{1,4})(?:\s(.*))?", re.IGNORECASE | re.DOTALL)
_ALL = re.compile(r"cancel\s+all", re.IGNORECASE)
_PRESSED = re.compile(r"(undo|answer|tell) ([0-9a-f]{16})")
_ZONE = re.compile(r"zone(?:\s+(\S+(?: \S+)?))?", re.IGNORECASE)


async def _remind(context: TurnContext) -> Report:
    text = context.first.text.strip()
    try:
        if not text or text.lower() == "list":
            return await _list(context)
        if _ALL.fullmatch(text):
            return await _cancel_all(context)
        if pressed := _PRESSED.fullmatch(text):
            return await _press(context, pressed[1], pressed[2])
        if numbered := _NUMBERED.fullmatch(text):
            rest = (numbered[3] or "").strip()
            return await _change(context, numbered[1].lower(), int(numbered[2]), rest)
        if zone := _ZONE.fullmatch(text):
            return await _zone(context, zone[1] or "")
        wish = await _wish(context, text)
        number, made = await create(context, wish)
    except ReminderRefusedError as refused:
        sentence = say(refused.sentence, context.language, **refused.values)
        return await context.close("rejected", sentence)
    shown_once = await context.say(
        told(context, made, number), buttons_of(context, made), aside=not made.everyone
    )
    await context.commit()
    return Report("command", shown_once)


async def _press(context: TurnContext, what: str, id_: str) -> Report:
    kept = await with_id(context, id_)
    if what == "undo":
        return await _cancel(context, kept)
    wish = wish_of(kept.reminder)._replace(asks=what == "answer")
    changed = await edit(context, kept, wish)
    return await context.close("command", told(context, changed, 0), buttons_of(context, changed))


async def _change(context: TurnContext, what: str, number: int, text: str) -> Report:
    kept = await with_number(context, number)
    if what == "cancel":
        return await _cancel(context, kept)
    before = kept.reminder
    try:
        wish = await _wish(context, text)
    except ReminderRefusedError as refused:
        if refused.sentence != "remind_forms" or not text.strip():
            raise
        # New words, at the same time.
        words, asks = _question(text, languages_of(context))
        wish = wish_of(before)._replace(text=words, asks=asks)
    wish = wish._replace(
        text=wish.text or before.text, asks=wish.asks or (before.asks and not wish.text)
    )
    changed = await edit(context, kept, wish)
    return await context.close(
        "command", told(context, changed, number), buttons_of(context, changed)
    )


async def _cancel(context: TurnContext, kept: Kept) -> Report:
    await context.services.reminders.end_all([kept])
    cancelled = say("remind_cancelled", context.language)
    return await context.close("command", f"{cancelled}\n\n{quoted(_short(kept.reminder.text))}")


async def _cancel_all(context: TurnContext) -> Report:
    """End all reminders of the person that the list here shows."""
    found = list((await listed(context)).values())
    if not found:
        return await context.close("command", say("remind_none", context.language))
    await context.services.reminders.end_all(found)
    texts = "\n".join(f"> {_short(' '.join(one.reminder.text.split()))}" for one in found)
    cancelled = say("remind_cancelled_all", context.language)
    return await context.close("command", f"{cancelled}\n\n{texts}")


async def _list(context: TurnContext) -> Report:
    language, found = context.language, await listed(context)
    if not found:
        return await context.close("command", say("remind_none", language))
    rows = [_row(number, one.reminder, language) for number, one in found.items()]
    buttons = [
        Button(f"remind undo {one.reminder.id}", say("remind_cancel", language, number=number))
        for number, one in islice(found.items(), 8)
    ]
    text = say("remind_list", language, reminders="\n".join(rows))
    return await context.close("command", text, buttons)


async def _zone(context: TurnContext, said: str) -> Report:
    language = context.language
    if not said:
        _, name = await local_now(context)
        return await context.close("command", say("remind_zone", language, zone=name))
    name = await asyncio.to_thread(zone_meant, said)
    if not name:
        raise ReminderRefusedError("remind_zone_unknown")
    await context.services.reminders.choose_zone(context.first.sender.id, name)
    return await context.close("command", say("remind_zone", language, zone=name))


async def _wish(context: TurnContext, text: str) -> Wish:
    """What *text* wishes.

    Raises:
        ReminderRefusedError: there is no time in it.
    """
    languages = languages_of(context)
    everyone, text = _target(text, languages)
    now, zone = await local_now(context)
    try:
        said: Said = understand(text, now, languages)
    except NotUnderstoodError:
        raise ReminderRefusedError("remind_forms") from None
    except PastError:
        raise ReminderRefusedError("remind_past") from None
    except TooFarError:
        raise ReminderRefusedError("remind_far") from None
    words, asks = _question(said.text, languages)
    asks = asks or wants_recap(words)
    everyone = everyone and not context.first.private
    return Wish(said.at, words, zone, said.rule, said.words, everyone, asks)


def _target(text: str, languages: Iterable[Language]) -> tuple[bool, str]:
    """Whether *text* begins with a word for all of us, and *text* without it, or without "me"."""
    head = plain(text[:SHOWN_CHARS])
    for language in languages_to_try(languages):
        words = lexicon(language)
        if token := words.token(head.text, 0, ("me", "us")):
            end = token.end
            if token := words.token(head.text, end, ("about",)):
                end = token.end
            everyone = words.token(head.text, 0, ("us",)) is not None
            return everyone, text[head.at[end] :].strip()
    return False, text


def _question(text: str, languages: Iterable[Language]) -> tuple[str, bool]:
    """The words to remind of, and whether they are a question for us: "ask: how is the weather"."""
    head = plain(text[:SHOWN_CHARS])
    order = languages_to_try(languages)
    for language in order:
        token = lexicon(language).token(head.text, 0, ("ask",))
        rest = text[head.at[token.end] :].lstrip() if token else ""
        if rest[:1] in (":", "\N{FULLWIDTH COLON}") and rest[1:].strip():
            return rest[1:].strip(), True
    # "Remind me on friday to call": without the small word.
    for language in order[:1]:
        if token := lexicon(language).token(head.text, 0, ("about",)):
            return text[head.at[token.end] :].strip() or text, False
    return text, False


def _row(number: int, reminder: Reminder, language: Language) -> str:
    zone = zone_named(reminder.zone) or UTC
    marks = ("⟳ " if reminder.rule else "") + ("❓ " if reminder.asks else "")
    when = shown(reminder.due, zone, language)
    said = f" ({_short(reminder.words)})" if reminder.rule and reminder.words else ""
    text = _short(" ".join(reminder.text.split()))
    return f"- {shown_number(number)} {marks}**{when}**{said}: {text}"


def _short(text: str) -> str:
    return cut(text, SHOWN_CHARS)


COMMANDS = (
    Command("remind", _remind, "text", of_place=True, in_menu=True, act="remind"),
    Command(DUE, tell_due, takes="text"),
)
