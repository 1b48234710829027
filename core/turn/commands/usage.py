"""`/usage`: how long the conversation is, and the costs."""

from collections.abc import Sequence

from core.languages.catalogue import Language, say
from core.messages import Spent
from core.turn.afford import bars
from core.turn.commands.command import Command
from core.turn.commands.setting import holds
from core.turn.commands.tally import usage_of_all
from core.turn.context import Report, TurnContext
from core.turn.doubts import last_steps
from core.turn.prompt import exchange_tokens

ALL, LAST = "all", "last"


async def _usage(context: TurnContext) -> Report:
    """The size of the conversation, its costs, the person's costs everywhere, and the budgets."""
    if context.first.text.strip().lower() == ALL:
        if not await context.may("usage all"):
            return await context.refuse("usage all")
        return await usage_of_all(context)
    history, language = context.turn.history, context.language
    if context.first.text.strip().lower() == LAST:
        return await context.close("command", last_steps(context))
    here, by_person = await context.claim.ledger.spent()
    parts = (
        say(
            "usage_place" if context.first.of_place else "usage",
            language,
            exchanges=len(history),
            tokens=sum(map(exchange_tokens, history)),
            model=holds(context, "model"),
        ),
        spent_line("usage_here", here, language),
        spent_line("usage_yours", by_person, language),
        *await bars(context),
        *_in_short(context),
    )
    return await context.close("command", "\n\n".join(parts))


def _in_short(context: TurnContext) -> Sequence[str]:
    """The summary of what was said before, if there is one."""
    if not (summary := context.turn.summary.text):
        return ()
    quoted = summary.replace("\n", "\n> ")
    return (say("usage_summary", context.language, summary=quoted),)


def spent_line(name: str, spent: Spent, language: Language) -> str:
    """The sentence *name* with what was *spent*."""
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
    Command(
        "usage",
        _usage,
        "choice",
        choices=lambda _: (ALL, LAST),
        of_place=True,
        in_menu=True,
        for_asker=True,
    ),
)
