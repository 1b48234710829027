"""What the commands say and change. Pure: the turn shows the text and commits the change."""

from typing import NamedTuple

import msgspec

from core.messages import Incoming, Preferences, Spent
from core.people.texts import LANGUAGES, Language, say
from core.store.claim import Turn
from core.turn.context import Context
from core.turn.prompt import PERSONAS, exchange_tokens

MENU: dict[str, tuple[str, str]] = {
    "help": ("what I can do", "我能做什么"),
    "new": ("forget this conversation and begin afresh", "忘掉这个对话,重新开始"),
    "stop": ("stop the answer that is being written", "停止正在写的回答"),
    "retry": ("answer the last question again", "重新回答上一个问题"),
    "image": ("paint a picture", "画一张图"),
    "compare": ("ask several models side by side", "让几个模型同时回答"),
    "model": ("choose the model here", "选择模型"),
    "persona": ("choose how I speak", "选择说话方式"),
    "system": ("tell me what to keep in mind here", "告诉我要记住什么"),
    "usage": ("what this conversation holds", "查看用量"),
    "lang": ("choose my language", "选择语言"),
}
"""The commands that a platform's menu shows, each with its line in English and Chinese."""

SYSTEM_CHARS = 4_000
NAME_CHARS = 120


class Outcome(NamedTuple):
    """What a command comes to: a text, and perhaps changed preferences or a forgotten history."""

    text: str
    preferences: Preferences | None = None
    forget_all: bool = False


def run_command(incoming: Incoming, turn: Turn, context: Context, language: Language) -> Outcome:
    """All but `/image`, `/compare`, `/retry` and `/usage`, which are turns of their own kind."""
    argument = incoming.text.strip()
    chosen = turn.preferences
    personas = ", ".join(PERSONAS)
    match incoming.command:
        case "start":
            return Outcome(say("welcome", language))
        case "help":
            return Outcome(say("help", language, personas=personas))
        case "new":
            return Outcome(say("new", language), forget_all=True)
        case "stop":
            return Outcome(say("nothing_to_stop", language))
        case "model" if not argument:
            return Outcome(
                say(
                    "model_is",
                    language,
                    model=chosen.model or context.model.model,
                    names=", ".join(context.model.names),
                )
            )
        case "model":
            model = "" if argument == "default" else argument[:NAME_CHARS].replace("`", "")
            changed = msgspec.structs.replace(chosen, model=model)
            return Outcome(say("model_set", language, model=model or context.model.model), changed)
        case "persona" if not argument:
            return Outcome(
                say("persona_is", language, persona=chosen.persona or "default", personas=personas)
            )
        case "persona" if argument.lower() not in PERSONAS:
            shown = argument[:NAME_CHARS].replace("`", "")
            return Outcome(say("persona_unknown", language, persona=shown, personas=personas))
        case "persona":
            changed = msgspec.structs.replace(chosen, persona=argument.lower())
            return Outcome(say("persona_set", language, persona=argument.lower()), changed)
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


def usage(turn: Turn, spent: tuple[Spent, Spent], context: Context, language: Language) -> str:
    """What the conversation holds, and what was *spent* here, and by the person everywhere."""
    here, by_person = spent
    holds = say(
        "usage",
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
