"""What `/settings` can change: one entry for each setting, with its values and its right."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from core.languages.catalogue import CATALOGUE, LANGUAGES, say
from core.messages import Preferences
from core.people.personas import DEFAULT
from core.people.roles import Act
from core.store.layers import Layers, Scope
from core.times.zones import spelled, zone_meant, zones
from core.turn.choices import NAME_CHARS, one_line
from core.turn.chooser import Chooser
from core.turn.commands.command import shown_name
from core.turn.context import TurnContext
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

Value = str | bool
Words = Callable[[TurnContext], Sequence[str]]


class Unfit(ValueError):
    """A value does not fit. The error's text is a sentence, and *instead* are values that do."""

    def __init__(self, sentence: str, instead: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.instead = instead


def nothing(context: TurnContext) -> str:
    """For a setting that the operator cannot choose."""
    return ""


class Setting(NamedTuple):
    """A setting, by the *name* that people type.

    Args:
        field: its name in `Preferences`.
        act: the act that changing it is (`core.people.roles`).
        read: the value of what somebody wrote; raises `Unfit`.
        choices: values that are offered as buttons.
        operator: what the operator chose here; empty: nothing.
        default: what holds if nobody chose.
        free: whether its value is a text in people's own words.
    """

    name: str
    field: str
    act: Act
    read: Callable[[Chooser, str], Value]
    choices: Words = lambda _: ()
    operator: Callable[[TurnContext], str] = nothing
    default: Callable[[TurnContext], str] = nothing
    free: bool = False

    def about(self, language: str) -> str:
        """One line about it."""
        told = f"menu_{self.name}" if self.name in _IN_MENU else f"setting_{self.name}"
        return say(told, language)


_IN_MENU = ("model", "persona", "system", "lang", "voice", "verbose", "follow")


class Held(NamedTuple):
    """What holds of a setting: its *value* as text, and its *source*.

    *gone*: somebody chose it, but it is not there any more.
    """

    value: str
    source: Scope | str
    gone: bool = False


def held(setting: Setting, context: TurnContext, layers: Layers) -> Held:
    """What holds of *setting*, if these are the *layers* of choices."""
    if scope := layers.source(setting.field):
        chosen: Value = getattr(layers.preferences, setting.field)
        if chosen != "":
            return Held(written(chosen), scope, gone=_gone(setting, context, chosen))
    if by_operator := setting.operator(context):
        return Held(by_operator, "operator")
    return Held(setting.default(context), scope or "default")


def holds(context: TurnContext, name: str) -> str:
    """The value of the setting *name* that is used here. One that is gone counts as not chosen."""
    setting = SETTINGS[name]
    now = held(setting, context, context.turn.layers)
    return now.value if not now.gone else setting.operator(context) or setting.default(context)


def choose(context: TurnContext, name: str, text: str) -> Preferences:
    """The choices here with *text* as the setting *name*. Raises `Unfit`."""
    setting = SETTINGS[name]
    return replace(context.turn.preferences, **{setting.field: setting.read(context, text)})


def written(value: Value) -> str:
    """*value* as people write it."""
    return value if isinstance(value, str) else "on" if value else "off"


def _gone(setting: Setting, context: TurnContext, value: Value) -> bool:
    """Whether *value*, which was once chosen, would not be taken any more."""
    if setting.name not in ("model", "persona", "lang", "timezone"):
        return False
    try:
        setting.read(context, written(value))
    except Unfit:
        return True
    return False


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


def _switch(context: Chooser, text: str) -> bool:
    return one_of(*SWITCH)(context, text) == "on"


def _model(context: Chooser, text: str) -> str:
    name = shown_name(text)
    if name == DEFAULT:
        return ""
    if not context.may_choose(name):
        names = ", ".join(f"`{one}`" for one in context.choosable)
        told = say("model_not_allowed", context.language, model=name, names=names)
        raise Unfit(told, context.choosable)
    return name


def _models(context: TurnContext) -> Sequence[str]:
    return context.choosable


def _language(context: Chooser, text: str) -> str:
    if (tag := CATALOGUE.named(text)) is None:
        raise _unknown(context, text, tuple(LANGUAGES))
    return tag


def _context(context: Chooser, text: str) -> str:
    """`off`, `thread`, or `recent` with a number of messages."""
    if found := _RECENT.fullmatch(text.lower()):
        many = int(found[1] or 20)
        if 1 <= many <= MOST:
            return f"recent {many}"
    elif text.lower() in CONTEXT:
        return text.lower()
    raise _unknown(context, text, CONTEXT)


def _retention(context: Chooser, text: str) -> str:
    """A number of days, such as `30d`."""
    days = text.lower().removesuffix("d").strip()
    if not (days.isascii() and days.isdigit() and len(days) < 5 and int(days)):
        raise _unknown(context, text, RETENTION)
    return f"{int(days)}d"


def _text(most: int) -> Callable[[Chooser, str], str]:
    def read(context: Chooser, text: str) -> str:
        if len(text) > most:
            raise Unfit(say("too_long", context.language, chars=len(text), most=most))
        return text

    return read


def _system(context: Chooser, text: str) -> str:
    return "" if text.lower() == "clear" else _text(SYSTEM_CHARS)(context, text)


def _name(context: Chooser, text: str) -> str:
    return one_line(_text(NAME_CHARS)(context, text))


def _timezone(context: Chooser, text: str) -> str:
    if zone := zone_meant(text[:NAME_CHARS]):
        return zone
    near = difflib.get_close_matches(spelled(text[:NAME_CHARS]), zones(), 3 * NEAREST, 0.6)
    nearest = list(dict.fromkeys(zones()[one] for one in near))[:NEAREST]
    raise _unknown(context, text, nearest or ("Europe/Berlin", "America/New_York", "UTC"))


_ALL = (
    Setting(
        "model",
        "model",
        "model",
        _model,
        _models,
        lambda context: context.choices.preset_model,
        lambda context: context.services.model.model,
    ),
    Setting(
        "persona",
        "persona",
        "persona",
        lambda context, text: one_of(*context.services.personas)(context, text),
        lambda context: tuple(context.services.personas),
        lambda context: context.choices.place.persona,
        lambda _: DEFAULT,
    ),
    Setting("system", "system", "system", _system, free=True),
    Setting("lang", "language", "lang", _language, lambda _: tuple(LANGUAGES)),
    Setting("voice", "voice", "voice", _switch, lambda _: SWITCH, default=lambda _: "off"),
    Setting("verbose", "verbose", "settings", _switch, lambda _: SWITCH, default=lambda _: "off"),
    Setting(
        "follow",
        "follow",
        "follow",
        one_of(*FOLLOW),
        lambda _: FOLLOW,
        default=lambda _: "questions",
    ),
    Setting(
        "name",
        "name",
        "settings",
        _name,
        default=lambda context: one_line(context.first.place_name),
        free=True,
    ),
    Setting(
        "about",
        "about",
        "settings",
        _text(ABOUT_CHARS),
        operator=lambda context: context.choices.place.about,
        free=True,
    ),
    Setting(
        "timezone",
        "timezone",
        "settings",
        _timezone,
        operator=lambda context: (
            context.choices.place.timezone or context.services.settings.timezone
        ),
        default=lambda context: context.choices.now.tzname() or "",
        free=True,
    ),
    Setting(
        "context",
        "context",
        "settings",
        _context,
        lambda _: CONTEXT,
        # What the operator chose is no consent of a place to be overheard.
        lambda context: context.services.settings.context if context.platform.limits.reads else "",
        lambda _: CONTEXT[0],
    ),
    Setting("when", "when", "settings", one_of(*WHEN), lambda _: WHEN, default=lambda _: WHEN[0]),
    Setting(
        "retention",
        "retention",
        "settings",
        _retention,
        lambda _: RETENTION,
        default=lambda context: f"{context.services.settings.history_ttl // 86_400}d",
        free=True,
    ),
    Setting("burst", "burst", "settings", _switch, lambda _: SWITCH, default=lambda _: "on"),
)
SETTINGS: Mapping[str, Setting] = {one.name: one for one in _ALL}
ALSO = {"language": "lang", "zone": "timezone", "tz": "timezone", "prompt": "system"}
"""Other words that people type for a setting."""
