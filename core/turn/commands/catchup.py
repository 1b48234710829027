"""`/catchup`: what was said here since one's last message."""

from core.turn.catchup import catch_up
from core.turn.commands.command import Command

COMMANDS = (
    Command(
        "catchup",
        catch_up,
        "phrase",
        of_place=True,
        in_menu=True,
        for_asker=True,
        act="catchup",
    ),
)
