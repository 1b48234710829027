"""`/settings`: what holds here and who chose it, and changing it, for here or for everywhere.

A pressed button carries all that it needs in its command, so it also works after a restart. What it
may change is decided when it is pressed, for the person who pressed it.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from core.languages.catalogue import Language, say
from core.live.shown import Shown
from core.messages import Button
from core.people.roles import Act
from core.store.layers import Layers, Scope
from core.turn.commands.command import Command, labelled_buttons, shown_name
from core.turn.commands.setting import ALSO, SETTINGS, Setting, held
from core.turn.commands.values import Unfit
from core.turn.context import Report, TurnContext
from core.turn.hearing import erase_if_off, switched

NAME = "settings"
EVERYWHERE, PLACE = "everywhere", "place"
"""Words before a setting that say where it is to hold, if not where they are written."""
RESET = "reset"
ROW_CHARS = 60
"""So much of a long value is shown in a list."""
VALUE_CHARS = 1_500


class Wish(NamedTuple):
    """What somebody wants of the settings: all, those of one *name*, or another *value* of it.

    *where*: the word that says so, for the commands of buttons.
    """

    scope: Scope
    where: str
    name: str
    value: str

    def command(self, *words: str) -> str:
        """The command of a button in the same scope."""
        return " ".join(filter(None, (NAME, self.where, *words)))


def read_wish(context: TurnContext) -> Wish:
    """What the arguments of the command say."""
    scope: Scope = "thread" if context.turn.in_thread else "place"
    # The answer to a command about the place may stand in a thread, and so do its buttons.
    where, text = PLACE if context.first.of_place else "", context.first.text.strip()
    first, _, rest = text.partition(" ")
    if first.lower() in (EVERYWHERE, PLACE):
        where, text = first.lower(), rest.strip()
        scope = "tenant" if where == EVERYWHERE else "place"
    name, *value = text.split(maxsplit=1)[:2] or [""]
    name = name.lower()
    return Wish(scope, where, ALSO.get(name, name), value[0].strip() if value else "")


async def _settings(context: TurnContext) -> Report:
    wish, language = read_wish(context), context.language
    setting = SETTINGS.get(wish.name)
    act: Act = setting.act if setting is not None else "settings"
    if wish.scope == "tenant":
        act = "bot settings"
    # Everybody may see what holds here.
    if (wish.name or wish.scope == "tenant") and not await context.may(act):
        return await context.refuse(act)
    if wish.name and setting is None:
        names = ", ".join(f"`{one.name}`" for one in _all(context))
        told = say("setting_unknown", language, name=shown_name(wish.name), names=names)
        return await _end(context, told, _of_all(context, wish))
    layers = _layers(context, wish)
    if setting is None:
        return await _end(context, _list(context, wish, layers), _of_all(context, wish))
    if not wish.value:
        return await _end(
            context, _one(context, wish, setting, layers), _of_one(context, wish, setting, layers)
        )
    return await _change(context, wish, setting)


async def _change(context: TurnContext, wish: Wish, setting: Setting) -> Report:
    """Set *setting* to the value that *wish* names, or let it be inherited again."""
    value: str | bool | None = None
    if wish.value.lower() != RESET:
        try:
            value = setting.read(context, wish.value)
        except Unfit as error:
            words = {f"{setting.name} {one}": one for one in error.instead}
            buttons = labelled_buttons(wish.command(), words)
            return await _end(context, str(error), [*buttons, _back(context, wish)])
    if setting.field == "language" and isinstance(value, str):
        context = dataclasses.replace(context, language=Language(value))
    layers = _layers(context, wish, {setting.field: value})
    buttons = _of_one(context, wish, setting, layers) if context.first.under else ()
    told = _one(context, wish, setting, layers) if buttons else _now(context, setting, layers)
    if setting.field in ("context", "when") and wish.scope != "tenant":
        told = "\n\n".join(filter(None, (told, await switched(context, setting.field, layers))))
    hears = setting.field == "context" and wish.scope != "tenant"
    if hears:
        await erase_if_off(context, layers)
    shown = await _show(context, told, buttons)
    await context.commit(chosen={setting.field: value}, scope=wish.scope)
    if hears:
        # What was said until the commit was still kept.
        await erase_if_off(context, layers)
    return Report("command", shown)


def _layers(
    context: TurnContext, wish: Wish, changed: dict[str, str | bool | None] | None = None
) -> Layers:
    """The layers that *wish* is about, with what is *changed* in its own (None: taken back)."""
    all_of = context.turn.layers
    own = {**getattr(all_of, wish.scope), **(changed or {})}
    kept = {name: value for name, value in own.items() if value is not None}
    match wish.scope:
        case "tenant":
            return Layers(tenant=kept)
        case "place":
            return Layers(place=kept, tenant=all_of.tenant)
        case _:
            return Layers(kept, all_of.place, all_of.tenant)


def _row(context: TurnContext, setting: Setting, layers: Layers, most: int) -> str:
    """The value of *setting* and where it comes from."""
    holds, language = held(setting, context, layers), context.language
    value = " ".join(holds.value.split())
    ends = "…" if len(value) > most else ""
    shown = f"`{value[:most].replace('`', '')}{ends}`" if value else "–"
    source = say(f"from_{holds.source}", language)
    gone = f", {say('setting_gone', language)}" if holds.gone else ""
    return f"{shown} ({source}{gone})"


def _list(context: TurnContext, wish: Wish, layers: Layers) -> str:
    rows = [
        f"- **{setting.name}**: {_row(context, setting, layers, ROW_CHARS)}"
        for setting in _all(context)
    ]
    return say(f"settings_{wish.scope}", context.language, rows="\n".join(rows))


def _one(context: TurnContext, wish: Wish, setting: Setting, layers: Layers) -> str:
    row = _row(context, setting, layers, VALUE_CHARS)
    usage = f"`/{wish.command(setting.name)} …`"
    return say(
        "setting_is",
        context.language,
        name=setting.name,
        about=setting.about(context.language),
        row=row,
        usage=usage,
    )


def _now(context: TurnContext, setting: Setting, layers: Layers) -> str:
    row = _row(context, setting, layers, ROW_CHARS)
    return say("setting_now", context.language, name=setting.name, row=row)


def _all(context: TurnContext) -> Sequence[Setting]:
    """The settings that mean something here."""
    without: set[str] = set()
    if context.services.speech is None:
        without.add("voice")
    if context.first.private:
        without |= {"name", "context", "follow", "when"}
    if not context.platform.limits.follows:
        without.add("follow")
    return [one for name, one in SETTINGS.items() if name not in without]


def _of_all(context: TurnContext, wish: Wish) -> Sequence[Button]:
    """A button for each setting."""
    names = {one.name: one.name for one in _all(context)}
    return labelled_buttons(wish.command(), names)


def _of_one(context: TurnContext, wish: Wish, setting: Setting, layers: Layers) -> Sequence[Button]:
    """Buttons for the values of *setting*, for the way back, and for taking it back."""
    now = held(setting, context, layers)
    words = {
        f"{setting.name} {one}": f"✓ {one}" if one == now.value else one
        for one in setting.choices(context)
    }
    buttons = list(labelled_buttons(wish.command(), words))
    if setting.free and context.platform.limits.asks:
        buttons.append(
            Button(
                wish.command(setting.name),
                say("settings_write", context.language),
                asks=setting.about(context.language),
            )
        )
    if setting.field in getattr(layers, wish.scope):
        reset = wish.command(setting.name, RESET)
        buttons.append(Button(reset, say("settings_reset", context.language)))
    return [*buttons, _back(context, wish)]


def _back(context: TurnContext, wish: Wish) -> Button:
    return Button(wish.command(), say("settings_back", context.language))


async def _end(context: TurnContext, text: str, buttons: Sequence[Button]) -> Report:
    shown = await _show(context, text, buttons)
    await context.commit()
    return Report("command", shown)


async def _show(context: TurnContext, text: str, buttons: Sequence[Button]) -> Shown:
    """Show *text*: in the post whose button was pressed, else in a new one."""
    pressed = [context.first.under] if context.first.under else []
    reply = context.reply(handles=context.posts or pressed)
    await reply.finish(text, buttons)
    return reply.shown


COMMANDS = (
    Command(
        NAME,
        _settings,
        "words",
        choices=lambda _: (*SETTINGS, *ALSO, EVERYWHERE, PLACE),
        of_place=True,
        in_menu=True,
        as_menu=True,
    ),
)
