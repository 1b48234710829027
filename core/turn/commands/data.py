"""`/export` and `/forget`: what is kept belongs to the people it is of."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from core.errors import Impossible, PlatformError
from core.languages.catalogue import say
from core.messages import Button, ConversationId, place_of
from core.said import Said, Span
from core.store.erasing import Erased
from core.store.overheard import MOST, MOST_BYTES
from core.turn.commands.accounts import signed_in_to, signed_out
from core.turn.commands.command import Command
from core.turn.context import Report, TurnContext
from core.turn.export import Told, files
from core.turn.files import send_file

SURE_S = 3600
"""How long the button that erases everything works."""


# --- export -------------------------------------------------------------------------------------


async def _export(context: TurnContext) -> Report:
    """Send what is kept: in private all of the person; in a group by right. There in private."""
    language, person = context.language, context.first.sender.id
    told = await (_all_mine(context) if context.first.private else _of_here(context))
    own = await _of_person(context) if context.first.private else {}
    if not told and not own:
        return await context.close("command", say("export_nothing", language))
    made = await asyncio.to_thread(files, told, own, context.choices.now)
    where = context.claim.conversation
    try:
        where = where if context.first.private else await context.platform.private_with(person)
        for file in made:
            await send_file(context, *file, where=where)
    except PlatformError as error:
        if where == context.claim.conversation:
            if not isinstance(error, Impossible):
                raise
            return await context.close("command", say("export_no_files", language))
        # They cannot be reached in private. What is in the files was said here.
        return await _export_here(context, made)
    if not context.first.private:
        return await context.close("command", say("export_privately", language))
    await context.take_away(context.posts)
    await context.commit()
    return Report("command")


async def _export_here(context: TurnContext, made: Sequence[Any]) -> Report:
    try:
        for file in made:
            await send_file(context, *file)
    except Impossible:
        return await context.close("command", say("export_no_files", context.language))
    await context.take_away(context.posts)
    await context.commit()
    return Report("command")


async def _all_mine(context: TurnContext) -> list[Told]:
    """The person's own conversations whole, and their part of those with others."""
    person, archive = context.first.sender.id, context.claim.archive
    asked = await archive.asked_by(person)
    names: dict[ConversationId, bool] = {}
    for one in asked:  # The newest first.
        names.setdefault(one.conversation, one.private)
    for one in asked:
        if one.private:
            names.setdefault(place_of(one.conversation), True)
    told = [
        await _told(context, conversation, "" if private else person)
        for conversation, private in names.items()
    ]
    return [one for one in told if _holds_any(one)]


async def _of_here(context: TurnContext) -> list[Told]:
    whose = "" if await context.may("place data") else context.first.sender.id
    told = [await _told(context, one, whose) for one in await _scope(context)]
    return [one for one in told if _holds_any(one)]


async def _told(context: TurnContext, conversation: ConversationId, person: str) -> Told:
    """What is kept of *conversation*, or of *person* in it."""
    archive = context.claim.archive
    exchanges = [one async for one in archive.exchanges(conversation, person)]
    span = Span(most=MOST, most_chars=MOST_BYTES)
    heard = (await context.services.overheard.read(conversation, span)).said
    mine: Sequence[Said] = [one for one in heard if person in ("", one.person)]
    if person:
        return Told(conversation, exchanges, overheard=mine)
    kept = await archive.besides(conversation)
    return Told(conversation, exchanges, kept.summary, kept.chosen, mine)


def _holds_any(told: Told) -> bool:
    return bool(told.exchanges or told.summary.text or told.chosen or told.overheard)


async def _of_person(context: TurnContext) -> dict[str, Any]:
    """What is kept of the person beside conversations; empty if there is nothing."""
    person = context.first.sender
    memory = await context.claim.memories.of(person.id)
    _, spent = await context.claim.ledger.spent()
    kept: dict[str, Any] = {}
    if memory.facts or memory.proposed or memory.off or memory.places:
        kept["memory"] = msgspec.to_builtins(memory)
    if counted := {name: much for name, much in msgspec.to_builtins(spent).items() if much}:
        kept["spent"] = counted
    if reminders := await context.services.reminders.of_person(person.id):
        kept["reminders"] = [msgspec.to_builtins(one.reminder) for one in reminders.values()]
    if servers := await signed_in_to(context):
        kept["signed_in"] = servers
    return {"person": person.id, "name": person.name, **kept} if kept else {}


