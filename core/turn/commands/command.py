"""What a command is: one entry that holds its arguments, its rights and its handler."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from core.lent import CommandInfo, Takes
from core.messages import Button, Preferences
from core.people.roles import Act
from core.turn.context import Report, TurnContext
from core.turn.services import Services

BUTTON_BYTES = 64
"""What the button of any platform can carry (Telegram: callback_data, 1 to 64 bytes)."""
MOST_BUTTONS = 12
NAME_CHARS = 120

Run = Callable[[TurnContext], Awaitable[Report]]


class Command(NamedTuple):
    """A command, by its *name* without a slash.

    Args:
        run: carries the command out, and commits.
        takes: as in `CommandInfo`.
        choices: the arguments that it takes.
        in_menu: whether menus show it. The catalogue has a line for it, such as `menu_help`.
        of_place: as in `CommandInfo`.
        for_asker: as in `CommandInfo`.
        as_menu: as in `CommandInfo`.
        in_threads: it makes sense only on a platform whose threads we follow.
        act: the act that needs a right (`core.people.roles`). If the command also takes no
            argument, it only shows something then, and everybody may give it so.
    """

    name: str
    run: Run
    takes: Takes = "nothing"
    choices: Callable[[Services], Iterable[str]] | None = None
    in_menu: bool = False
    of_place: bool = False
    for_asker: bool = False
    as_menu: bool = False
    in_threads: bool = False
    act: Act = "ask"

    def info(self, services: Services) -> CommandInfo:
        """What adapters may know of this command."""
        choices = tuple(self.choices(services)) if self.choices is not None else ()
        return CommandInfo(self.takes, choices, self.of_place, self.for_asker, self.as_menu)


class Outcome(NamedTuple):
    """The result of a command: a text, and perhaps new preferences or a forgotten history."""

    text: str
    preferences: Preferences | None = None
    forget_all: bool = False
    buttons: Sequence[Button] = ()


def says(outcome_of: Callable[[TurnContext], Outcome]) -> Run:
    """The handler of a command that says something and may change the preferences here."""

    async def run(context: TurnContext) -> Report:
        outcome = outcome_of(context)
        alone = outcome.preferences is None and not outcome.forget_all
        shown = await context.say(outcome.text, outcome.buttons, aside=alone)
        await context.commit(
            forget_all=outcome.forget_all,
            everywhere=outcome.forget_all and context.first.of_place,
            preferences=outcome.preferences,
        )
        return Report("command", shown)

    return run


def choice_buttons(command: str, names: Iterable[str]) -> Sequence[Button]:
    """A button for each of *names*, at most `MOST_BUTTONS`."""
    return labelled_buttons(command, {name: name for name in names})


def labelled_buttons(command: str, labels: Mapping[str, str]) -> Sequence[Button]:
    """A button for each argument of *command*, with its label."""
    buttons = (Button(f"{command} {name}", label) for name, label in labels.items())
    return [one for one in buttons if len(one.command.encode()) <= BUTTON_BYTES][:MOST_BUTTONS]


def shown_name(name: str) -> str:
    """*name*, which somebody wrote, made safe for a code span."""
    return name[:NAME_CHARS].replace("`", "")
