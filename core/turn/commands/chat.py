"""What holds in a conversation: `/voice`, `/system`, `/lang`, `/follow`."""

from msgspec.structs import replace

from core.messages import TITLE
from core.people.texts import LANGUAGES, Language, say
from core.turn.commands.command import Command, Outcome, says
from core.turn.stage import Report, Stage

FOLLOW = ("questions", "all", "off")
SYSTEM_CHARS = 4_000
TITLE_CHARS = 200


def _system(stage: Stage) -> Outcome:
    text, chosen, language = stage.first.text.strip(), stage.turn.preferences, stage.language
    if not text:
        if not chosen.system:
            return Outcome(say("system_none", language))
        return Outcome(say("system_is", language, system=chosen.system.replace("\n", "\n> ")))
    if text.lower() == "clear":
        return Outcome(say("system_cleared", language), replace(chosen, system=""))
    return Outcome(say("system_set", language), replace(chosen, system=text[:SYSTEM_CHARS]))


def _language(stage: Stage) -> Outcome:
    asked, language = stage.first.text.strip().lower(), stage.language
    if asked not in LANGUAGES:
        return Outcome(say("language_is", language, language=LANGUAGES[language]))
    to: Language = "zh" if asked == "zh" else "en"
    return Outcome(say("language_set", to), replace(stage.turn.preferences, language=to))


def _voice(stage: Stage) -> Outcome:
    asked, chosen, language = (
        stage.first.text.strip().lower(),
        stage.turn.preferences,
        stage.language,
    )
    if stage.context.speech is None:
        return Outcome(say("voice_missing", language))
    if asked not in ("on", "off"):
        return Outcome(say("voice_on" if chosen.voice else "voice_off", language))
    return Outcome(say(f"voice_{asked}", language), replace(chosen, voice=asked == "on"))


def _follow(stage: Stage) -> Outcome:
    asked, chosen, language = (
        stage.first.text.strip().lower(),
        stage.turn.preferences,
        stage.language,
    )
    if asked not in FOLLOW:
        return Outcome(say("follow_is", language, follow=chosen.follow or FOLLOW[0]))
    return Outcome(say(f"follow_{asked}", language), replace(chosen, follow=asked))


async def _entitled(stage: Stage) -> Report:
    """Keep what somebody called the conversation; nothing is said of it."""
    title = stage.first.text[:TITLE_CHARS]
    await stage.commit(preferences=replace(stage.turn.preferences, title=title))
    return Report("command")


COMMANDS = (
    Command(TITLE, _entitled, takes="text"),
    Command(
        "voice",
        says(_voice),
        ("answer with my voice too: on or off", "用语音回答：on 或 off"),
        "choice",
        choices=lambda _: ("on", "off"),
        of_place=True,
    ),
    Command(
        "system",
        says(_system),
        # One person must not steer the bot for a whole group.
        ("tell me what to keep in mind here", "告诉我要记住什么"),
        "text",
        choices=lambda _: ("clear",),
        of_place=True,
        to_change="admin",
    ),
    Command(
        "lang",
        says(_language),
        ("choose my language", "选择语言"),
        "choice",
        choices=lambda _: LANGUAGES,
        of_place=True,
    ),
    Command(
        "follow",
        says(_follow),
        ("what I answer in threads", "在话题串里回答什么"),
        "choice",
        choices=lambda _: FOLLOW,
        of_place=True,
        in_threads=True,
    ),
)