async def _scope(context: TurnContext) -> Sequence[ConversationId]:
    """The conversation; outside all threads of a place, also its threads."""
    here = context.claim.conversation
    return await context.claim.archive.threads_of(here) if context.first.of_place else [here]


# --- forget -------------------------------------------------------------------------------------


async def _forget(context: TurnContext) -> Report:
    way, _, rest = context.first.text.strip().partition(" ")
    match way.lower():
        case "everything":
            return await _ask_if_sure(context)
        case "yes" | "no":
            return await _sure(context, way.lower(), rest)
        case "summary":
            return await _forget_summary(context)
    return await _forget_here(context)


async def _forget_here(context: TurnContext) -> Report:
    """Forget the conversation; in a group, who is no admin there only their own part."""
    whole, erased = await context.may("place data"), Erased()
    person, eraser = context.first.sender.id, context.claim.eraser
    for one in await _scope(context):
        part = await (eraser.conversation(one) if whole else eraser.part_of(one, person))
        erased = Erased(*map(sum, zip(erased, part, strict=True)))
    if context.first.of_place:  # Also in topics where nobody has asked anything.
        here, overheard = context.claim.conversation, context.services.overheard
        await (overheard.forget_place(here) if whole else overheard.forget_person(person, here))
    name = "forget_done" if whole else "forget_mine"
    shown = await context.say(say(name, context.language, erased=erased.exchanges))
    await context.commit(forget_all=whole, everywhere=whole and context.first.of_place)
    if context.first.private and not context.turn.preferences.title:
        # Its title told of what was said.
        untitled = say("page_new", context.language)
        await context.platform.entitle(context.claim.conversation, untitled)
    return Report("command", shown)


async def _forget_summary(context: TurnContext) -> Report:
    if not await context.may("place data"):
        return await context.refuse("place data")
    await context.claim.past.forget_summary()
    return await context.close("command", say("forget_summary", context.language))


async def _ask_if_sure(context: TurnContext) -> Report:
    language = context.language
    if context.first.sender.shared:
        return await context.close("command", say("memory_shared", language))
    mark = f"{_mark(context)} {int(time.time())}"
    buttons = [
        Button(f"forget {answer} {mark}", say(f"forget_{answer}", language))
        for answer in ("yes", "no")
    ]
    return await context.close("command", say("forget_sure", language), buttons)


async def _sure(context: TurnContext, answer: str, rest: str) -> Report:
    """The button under that question. It works for who asked, and not for long."""
    language = context.language
    mark, _, at = rest.partition(" ")
    if mark != _mark(context):
        return await context.close("rejected", say("forget_theirs", language))
    if answer == "no":
        return await context.close("command", say("forget_kept", language))
    asked = int(at) if at.isascii() and at.isdigit() and len(at) < 12 else 0
    if not 0 <= time.time() - asked + 60 <= SURE_S:
        return await context.close("rejected", say("forget_late", language))
    person = context.first.sender.id
    for server in await signed_in_to(context):
        # Its authorization server is told too.
        await signed_out(context, server)
    erased = await context.claim.eraser.everything(person)
    await context.services.visits.end(person)
    erased = erased.plus(others=await context.services.reminders.forget(person))
    return await context.close("command", say("forget_receipt", language, **erased._asdict()))


def _mark(context: TurnContext) -> str:
    """Stands for the person in a button. It needs no secret: who forges it has only themselves."""
    return hashlib.sha256(context.first.sender.id.encode()).hexdigest()[:8]


COMMANDS = (
    Command("export", _export, of_place=True, in_menu=True, for_asker=True, act="own data"),
    Command(
        "forget",
        _forget,
        "text",
        choices=lambda _: ("everything", "summary"),
        of_place=True,
        in_menu=True,
        act="own data",
    ),
)
