"""What the commands say and change. Pure: the turn shows the text and commits the change."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from core.messages import Button, Incoming, Preferences, Spent
from core.people.personas import DEFAULT
from core.people.texts import LANGUAGES, Language, say
from core.store.turns import Turn
from core.turn.context import Context
from core.turn.prompt import exchange_tokens

MENU: dict[str, tuple[str, str]] = {
    "help": ("what I can do", "我能做什么"),
    "new": ("forget this conversation and begin afresh", "忘掉这个对话,重新开始"),
    "stop": ("stop the answer that is being written", "停止正在写的回答"),
    "retry": ("answer the last question again", "重新回答上一个问题"),
    "continue": ("go on with an answer that was cut", "接着写中断的回答"),
    "image": ("paint a picture", "画一张图"),
    "compare": ("ask several models side by side", "让几个模型同时回答"),
    "model": ("choose the model here", "选择模型"),
    "persona": ("choose how I speak", "选择说话方式"),
    "voice": ("answer with my voice too: on or off", "用语音回答：on 或 off"),
    "system": ("tell me what to keep in mind here", "告诉我要记住什么"),
    "usage": ("what this conversation holds", "查看用量"),
    "lang": ("choose my language", "选择语言"),
}
"""The commands that a platform's menu shows, each with its line in English and Chinese."""

IN_THREADS: dict[str, tuple[str, str]] = {
    **MENU,
    "follow": ("what I answer in threads", "在话题串里回答什么"),
}
"""Those of a platform whose threads we follow."""

FOLLOW = ("questions", "all", "off")
SYSTEM_CHARS = 4_000
BUTTON_BYTES = 64
"""What the button of any platform can carry (Telegram: callback_data, 1 to 64 bytes)."""
MOST_BUTTONS = 12
NAME_CHARS = 120


class Outcome(NamedTuple):
    """What a command comes to: a text, and perhaps changed preferences or a forgotten history."""

    text: str
    preferences: Preferences | None = None
    forget_all: bool = False
    buttons: Sequence[Button] = ()


def run_command(incoming: Incoming, turn: Turn, context: Context, language: Language) -> Outcome:
    """All but those that are turns of their own kind (`core.turn.run.serve`)."""
    argument = incoming.text.strip()
    chosen = turn.preferences
    personas = ", ".join(f"`{name}`" for name in context.personas)
    match incoming.command:
        case "start":
            return Outcome(say("welcome", language))
        case "help":
            return Outcome(say("help", language, personas=personas))
        case "new":
            said = "new_here" if incoming.of_place else "new"
            return Outcome(say(said, language), forget_all=True)
        case "stop":
            return Outcome(say("nothing_to_stop", language))
        case "model":
            return _model(incoming, chosen, context, language)
        case "persona" if not argument:
            text = say("persona_is", language, persona=chosen.persona or DEFAULT, personas=personas)
            return Outcome(text, buttons=_choices("persona", context.personas))
        case "persona" if argument.lower() not in context.personas:
            shown = argument[:NAME_CHARS].replace("`", "")
            text = say("persona_unknown", language, persona=shown, personas=personas)
            return Outcome(text, buttons=_choices("persona", context.personas))
        case "persona":
            name = argument.lower()
            changed = msgspec.structs.replace(chosen, persona=name)
            starters = [Button(f"ask {text}", text) for text in context.personas[name].starters]
            return Outcome(say("persona_set", language, persona=name), changed, buttons=starters)
        case "follow":
            return _follow(argument.lower(), chosen, language)
        case "voice":
            return _voice(argument.lower(), chosen, context, language)
        case "system":
            return _system(incoming, chosen, context, language)
        case "lang" if argument.lower() not in LANGUAGES:
            return Outcome(say("language_is", language, language=LANGUAGES[language]))
        case "lang":
            to: Language = "zh" if argument.lower() == "zh" else "en"
            changed = msgspec.structs.replace(chosen, language=to)
            return Outcome(say("language_set", to), changed)
        case unknown:
            shown = unknown[:NAME_CHARS].replace("`", "")
            return Outcome(say("unknown_command", language, command=shown))


def _model(
    incoming: Incoming, chosen: Preferences, context: Context, language: Language
) -> Outcome:
    """Tell which model answers here, or choose another one."""
    name, offered = incoming.text.strip()[:NAME_CHARS].replace("`", ""), context.model.names
    choosable = context.access.choosable(incoming.sender.id, offered)
    names = ", ".join(f"`{one}`" for one in choosable)
    if not name:
        model = chosen.model or context.model.model
        rows = "\n".join(_described(one, context, language) for one in choosable)
        text = say("model_is", language, model=model, models=rows)
        return Outcome(text, buttons=_choices("model", [*choosable, DEFAULT]))
    model = "" if name == DEFAULT else name
    if model and not context.access.may_choose(model, incoming.sender.id, offered):
        text = say("model_not_allowed", language, model=model, names=names)
        return Outcome(text, buttons=_choices("model", choosable))
    changed = msgspec.structs.replace(chosen, model=model)
    return Outcome(say("model_set", language, model=model or context.model.model), changed)


