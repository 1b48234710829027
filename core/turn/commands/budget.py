"""`/budget`: what may be spent here. Admins set and lift budgets, and grant more."""

import re
from collections.abc import Sequence

from core.languages.catalogue import say
from core.messages import place_id
from core.people.budgets import (
    KINDS,
    NO_LIMIT,
    Limit,
    Of,
    field_of,
    from_amount,
    read_limit,
)
from core.people.periods import moment
from core.people.roles import tenant_of
from core.tenant_names import NAME
from core.turn.afford import bars, described, with_unit
from core.turn.changes import Whom, add_budget, grant, is_person, lift_budgets
from core.turn.commands.command import Command, shown_name
from core.turn.commands.whom import id_shape
from core.turn.context import Report, TurnContext

LISTED = 20
TEXT_CHARS = 200
_ID = re.compile(rf"{NAME}:\S+")


async def _budget(context: TurnContext) -> Report:
    text = context.first.text[:TEXT_CHARS].strip()
    if not text:
        return await _show(context)
    verb, _, rest = text.partition(" ")
    try:
        if verb.lower() == "grant":
            return await _grant(context, *await _whom(context, rest))
        whom, rest = await _whom(context, text)
        by, services = context.first.sender.id, context.services
        if rest.lower() == "off":
            limits = await lift_budgets(services, tenant_of(by), whom, by)
        else:
            limit = read_limit(whom.of, rest, who=whom.who)
            limits = await add_budget(services, tenant_of(by), limit, by)
    except ValueError:
        return await context.close("command", _help(context))
    return await _told(context, whom, limits)


async def _show(context: TurnContext) -> Report:
    budgets, language = context.services.budgets, context.language
    parts = list(await bars(context)) or [say("budget_none", language)]
    if await context.may("budget"):
        by_admins = await budgets.all_by_admins(tenant_of(context.first.sender.id))
        rows = [
            f"- `{field_of(limit.of, limit.who)}`: {described(limit, language)}"
            for limit in [*budgets.limits, *by_admins]
            if limit.most != NO_LIMIT
        ]
        parts += ["\n".join(rows[:LISTED]), _help(context)]
    return await context.close("command", "\n\n".join(filter(None, parts)))


async def _told(context: TurnContext, whom: Whom, limits: Sequence[Limit] | None) -> Report:
    """Say that *limits* hold for *whom* now; None: there are too many."""
    language = context.language
    if limits is None:
        return await context.close("command", say("budget_full", language))
    shown = ", ".join(described(one, language) for one in limits if one.most != NO_LIMIT)
    name = f"`{whom.field}`"
    if not shown:
        return await context.close("command", say("budget_off", language, whom=name))
    text = say("budget_set", language, whom=name, limits=shown)
    return await context.close("command", text)


async def _grant(context: TurnContext, whom: Whom, text: str) -> Report:
    """Let *whom* spend more, until the periods that run now end."""
    by, here = context.first.sender.id, context.claim.conversation
    given = grant(
        context.services, tenant_of(by), whom, text, by, now=context.choices.now, here=here
    )
    accounts, much = await given
    if not accounts:
        return await context.close("command", say("budget_none", context.language))
    until = max(one.until for one in accounts)
    amount = with_unit(accounts[0].limit, much, context.language)
    words = {"until": moment(until), "amount": amount, "whom": f"`{whom.field}`"}
    return await context.close("command", say("budget_granted", context.language, **words))


async def _whom(context: TurnContext, text: str) -> tuple[Whom, str]:
    """For whom *text* sets a budget, and the rest of it. Raises `ValueError`."""
    word, _, rest = text.strip().partition(" ")
    word, rest = word.lower(), rest.strip()
    if word == "here":
        return Whom("place", place_id(context.claim.conversation)), rest
    tenant, named = tenant_of(context.first.sender.id), context.first.named
    if not named and context.first.about and word not in KINDS:
        named = (context.first.about,)
    if len(named) == 1 and word != "tenant":
        # "@Bob the 1st 5 usd/day", or "@Bob off": the words of the name say nothing.
        of: Of = "person" if await is_person(context.platform, named[0]) else "place"
        return Whom(of, named[0]), from_amount(text) or text.rpartition(" ")[2]
    shape = id_shape(context.first)
    words = (rest if word in KINDS else text).split(maxsplit=1) or [""]
    follows = words[-1].lower() == "off" or from_amount(words[-1]) == words[-1]
    if word != "tenant" and shape and len(words) == 2 and shape.fullmatch(words[0]) and follows:
        # An id without its platform: "person 78 5 usd/day", "78 off". Else it is the amount.
        name = f"{tenant}:{words[0]}"
        ours: Of = "person" if await is_person(context.platform, name) else "place"
        return Whom(KINDS.get(word, ours), name), words[1]
    if word not in KINDS:
        raise ValueError(word)
    who, _, behind = rest.partition(" ")
    if word == "tenant" or not _ID.fullmatch(who):
        return Whom(KINDS[word], ""), rest
    if not who.startswith(f"{tenant}:"):
        raise ValueError("another bot's")
    return Whom(KINDS[word], shown_name(who)), behind.strip()


def _help(context: TurnContext) -> str:
    return say("budget_help", context.language, id=context.first.sender.id)


COMMANDS = (
    Command(
        "budget",
        _budget,
        "text",
        of_place=True,
        in_menu=True,
        for_asker=True,
        act="budget",
    ),
)
