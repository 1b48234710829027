"""The choices that hold in a conversation: `/voice`, `/verbose`, `/system`, `/lang`, `/follow`."""

from msgspec.structs import replace

from core.languages.catalogue import CATALOGUE, LANGUAGES, say
from core.messages import TITLE, Preferences
from core.turn.commands.command import NAME_CHARS, Command, Outcome, labelled_buttons, says
from core.turn.commands.setting import choose, holds
from core.turn.commands.values import FOLLOW, SWITCH, Unfit
from core.turn.context import Report, TurnContext

TITLE_CHARS = 200


def _system(context: TurnContext) -> Outcome:
    text, language = context.first.text.strip(), context.language
    if not text:
        if not (now := holds(context, "system")):
            return Outcome(say("system_none", language))
        return Outcome(say("system_is", language, system=now.replace("\n", "\n> ")))
    try:
        chosen = choose(context, "system", text)
    except Unfit as error:
        return Outcome(str(error))
    return Outcome(say("system_set" if chosen.system else "system_cleared", language), chosen)


def _language(context: TurnContext) -> Outcome:
    """Say which language is spoken here, or choose another by its tag or a name of it."""
    language = context.language
    try:
        chosen = choose(context, "lang", context.first.text[:NAME_CHARS])
    except Unfit:
        names: dict[str, str] = {tag: locale.name for tag, locale in LANGUAGES.items()}
        shown = ", ".join(f"`{tag}` {name}" for tag, name in names.items())
        text = say("language_is", language, language=names[language], languages=shown)
        return Outcome(text, buttons=labelled_buttons("lang", names))
    return Outcome(say("language_set", chosen.language), chosen)


def _voice(context: TurnContext) -> Outcome:
    if context.services.speech is None:
        return Outcome(say("voice_missing", context.language))
    now, chosen = _switched(context, "voice")
    return Outcome(say(f"voice_{now}", context.language), chosen)


def _verbose(context: TurnContext) -> Outcome:
    now, chosen = _switched(context, "verbose")
    return Outcome(say(f"verbose_{now}", context.language), chosen)


def _switched(context: TurnContext, name: str) -> tuple[str, Preferences | None]:
    """Whether *name* is `on` or `off` from now on, and the choices here if that changes them."""
    choice = context.first.text.strip().lower()
    if choice not in SWITCH:
        return holds(context, name), None
    return choice, choose(context, name, choice)


def _follow(context: TurnContext) -> Outcome:
    choice, language = context.first.text.strip().lower(), context.language
    if choice not in FOLLOW:
        return Outcome(say("follow_is", language, follow=holds(context, "follow")))
    return Outcome(say(f"follow_{choice}", language), choose(context, "follow", choice))


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
        choices=lambda _: SWITCH,
        of_place=True,
        act="voice",
        in_menu=True,
    ),
    Command(
        "verbose",
        says(_verbose),
        "choice",
        choices=lambda _: SWITCH,
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