def _described(model: str, context: Context, language: Language) -> str:
    """One line on *model*: what it costs, and what is known of how it likes to be asked."""
    price = context.model.price_of(model)
    if not price:
        cost = say("price_unknown", language)
    elif not any(price):
        cost = say("price_none", language)
    else:
        cost = say("price", language, read=f"{price[0]:g}", written=f"{price[2]:g}")
    return f"- `{model}`: " + "; ".join(filter(None, (cost, context.model.ways(model))))


def _follow(argument: str, chosen: Preferences, language: Language) -> Outcome:
    if argument not in FOLLOW:
        return Outcome(say("follow_is", language, follow=chosen.follow or FOLLOW[0]))
    changed = msgspec.structs.replace(chosen, follow=argument)
    return Outcome(say(f"follow_{argument}", language), changed)


def _voice(argument: str, chosen: Preferences, context: Context, language: Language) -> Outcome:
    if context.speech is None:
        return Outcome(say("voice_missing", language))
    if argument not in ("on", "off"):
        return Outcome(say("voice_on" if chosen.voice else "voice_off", language))
    changed = msgspec.structs.replace(chosen, voice=argument == "on")
    return Outcome(say(f"voice_{argument}", language), changed)


def _choices(command: str, names: Iterable[str]) -> Sequence[Button]:
    """A button for each of *names*, as many as a platform shows well."""
    buttons = (Button(f"{command} {name}", name) for name in names)
    return [one for one in buttons if len(one.command.encode()) <= BUTTON_BYTES][:MOST_BUTTONS]


def _system(
    incoming: Incoming, chosen: Preferences, context: Context, language: Language
) -> Outcome:
    argument = incoming.text.strip()
    if not argument:
        if not chosen.system:
            return Outcome(say("system_none", language))
        return Outcome(say("system_is", language, system=chosen.system.replace("\n", "\n> ")))
    if not incoming.private and not context.access.is_admin(incoming.sender.id):
        # One person must not steer the bot for a whole group.
        return Outcome(say("admins_only", language))
    if argument.lower() == "clear":
        return Outcome(say("system_cleared", language), msgspec.structs.replace(chosen, system=""))
    changed = msgspec.structs.replace(chosen, system=argument[:SYSTEM_CHARS])
    return Outcome(say("system_set", language), changed)


def home(
    incoming: Incoming,
    turn: Turn,
    spent: tuple[Spent, Spent],
    context: Context,
    language: Language,
) -> tuple[str, Sequence[Button]]:
    """The place at a glance: how to, what is set here, what was used."""
    chosen, names = turn.preferences, context.model.names
    settings = say(
        "home",
        language,
        model=chosen.model or context.model.model,
        persona=chosen.persona or DEFAULT,
        language=LANGUAGES[language],
        system=chosen.system or "-",
    )
    here, by_person = spent
    parts = [
        say("welcome", language),
        settings,
        _spent("usage_here", here, language),
        _spent("usage_yours", by_person, language),
        say("help", language, personas=", ".join(f"`{name}`" for name in context.personas)),
    ]
    choosable = context.access.choosable(incoming.sender.id, names)
    buttons = [*_choices("model", choosable), *_choices("persona", context.personas)]
    return "\n\n".join(parts), buttons


def choices(context: Context) -> dict[str, Sequence[str]]:
    """What may stand behind the commands that take one of a list."""
    return {
        "model": [name.lower() for name in context.model.names],
        "persona": list(context.personas),
        "lang": list(LANGUAGES),
        "voice": ("on", "off"),
        "follow": FOLLOW,
        "system": ("clear",),
    }


def usage(turn: Turn, spent: tuple[Spent, Spent], context: Context, language: Language) -> str:
    """What the conversation holds, and what was *spent* here, and by the person everywhere."""
    here, by_person = spent
    holds = say(
        "usage_place" if turn.mail[0].of_place else "usage",
        language,
        exchanges=len(turn.history),
        tokens=sum(map(exchange_tokens, turn.history)),
        model=turn.preferences.model or context.model.model,
    )
    parts = holds, _spent("usage_here", here, language), _spent("usage_yours", by_person, language)
    return "\n\n".join(parts)


def _spent(name: str, spent: Spent, language: Language) -> str:
    cost = f" (${spent.cost_usd:.4f})" if spent.cost_usd else ""
    return say(
        name,
        language,
        turns=spent.turns,
        prompt=spent.prompt_tokens,
        completion=spent.completion_tokens,
        pictures=spent.pictures,
        cost=cost,
    )
