"""`/catchup`: what was said here since one's last message."""

from core.turn.catchup import HERE, TODAY, YESTERDAY, catch_up
from core.turn.commands.command import Command

COMMANDS = (
    Command(
        "catchup",
        catch_up,
        "words",
        choices=lambda _: (YESTERDAY, TODAY, HERE),
        of_place=True,
        in_menu=True,
        for_asker=True,
        act="catchup",
    ),
)
