"""`/start`, `/help`, `/new`, and the answer to an unknown command."""

from core.languages.catalogue import say
from core.turn.commands.command import Command, Outcome, says, shown_name
from core.turn.context import TurnContext


def help_text(context: TurnContext) -> str:
    personas = ", ".join(f"`{name}`" for name in context.services.personas)
    return say("help", context.language, personas=personas)


def _new(context: TurnContext) -> Outcome:
    name = "new_here" if context.first.of_place else "new"
    return Outcome(say(name, context.language), forget_all=True)


def _unknown(context: TurnContext) -> Outcome:
    name = shown_name(context.first.command)
    return Outcome(say("unknown_command", context.language, command=name))


COMMANDS = (
    Command("start", says(lambda context: Outcome(say("welcome", context.language)))),
    Command(
        "help", says(lambda context: Outcome(help_text(context))), in_menu=True, for_asker=True
    ),
    Command("new", says(_new), of_place=True, in_menu=True, act="new"),
)
UNKNOWN = Command("", says(_unknown), takes="text")
