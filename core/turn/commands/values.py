"""The values of settings: what fits, read from people's words, and what is said if it does not."""

import difflib
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from core.languages.catalogue import CATALOGUE, LANGUAGES, say
from core.people.personas import DEFAULT
from core.times.zones import spelled, zone_meant, zones
from core.turn.choices import ALL, NAME_CHARS, OFF, one_line
from core.turn.chooser import Chooser
from core.turn.commands.command import shown_name
from core.turn.hearing import MOST

ABOUT_CHARS = 2_000
SYSTEM_CHARS = 4_000
FOLLOW = ("questions", "all", "off")
WHEN = ("mention", "reply", "always", "useful")
CONTEXT = ("off", "thread", "recent 20", "recent 50")
SWITCH = ("on", "off")
RETENTION = ("1d", "7d", "30d")
NEAREST = 5
_RECENT = re.compile(r"recent(?:\s+(\d{1,4}))?")
MOST_TOOLS = 30

Value = str | bool


class Unfit(ValueError):
    """A value does not fit. The error's text is a sentence, and *instead* are values that do."""

    def __init__(self, sentence: str, instead: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.instead = instead


def one_of(*names: str) -> Callable[[Chooser, str], str]:
    def read(context: Chooser, text: str) -> str:
        name = text.lower()
        if name not in names:
            raise _unknown(context, text, names)
        return name

    return read


def _unknown(context: Chooser, text: str, names: Sequence[str]) -> Unfit:
    shown = ", ".join(f"`{one}`" for one in names)
    told = say("setting_wrong", context.language, value=shown_name(text) or "…", names=shown)
    return Unfit(told, names)


def switch_of(context: Chooser, text: str) -> bool:
    return one_of(*SWITCH)(context, text) == "on"


def model_of(context: Chooser, text: str) -> str:
    name = shown_name(text)
    if name == DEFAULT:
        return ""
    if not context.may_choose(name):
        names = ", ".join(f"`{one}`" for one in context.choosable)
        told = say("model_not_allowed", context.language, model=name, names=names)
        raise Unfit(told, context.choosable)
    return name


def models_of(context: Chooser) -> Sequence[str]:
    return context.choosable


def language_of(context: Chooser, text: str) -> str:
    if (tag := CATALOGUE.named(text)) is None:
        raise _unknown(context, text, tuple(LANGUAGES))
    return tag


def context_of(context: Chooser, text: str) -> str:
    """`off`, `thread`, or `recent` with a number of messages."""
    if found := _RECENT.fullmatch(text.lower()):
        many = int(found[1] or 20)
        if 1 <= many <= MOST:
            return f"recent {many}"
    elif text.lower() in CONTEXT:
        return text.lower()
    raise _unknown(context, text, CONTEXT)


def retention_of(context: Chooser, text: str) -> str:
    """A number of days, such as `30d`."""
    days = text.lower().removesuffix("d").strip()
    if not (days.isascii() and days.isdigit() and len(days) < 5 and int(days)):
        raise _unknown(context, text, RETENTION)
    return f"{int(days)}d"


def text_of(most: int) -> Callable[[Chooser, str], str]:
    def read(context: Chooser, text: str) -> str:
        if len(text) > most:
            raise Unfit(say("too_long", context.language, chars=len(text), most=most))
        return text

    return read


def system_of(context: Chooser, text: str) -> str:
    return "" if text.lower() == "clear" else text_of(SYSTEM_CHARS)(context, text)


def name_of(context: Chooser, text: str) -> str:
    return one_line(text_of(NAME_CHARS)(context, text))


def tools_of(context: Chooser, text: str) -> str:
    """Names of tools, or patterns of them such as `crm__*`; `all`, or `off`."""
    names = text.replace(",", " ").split()
    if text.strip().lower() in (ALL, OFF):
        return text.strip().lower()
    known = [one.name for one in context.services.tools]
    # Not one more than may be: each pattern has to be compiled.
    fits = [any(fnmatchcase(tool, name) for tool in known) for name in names[: MOST_TOOLS + 1]]
    if not 0 < len(names) <= MOST_TOOLS or not all(fits):
        raise _unknown(context, text, (ALL, OFF, *sorted(known)[:NEAREST]))
    return " ".join(names)


def timezone_of(context: Chooser, text: str) -> str:
    if zone := zone_meant(text[:NAME_CHARS]):
        return zone
    near = difflib.get_close_matches(spelled(text[:NAME_CHARS]), zones(), 3 * NEAREST, 0.6)
    nearest = list(dict.fromkeys(zones()[one] for one in near))[:NEAREST]
    raise _unknown(context, text, nearest or ("Europe/Berlin", "America/New_York", "UTC"))
