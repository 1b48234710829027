"""`/allow` and `/block`: who may use the bot. Also the buttons under a request to be let in."""

import re
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from core.errors import ChatLost, ContentRefused
from core.languages.catalogue import say
from core.messages import Button, Incoming, split_conversation
from core.people.roles import Member, Role, tenant_of
from core.requests import buttons_of, described
from core.store.requests import Request
from core.turn.commands.command import MOST_BUTTONS, Command
from core.turn.context import Report, TurnContext
from core.words import code

LISTED = 20
ROLES: Mapping[str, Role] = {
    "member": Role.MEMBER,
    "admin": Role.ADMIN,
    "owner": Role.OWNER,
    "off": Role.STRANGER,
}
"""`off`: nothing is decided any more."""
TEXT_CHARS = 200
_IDS = (re.compile(r"-?\d{1,20}"), re.compile(r"[A-Z][A-Z0-9]{2,30}"))
"""Ids as the platforms write them: all people and places of a platform in the same way.
On Slack a name in capital letters is taken for one too."""
_AROUND_IDS = "`<>,;"


class Decision(NamedTuple):
    """That the person or place *name* gets *role*. *here*: it is the place itself."""

    name: str
    role: Role
    here: bool = False


def read_decision(incoming: Incoming, default: Role) -> Decision | None:
    """What the text of *incoming* decides, behind `/allow` or `/block`; None: it names nobody.

    It names an id, or `here`, or mentions somebody; or the message replies to them. The name of a
    role stands behind that or before it.
    """
    words = incoming.text[:TEXT_CHARS].split()
    at = next((at for at in (-1, 0) if words and words[at].lower() in ROLES), None)
    role = default if at is None else ROLES[words.pop(at).lower()]
    first = words[0].strip(_AROUND_IDS) if words else ""
    platform, space, _ = split_conversation(incoming.conversation)
    if first.lower() == "here" and not incoming.private:
        return Decision(f"{platform}:{space}", role, here=True)
    named, _, bare = first.rpartition(":")
    if named.lower() in ("", platform) and _is_id(bare, incoming.sender.id.partition(":")[2]):
        return Decision(f"{platform}:{bare}", role)
    if incoming.about and tenant_of(incoming.about) == platform:
        return Decision(incoming.about, role)
    return None


def _is_id(word: str, known: str) -> bool:
    """Whether *word* is written as the ids of its platform are, of which *known* is one."""
    shape = next((one for one in _IDS if one.fullmatch(known)), None)
    return bool(shape.fullmatch(word) if shape else word)


async def _allow(context: TurnContext) -> Report:
    if not await context.may("allow"):
        return await context.refuse("allow")
    decision = read_decision(context.first, Role.MEMBER)
    if decision is None:
        return await _end(context, await _overview(context))
    return await _decide(context, decision)


async def _block(context: TurnContext) -> Report:
    if not await context.may("block"):
        return await context.refuse("block")
    decision = read_decision(context.first, Role.BLOCKED)
    if decision is None or decision.role > Role.STRANGER:
        return await _end(context, _help(context))
    return await _decide(context, decision)


async def _decide(context: TurnContext, decision: Decision) -> Report:
    name, role = decision.name, decision.role
    services, tenant, language = context.services, context.platform.name, context.language
    if context.platform.local:
        return await _end(context, say("allow_local", language))
    if services.access.role_of(name) >= Role.ADMIN:
        return await _end(context, say("allow_listed", language, whom=code(name)))
    by_owner = await context.may("name admins")
    if role >= Role.ADMIN and not by_owner:
        return await context.refuse("name admins")
    if role >= Role.ADMIN and not await _is_person(context, name):
        return await _end(context, _help(context))
    asked = [one for one in await services.requests.kept.waiting(tenant) if one.person == name]
    title = await _title(context, decision, asked)
    spoken = asked[0].language if asked else ""
    member = Member(role, title, context.first.sender.id, time.time(), spoken)
    verdict = await services.requests.members.decide(
        tenant,
        name,
        member if role is not Role.STRANGER else None,
        by_owner=by_owner,
        owned=bool(services.access.people(tenant, Role.OWNER)),
    )
    if verdict == "not theirs":
        return await context.refuse("name admins")
    if verdict == "last owner":
        return await _end(context, say("allow_last_owner", language))
    if role < Role.MEMBER:
        await services.visits.end(name)
    for one in await services.requests.kept.take(tenant, name):
        if role > Role.STRANGER:
            tell = partial(services.requests.granted, context.platform, one)
            services.background.begin(f"granted {one.person}", tell)
    shown = f"{code(title)} ({code(name)})" if title else code(name)
    return await _end(context, say(f"allow_{role.name.lower()}", language, whom=shown))


async def _is_person(context: TurnContext, name: str) -> bool:
    """Whether *name* is somebody to whom the bot can speak: an owner who is a group is none."""
    try:
        return bool(await context.platform.private_with(name))
    except (ChatLost, ContentRefused):
        return False


async def _title(context: TurnContext, decision: Decision, asked: Sequence[Request]) -> str:
    """What to call whom *decision* is about, if we know."""
    if decision.here:
        return context.first.place_name
    if asked:
        return asked[0].name
    (known,) = await context.services.requests.members.look(context.platform.name, [decision.name])
    if known is not None and known.name:
        return known.name
    quote = context.first.quote
    return quote.author if quote is not None and decision.name == context.first.about else ""


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
        f"- {say(f'role_{one.role.name.lower()}', language)}: "
        + (f"{code(one.name)} ({code(name)})" if one.name else code(name))
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
