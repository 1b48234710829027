"""`/allow` and `/block`: who may use the bot. Also the buttons under a request to be let in."""

import time
from collections.abc import Sequence

from core.languages.catalogue import say
from core.messages import Button
from core.people.roles import Member, Role, person_in
from core.requests import buttons_of, described
from core.store.requests import Request
from core.turn.changes import decide
from core.turn.commands.command import MOST_BUTTONS, Command
from core.turn.commands.whom import Named, read_named
from core.turn.context import Report, TurnContext
from core.words import code

LISTED = 20


async def _allow(context: TurnContext) -> Report:
    if not await context.may("allow"):
        return await context.refuse("allow")
    named = read_named(context.first, Role.MEMBER)
    if not (named.names or named.unknown):
        return await _end(context, await _overview(context))
    return await _decide(context, named)


async def _block(context: TurnContext) -> Report:
    if not await context.may("block"):
        return await context.refuse("block")
    named = read_named(context.first, Role.BLOCKED)
    if named.role > Role.STRANGER or not (named.names or named.unknown):
        return await _end(context, _help(context))
    return await _decide(context, named)


async def _decide(context: TurnContext, named: Named) -> Report:
    """Decide about all who are *named*, and say what holds of each."""
    if context.platform.local:
        return await _end(context, say("allow_local", context.language))
    told = [await _one(context, name, named) for name in named.names]
    if named.unknown:
        whom = code(named.unknown)
        told.append(say("allow_unknown", context.language, whom=whom) + "\n\n" + _help(context))
    return await _end(context, "\n".join(dict.fromkeys(told)))


async def _one(context: TurnContext, name: str, named: Named) -> str:
    """Decide about *name*. Returns what is said about it."""
    role, first = named.role, context.first
    services, tenant, language = context.services, context.platform.name, context.language
    waiting = await services.requests.kept.waiting(tenant)
    title = await _title(context, name, waiting, here=name == named.here)
    spoken = next((one.language for one in waiting if one.person == name), "")
    member = Member(role, title, first.sender.id, time.time(), spoken)
    by_owner = await context.may("name admins")
    # Of those who press a button under one request, the first decides.
    since = max((one.at for one in waiting if name in (one.person, one.place)), default=0.0)
    match await decide(
        services,
        context.platform,
        name,
        member,
        by_owner=by_owner,
        since=since if first.under else None,
    ):
        case "listed":
            return say("allow_listed", language, whom=code(person_in(name)))
        case "no person":
            return _help(context)
        case "not theirs":
            return say(services.rights.who_may("name admins"), language)
        case "last owner":
            return say("allow_last_owner", language)
        case "decided" | "changed":
            (held,) = await services.requests.members.look(tenant, [name])
            held = held or Member()
            told = say(f"allow_{held.role.name.lower()}", language, whom=_whom(name, held.name))
            return say("allow_decided", language, by=code(held.by), told=told)
        case "done":
            told = f"allow_{role.name.lower()}"
            return say(told, language, whom=_whom(name, title))


def _whom(name: str, title: str) -> str:
    shown = ", ".join(code(one) for one in name.split("@"))
    return f"{code(title)} ({shown})" if title else shown


async def _title(context: TurnContext, name: str, waiting: Sequence[Request], *, here: bool) -> str:
    """What to call *name*, if we know. *here*: it is the place itself."""
    if here:
        return context.first.place_name
    name = person_in(name)
    for one in waiting:
        if name in (one.person, one.place):
            return one.name if name == one.person else one.place_name
    services, tenant = context.services, context.platform.name
    (known,) = await services.requests.members.look(tenant, [name])
    if known is not None and known.name:
        return known.name
    quote = context.first.quote
    if quote is not None and name == context.first.about:
        return quote.author
    return await services.budgets.name_of(tenant, name)


async def _overview(context: TurnContext) -> str:
    """How to decide; in private also everybody about whom something is decided."""
    if not context.first.private:
        return _help(context)
    services, tenant, language = context.services, context.platform.name, context.language
    access = services.access
    rows = [
        f"- {say(f'role_{role.name.lower()}', language)}: {code(one)}"
        for role in (Role.OWNER, Role.ADMIN, Role.MEMBER)
        for one in access.people(tenant, role)
        if access.role_of(one) is role
    ]
    rows += [f"- {say('role_member', language)}: {code(one)}" for one in access.places(tenant)]
    members = await services.requests.members.all(tenant)
    newest = sorted(members.items(), key=lambda pair: (-pair[1].role, -pair[1].at))
    rows += [
        f"- {say(f'role_{one.role.name.lower()}', language)}: " + _whom(name, one.name)
        for name, one in newest
    ]
    if len(rows) > LISTED:
        rows = [*rows[:LISTED], f"- … (+{len(rows) - LISTED})"]
    everyone = [say("allow_everyone", language)] if access.open else []
    return "\n\n".join(filter(None, [*everyone, "\n".join(rows), _help(context)]))


def _help(context: TurnContext) -> str:
    return say("allow_help", context.language, id=context.first.sender.id)


async def _waiting(context: TurnContext) -> tuple[str, Sequence[Button]]:
    """Who asks to be let in now, and the buttons that decide. Only in private: others would see."""
    if not context.first.private or context.platform.local:
        return "", ()
    asked = await context.services.requests.kept.waiting(context.platform.name)
    rows: list[str] = []
    buttons: list[Button] = []
    for one in asked:
        decides = buttons_of(one, context.language, named=True)
        if len(buttons) + len(decides) > MOST_BUTTONS:
            break
        rows.append(f"- {described(one, context.language)}")
        buttons += decides
    more = [f"- … (+{len(asked) - len(rows)})"] if len(asked) > len(rows) else []
    return "\n".join([*rows, *more]), buttons


async def _end(context: TurnContext, text: str) -> Report:
    """Say *text*, and who waits now. If a button was pressed, its post changes."""
    waiting, buttons = await _waiting(context)
    pressed = [context.first.under] if context.first.under else []
    reply = context.reply(handles=context.posts or pressed, aside=True)
    await reply.finish("\n\n".join(filter(None, (text, waiting))), buttons)
    await context.commit()
    return Report("command", reply.shown)


COMMANDS = (
    Command("allow", _allow, "text", of_place=True, in_menu=True, for_asker=True, act="allow"),
    Command("block", _block, "text", of_place=True, in_menu=True, for_asker=True, act="block"),
)
