"""`/budget`: what may be spent here. Admins set and lift budgets, and grant more."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from core.languages.catalogue import say
from core.messages import conversation_id, place_id, place_of
from core.people.budgets import (
    KINDS,
    NO_LIMIT,
    Account,
    Limit,
    Of,
    accounts_at,
    applying,
    field_of,
    fields_of,
    read_amount,
    read_limit,
)
from core.people.periods import moment
from core.people.roles import tenant_of
from core.turn.afford import bars, described, with_unit
from core.turn.commands.command import Command, shown_name
from core.turn.context import Report, TurnContext

LISTED = 20
MOST_LIMITS = 20
"""So many budgets one person or place may have."""
TEXT_CHARS = 200
_ID = re.compile(r"[a-z]+:\S+")


class _Whom(NamedTuple):
    """For whom a budget is set. An empty *who* means each."""

    of: Of
    who: str

    @property
    def field(self) -> str:
        return field_of(self.of, self.who)


async def _budget(context: TurnContext) -> Report:
    text = context.first.text[:TEXT_CHARS].strip()
    if not text:
        return await _show(context)
    verb, _, rest = text.partition(" ")
    try:
        if verb.lower() == "grant":
            return await _grant(context, *_whom(context, rest))
        whom, rest = _whom(context, text)
        if rest.lower() == "off":
            return await _lift(context, whom)
        return await _set(context, read_limit(whom.of, rest, who=whom.who))
    except ValueError:
        return await context.close("command", _help(context))


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


async def _set(context: TurnContext, limit: Limit) -> Report:
    whom = _Whom(limit.of, limit.who)
    had = await context.services.budgets.set_by_admins(
        tenant_of(context.first.sender.id), [whom.field]
    )
    old = [one for one in had if _kind(one) != _kind(limit) and one.most != NO_LIMIT]
    # The model that answers instead stays the operator's choice.
    theirs = [one.over for one in context.services.budgets.limits if one.of == limit.of]
    limit = replace(limit, over=next(filter(None, theirs), ""))
    return await _keep(context, whom, [*old, limit][-MOST_LIMITS:])


async def _lift(context: TurnContext, whom: _Whom) -> Report:
    """Lift the budgets that admins set for *whom*; if it is for each, the operator's too."""
    operators = context.services.budgets.limits if not whom.who else ()
    return await _keep(
        context,
        whom,
        [replace(one, most=NO_LIMIT) for one in operators if one.of == whom.of and not one.who],
    )


async def _keep(context: TurnContext, whom: _Whom, limits: Sequence[Limit]) -> Report:
    tenant, language = tenant_of(context.first.sender.id), context.language
    if not await context.services.budgets.set(tenant, whom.field, limits):
        return await context.close("command", say("budget_full", language))
    shown = ", ".join(described(one, language) for one in limits if one.most != NO_LIMIT)
    name = f"`{whom.field}`"
    if not shown:
        return await context.close("command", say("budget_off", language, whom=name))
    text = say("budget_set", language, whom=name, limits=shown)
    return await context.close("command", text)


async def _grant(context: TurnContext, whom: _Whom, text: str) -> Report:
    """Let *whom* spend more, until the periods that run now end."""
    much, unit = read_amount(text)
    if not whom.who and whom.of != "tenant":
        raise ValueError("to whom?")
    accounts = [one for one in await _accounts(context, whom) if one.limit.unit == unit]
    if not accounts:
        return await context.close("command", say("budget_none", context.language))
    for one in accounts:
        await context.services.budgets.grant(one, much)
    until = max(one.until for one in accounts)
    amount = with_unit(accounts[0].limit, much, context.language)
    words = {"until": moment(until), "amount": amount, "whom": f"`{whom.field}`"}
    return await context.close("command", say("budget_granted", context.language, **words))


async def _accounts(context: TurnContext, whom: _Whom) -> Sequence[Account]:
    """The accounts of *whom* in the periods that run now."""
    here, budgets = place_of(context.claim.conversation), context.services.budgets
    if whom.of == "place":
        here = conversation_id(*whom.who.split(":", 1))
    person = whom.who if whom.of == "person" else context.first.sender.id
    by_admins = await budgets.set_by_admins(
        tenant_of(context.first.sender.id), fields_of(here, person)
    )
    holding = applying([*budgets.limits, *by_admins], here, person)
    own = [one for one in holding if one.of == whom.of]
    return accounts_at(own, here, person, context.choices.now)


def _whom(context: TurnContext, text: str) -> tuple[_Whom, str]:
    """For whom *text* sets a budget, and the rest of it. Raises `ValueError`."""
    word, _, rest = text.strip().partition(" ")
    word, rest = word.lower(), rest.strip()
    if word == "here":
        return _Whom("place", place_id(context.claim.conversation)), rest
    if word not in KINDS:
        raise ValueError(word)
    who, _, behind = rest.partition(" ")
    if word == "tenant" or not _ID.fullmatch(who):
        return _Whom(KINDS[word], ""), rest
    if not who.startswith(f"{tenant_of(context.first.sender.id)}:"):
        raise ValueError("another bot's")
    return _Whom(KINDS[word], shown_name(who)), behind.strip()


def _kind(limit: Limit) -> tuple[str, ...]:
    return limit.unit, limit.per, limit.model


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
