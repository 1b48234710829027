"""The choices that hold in a conversation: `/voice`, `/verbose`, `/system`, `/lang`, `/follow`."""

from msgspec.structs import replace

from core.languages.catalogue import CATALOGUE, LANGUAGES, say
from core.messages import TITLE
from core.turn.commands.command import NAME_CHARS, Command, Outcome, labelled_buttons, says
from core.turn.context import Report, TurnContext

FOLLOW = ("questions", "all", "off")
SYSTEM_CHARS = 4_000
TITLE_CHARS = 200


def _system(context: TurnContext) -> Outcome:
    text, chosen, language = context.first.text.strip(), context.turn.preferences, context.language
    if not text:
        if not chosen.system:
            return Outcome(say("system_none", language))
        return Outcome(say("system_is", language, system=chosen.system.replace("\n", "\n> ")))
    if text.lower() == "clear":
        return Outcome(say("system_cleared", language), replace(chosen, system=""))
    return Outcome(say("system_set", language), replace(chosen, system=text[:SYSTEM_CHARS]))


def _language(context: TurnContext) -> Outcome:
    """Say which language is spoken here, or choose another by its tag or a name of it."""
    language, to = context.language, CATALOGUE.named(context.first.text[:NAME_CHARS])
    if to is not None:
        return Outcome(say("language_set", to), replace(context.turn.preferences, language=to))
    names: dict[str, str] = {tag: locale.name for tag, locale in LANGUAGES.items()}
    shown = ", ".join(f"`{tag}` {name}" for tag, name in names.items())
    text = say("language_is", language, language=names[language], languages=shown)
    return Outcome(text, buttons=labelled_buttons("lang", names))


def _voice(context: TurnContext) -> Outcome:
    choice, chosen, language = (
        context.first.text.strip().lower(),
        context.turn.preferences,
        context.language,
    )
    if context.services.speech is None:
        return Outcome(say("voice_missing", language))
    if choice not in ("on", "off"):
        return Outcome(say("voice_on" if chosen.voice else "voice_off", language))
    return Outcome(say(f"voice_{choice}", language), replace(chosen, voice=choice == "on"))


def _verbose(context: TurnContext) -> Outcome:
    choice, chosen = context.first.text.strip().lower(), context.turn.preferences
    if choice not in ("on", "off"):
        return Outcome(say("verbose_on" if chosen.verbose else "verbose_off", context.language))
    told = say(f"verbose_{choice}", context.language)
    return Outcome(told, replace(chosen, verbose=choice == "on"))


def _follow(context: TurnContext) -> Outcome:
    choice, chosen, language = (
        context.first.text.strip().lower(),
        context.turn.preferences,
        context.language,
    )
    if choice not in FOLLOW:
        return Outcome(say("follow_is", language, follow=chosen.follow or FOLLOW[0]))
    return Outcome(say(f"follow_{choice}", language), replace(chosen, follow=choice))


async def _entitled(context: TurnContext) -> Report:
    """Keep the title that somebody gave the conversation. Nothing is said in the chat."""
    title = context.first.text[:TITLE_CHARS]
    await context.commit(preferences=replace(context.turn.preferences, title=title))
    return Report("command")


COMMANDS = (
    Command(TITLE, _entitled, takes="text"),
    Command(
        "voice",
        says(_voice),
        "choice",
        choices=lambda _: ("on", "off"),
        of_place=True,
        act="voice",
        in_menu=True,
    ),
    Command(
        "verbose",
        says(_verbose),
        "choice",
        choices=lambda _: ("on", "off"),
        of_place=True,
        act="settings",
        in_menu=True,
    ),
    Command(
        "system",
        says(_system),
        "text",
        choices=lambda _: ("clear",),
        of_place=True,
        act="system",
        in_menu=True,
    ),
    Command(
        "lang",
        says(_language),
        "choice",
        choices=lambda _: CATALOGUE.names(),
        of_place=True,
        act="lang",
        in_menu=True,
    ),
    Command(
        "follow",
        says(_follow),
        "choice",
        choices=lambda _: FOLLOW,
        of_place=True,
        in_threads=True,
        act="follow",
        in_menu=True,
    ),
)
