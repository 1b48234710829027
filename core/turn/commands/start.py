"""`/start`, `/help`, `/new`, and what is no command."""

from core.languages.catalogue import say
from core.turn.commands.command import Command, Outcome, says, shown_name
from core.turn.stage import Stage


def help_text(stage: Stage) -> str:
    personas = ", ".join(f"`{name}`" for name in stage.services.personas)
    return say("help", stage.language, personas=personas)


def _new(stage: Stage) -> Outcome:
    name = "new_here" if stage.first.of_place else "new"
    return Outcome(say(name, stage.language), forget_all=True)


def _unknown(stage: Stage) -> Outcome:
    name = shown_name(stage.first.command)
    return Outcome(say("unknown_command", stage.language, command=name))


COMMANDS = (
    Command("start", says(lambda stage: Outcome(say("welcome", stage.language)))),
    Command("help", says(lambda stage: Outcome(help_text(stage))), in_menu=True),
    Command("new", says(_new), of_place=True, in_menu=True),
)
UNKNOWN = Command("", says(_unknown), takes="text")
