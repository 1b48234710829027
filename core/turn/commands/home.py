"""The Home tab: what is the person's own, what holds in their private chat, and the help.

It is shown when they open it, and again when they press a button of its own there. The button to
the settings opens the menu of `/settings`.
"""

from core.languages.catalogue import LANGUAGES, say
from core.messages import Button
from core.turn.afford import bars
from core.turn.commands.command import Command
from core.turn.commands.setting import holds
from core.turn.commands.settings import NAME as SETTINGS
from core.turn.commands.start import help_text
from core.turn.commands.usage import spent_line
from core.turn.context import Report, TurnContext

NAME = "home"
SWITCHES = {"memory on": True, "memory off": False}


async def _home(context: TurnContext) -> Report:
    memories, person, language = (
        context.claim.memories,
        context.first.sender.id,
        context.language,
    )
    if (on := SWITCHES.get(context.first.text)) is not None:
        await memories.switch(person, on=on)
    memory = await memories.of(person)
    here, by_person = await context.claim.ledger.spent()
    is_on, other = ("off", "on") if memory.off else ("on", "off")
    parts = [
        say("welcome", language),
        say(
            "home",
            language,
            model=holds(context, "model"),
            persona=holds(context, "persona"),
            language=LANGUAGES[language].name,
            system=holds(context, "system") or "-",
        ),
        say(f"home_memory_{is_on}", language, facts=len(memory.facts)),
        spent_line("usage_here", here, language),
        spent_line("usage_yours", by_person, language),
        *await bars(context),
        help_text(context),
    ]
    buttons = [
        Button(SETTINGS, say("settings_title", language)),
        Button(f"{NAME} memory {other}", say(f"home_turn_{other}", language)),
    ]
    shown = await context.say("\n\n".join(parts), buttons)
    await context.commit()
    return Report("command", shown)


COMMANDS = (Command(NAME, _home),)
