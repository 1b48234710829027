"""`/catchup`: what was said here since one's last message."""

from collections.abc import Iterable

from core.languages.catalogue import LANGUAGES
from core.times.facts import DAYS
from core.turn.catchup import HERE, catch_up
from core.turn.commands.command import Command

KINDS = ("yesterday", "today", *DAYS)


def _beginnings() -> Iterable[str]:
    """Words by which its arguments are known for such."""
    yield from (HERE, "since", "last", "this")
    for locale in LANGUAGES.values():
        for kind in KINDS:
            yield from (word.lstrip("*").lower() for word in locale.times.get(kind, ()))


COMMANDS = (
    Command(
        "catchup",
        catch_up,
        "words",
        choices=lambda _: _beginnings(),
        of_place=True,
        in_menu=True,
        for_asker=True,
        act="catchup",
    ),
)
