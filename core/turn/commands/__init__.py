"""The commands. To add one, add an entry to a room of this folder, or a room to `_ROOMS`.

Menus, what an adapter takes for a command, rights and arguments follow from the entries; tests
compare the help in each language, and the README, with them.
"""

from collections.abc import Mapping

from core.languages.catalogue import say
from core.lent import CommandInfo
from core.turn.commands import answers, chat, model, persona, pictures, start, usage
from core.turn.commands.command import Command
from core.turn.context import Report, TurnContext
from core.turn.services import Services

_ROOMS = (start, answers, pictures, model, persona, chat, usage)
COMMANDS: Mapping[str, Command] = {
    command.name: command for room in _ROOMS for command in room.COMMANDS
}

IN_THREADS = tuple(one.name for one in COMMANDS.values() if one.in_menu)
"""The commands that a menu shows, on a platform whose threads we follow."""
MENU = tuple(name for name in IN_THREADS if not COMMANDS[name].in_threads)
"""Those of any platform's menu."""


async def carry_out(context: TurnContext) -> Report:
    """Carry out the command of *context*, if who gave it may."""
    first = context.first
    command = COMMANDS.get(first.command, start.UNKNOWN)
    changes = command.to_change == "admin" and not first.private and first.text.strip()
    if changes and not context.services.access.is_admin(first.sender.id):
        return await context.close("command", say("admins_only", context.language))
    return await command.run(context)


def infos(services: Services) -> dict[str, CommandInfo]:
    """What adapters may know of the commands that people type."""
    typed = ("start", *IN_THREADS)
    return {name: COMMANDS[name].info(services) for name in typed}
