"""`/usage` and the Home tab: what is set here, and what was used."""

from core.languages.catalogue import LANGUAGES, Language, say
from core.messages import Spent
from core.people.personas import DEFAULT
from core.turn.commands.command import Command, choice_buttons
from core.turn.commands.start import help_text
from core.turn.prompt import exchange_tokens
from core.turn.stage import Report, Stage


async def _usage(stage: Stage) -> Report:
    """What the conversation holds, and what was spent here, and by the person everywhere."""
    history, language = stage.turn.history, stage.language
    here, by_person = await stage.claim.spent()
    parts = (
        say(
            "usage_place" if stage.first.of_place else "usage",
            language,
            exchanges=len(history),
            tokens=sum(map(exchange_tokens, history)),
            model=stage.turn.preferences.model or stage.services.model.model,
        ),
        _spent("usage_here", here, language),
        _spent("usage_yours", by_person, language),
    )
    return await stage.close("command", "\n\n".join(parts))


async def _home(stage: Stage) -> Report:
    """The place at a glance: how to, what is set here, what was used."""
    chosen, services, language = stage.turn.preferences, stage.services, stage.language
    settings = say(
        "home",
        language,
        model=chosen.model or services.model.model,
        persona=chosen.persona or DEFAULT,
        language=LANGUAGES[language].name,
        system=chosen.system or "-",
    )
    here, by_person = await stage.claim.spent()
    parts = [
        say("welcome", language),
        settings,
        _spent("usage_here", here, language),
        _spent("usage_yours", by_person, language),
        help_text(stage),
    ]
    choosable = services.access.choosable(stage.first.sender.id, services.model.names)
    buttons = [*choice_buttons("model", choosable), *choice_buttons("persona", services.personas)]
    shown = await stage.say("\n\n".join(parts), buttons)
    await stage.commit()
    return Report("command", shown)


def _spent(name: str, spent: Spent, language: Language) -> str:
    return say(
        name,
        language,
        turns=spent.turns,
        prompt=spent.prompt_tokens,
        completion=spent.completion_tokens,
        pictures=spent.pictures,
        cost=f" (${spent.cost_usd:.4f})" if spent.cost_usd else "",
    )


COMMANDS = (
    Command("usage", _usage, of_place=True, in_menu=True),
    Command("home", _home),
)
