"""`/start`, `/help`, `/new`, and what is no command."""

from core.people.texts import say
from core.turn.commands.command import Command, Outcome, says, shown_name
from core.turn.stage import Stage


def help_text(stage: Stage) -> str:
    personas = ", ".join(f"`{name}`" for name in stage.context.personas)
    return say("help", stage.language, personas=personas)


def _new(stage: Stage) -> Outcome:
    name = "new_here" if stage.first.of_place else "new"
    return Outcome(say(name, stage.language), forget_all=True)


def _unknown(stage: Stage) -> Outcome:
    name = shown_name(stage.first.command)
    return Outcome(say("unknown_command", stage.language, command=name))


COMMANDS = (
    Command("start", says(lambda stage: Outcome(say("welcome", stage.language)))),
    Command("help", says(lambda stage: Outcome(help_text(stage))), ("what I can do", "我能做什么")),
    Command(
        "new",
        says(_new),
        ("forget this conversation and begin afresh", "忘掉这个对话,重新开始"),
        of_place=True,
    ),
)
UNKNOWN = Command("", says(_unknown), takes="text")
