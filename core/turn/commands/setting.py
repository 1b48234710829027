"""What `/settings` can change: one entry for each setting, with its values and its right."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from core.languages.catalogue import LANGUAGES, say
from core.messages import Preferences
from core.people.personas import DEFAULT
from core.people.roles import Act
from core.store.layers import Layers, Scope
from core.turn.choices import ALL, OFF, one_line
from core.turn.chooser import Chooser
from core.turn.commands.values import (
    ABOUT_CHARS,
    CONTEXT,
    FOLLOW,
    RETENTION,
    SWITCH,
    WHEN,
    Unfit,
    Value,
    context_of,
    language_of,
    model_of,
    models_of,
    name_of,
    one_of,
    retention_of,
    switch_of,
    system_of,
    text_of,
    timezone_of,
    tools_of,
)
from core.turn.context import TurnContext

Words = Callable[[Chooser], Sequence[str]]


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


_ALL = (
    Setting(
        "model",
        "model",
        "model",
        model_of,
        models_of,
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
    Setting("system", "system", "system", system_of, free=True),
    Setting("lang", "language", "lang", language_of, lambda _: tuple(LANGUAGES)),
    Setting("voice", "voice", "voice", switch_of, lambda _: SWITCH, default=lambda _: "off"),
    Setting("verbose", "verbose", "settings", switch_of, lambda _: SWITCH, default=lambda _: "off"),
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
        name_of,
        default=lambda context: one_line(context.first.place_name),
        free=True,
    ),
    Setting(
        "about",
        "about",
        "settings",
        text_of(ABOUT_CHARS),
        operator=lambda context: context.choices.place.about,
        free=True,
    ),
    Setting(
        "timezone",
        "timezone",
        "settings",
        timezone_of,
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
        context_of,
        lambda _: CONTEXT,
        # What the operator chose is no consent of a place to be overheard.
        lambda context: context.services.settings.context if context.platform.limits.reads else "",
        lambda _: CONTEXT[0],
    ),
    Setting(
        "tools",
        "tools",
        "settings",
        tools_of,
        lambda _: (ALL, OFF),
        lambda context: " ".join(one for one in context.choices.place.tools if one != "*"),
        lambda _: ALL,
        free=True,
    ),
    Setting("when", "when", "settings", one_of(*WHEN), lambda _: WHEN, default=lambda _: WHEN[0]),
    Setting(
        "retention",
        "retention",
        "settings",
        retention_of,
        lambda _: RETENTION,
        default=lambda context: f"{context.services.settings.history_ttl // 86_400}d",
        free=True,
    ),
    Setting("burst", "burst", "settings", switch_of, lambda _: SWITCH, default=lambda _: "on"),
)
SETTINGS: Mapping[str, Setting] = {one.name: one for one in _ALL}
ALSO = {"language": "lang", "zone": "timezone", "tz": "timezone", "prompt": "system"}
"""Other words that people type for a setting."""
