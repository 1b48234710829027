"""The commands. To add one, add an entry to a file of this folder, or a new file to `_ROOMS`.

Menus, rights, arguments, and what an adapter takes for a command, all come from the entries. Tests
compare the README, and the help in each language, with them.
"""

from collections.abc import Mapping

from core.lent import CommandInfo
from core.turn.commands import (
    allow,
    answers,
    budget,
    catchup,
    chat,
    consent,
    data,
    home,
    memory,
    model,
    persona,
    pictures,
    remind,
    settings,
    start,
    steps,
    tools,
    usage,
    web,
)
from core.turn.commands.command import Command
from core.turn.context import Report, TurnContext
from core.turn.services import Services

_ROOMS = (
    start,
    answers,
    steps,
    consent,
    pictures,
    settings,
    model,
    persona,
    chat,
    memory,
    data,
    catchup,
    remind,
    tools,
    usage,
    budget,
    allow,
    web,
    home,
)
COMMANDS: Mapping[str, Command] = {
    command.name: command for room in _ROOMS for command in room.COMMANDS
}

IN_THREADS = tuple(one.name for one in COMMANDS.values() if one.in_menu)
"""The commands in the menu of a platform whose threads we follow."""
MENU = tuple(name for name in IN_THREADS if not COMMANDS[name].in_threads)
"""The commands in the menu of any other platform."""


async def carry_out(context: TurnContext) -> Report:
    """Carry out the command of *context*, if its sender has the right to."""
    first = context.first
    command = COMMANDS.get(first.command, start.UNKNOWN)
    asks_only = command.takes in ("choice", "text") and not first.text.strip()
    if not asks_only and not await context.may(command.act):
        return await context.refuse(command.act)
    return await command.run(context)


def infos(services: Services) -> dict[str, CommandInfo]:
    """What adapters may know of the commands that people type."""
    typed = ("start", "admin", *IN_THREADS)
    return {name: COMMANDS[name].info(services) for name in typed}
