"""`/persona`: how the bot speaks here."""

from core.languages.catalogue import say
from core.messages import Button
from core.turn.commands.command import Command, Outcome, choice_buttons, says, shown_name
from core.turn.commands.setting import choose, holds
from core.turn.context import TurnContext


def _persona(context: TurnContext) -> Outcome:
    known, language = context.services.personas, context.language
    name = context.first.text.strip().lower()
    buttons = choice_buttons("persona", known)
    names = ", ".join(f"`{one}`" for one in known)
    if not name:
        now = holds(context, "persona")
        return Outcome(say("persona_is", language, persona=now, personas=names), buttons=buttons)
    if name not in known:
        shown = shown_name(context.first.text.strip())
        text = say("persona_unknown", language, persona=shown, personas=names)
        return Outcome(text, buttons=buttons)
    starters = [Button(f"ask {text}", text) for text in known[name].starters]
    text = say("persona_set", language, persona=name)
    return Outcome(text, choose(context, "persona", name), buttons=starters)


COMMANDS = (
    Command(
        "persona",
        says(_persona),
        "choice",
        choices=lambda services: services.personas,
        of_place=True,
        act="persona",
        in_menu=True,
    ),
)
