"""`/model`: which model answers here."""

from collections.abc import Iterator

from core.languages.catalogue import Language, say
from core.models.request import Traits
from core.people.personas import DEFAULT
from core.people.roles import Role
from core.turn.commands.command import Command, Outcome, choice_buttons, says, shown_name
from core.turn.commands.setting import choose, holds
from core.turn.commands.values import Unfit
from core.turn.context import TurnContext
from core.turn.services import Services


def _model(context: TurnContext) -> Outcome:
    """Say which model answers here, or choose another one."""
    services, language = context.services, context.language
    name = shown_name(context.first.text.strip())
    choosable = context.choosable
    if not name:
        model = holds(context, "model")
        admin = context.role >= Role.ADMIN
        rows = "\n".join(_described(one, services, language, admin=admin) for one in choosable)
        text = say("model_is", language, model=model, models=rows)
        return Outcome(text, buttons=choice_buttons("model", [*choosable, DEFAULT]))
    try:
        chosen = choose(context, "model", name)
    except Unfit as error:
        return Outcome(str(error), buttons=choice_buttons("model", choosable))
    text = say("model_set", language, model=chosen.model or services.model.model)
    return Outcome(text, chosen)


def _described(model: str, services: Services, language: Language, *, admin: bool) -> str:
    """One line about *model*: its price, and its traits; an *admin* sees all that was learned."""
    price = services.model.price_of(model)
    if not price:
        cost = say("price_unknown", language)
    elif not any(price):
        cost = say("price_none", language)
    else:
        cost = say("price", language, read=f"{price[0]:g}", written=f"{price[2]:g}")
    ways = services.model.ways(model) if admin else ""
    # The traits are among the ways.
    traits = [ways] if ways else told_traits(services.model.traits(model), language)
    return f"- `{model}`: " + "; ".join([cost, *traits])


def told_traits(known: Traits, language: Language) -> Iterator[str]:
    """What people may want to know about a model, in sentences."""
    if known.window:
        yield say("trait_window", language, window=known.window)
    if known.blind:
        yield say("trait_blind", language)
    if known.deaf:
        yield say("trait_deaf", language)
    if known.speed:
        speed, first = f"{known.speed:.0f}", f"{known.first_s:.1f}"
        yield say("trait_speed", language, speed=speed, first=first)


COMMANDS = (
    Command(
        "model",
        says(_model),
        "choice",
        choices=lambda services: map(str.lower, services.model.names),
        of_place=True,
        act="model",
        in_menu=True,
    ),
)
