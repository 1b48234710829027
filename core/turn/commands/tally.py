"""`/usage all`: who spent how much this month, by person, place and model, with a file."""

from collections.abc import Sequence

from core.cells import table
from core.errors import PlatformError
from core.languages.catalogue import Language, say
from core.messages import Spent
from core.people.roles import tenant_of
from core.store.budgets import Row
from core.telemetry import logger
from core.turn.commands.command import shown_name
from core.turn.context import Report, TurnContext
from core.turn.files import send_file

log = logger(__name__)

SHOWN = 10
"""How many people, places and models the post lists. The file has all."""
KINDS = ("people", "person"), ("places", "place"), ("models", "model")


async def usage_of_all(context: TurnContext) -> Report:
    """Show to an admin, in private, what everybody spent."""
    language = context.language
    if not context.first.private:
        return await context.close("rejected", say("usage_private", language))
    rows = await context.services.budgets.tally(tenant_of(context.first.sender.id))
    total = sum((row.spent for row in rows if row.kind == "place"), Spent())
    parts = [_line("usage_all", "", total, language)]
    for name, kind in KINDS:
        lines = [
            _line("usage_row", shown_name(row.name or row.who), row.spent, language)
            for row in rows
            if row.kind == kind
        ]
        if lines:
            parts += ["\n".join([say(f"usage_{name}", language), *lines[:SHOWN]])]
    shown = await context.say("\n\n".join(parts), aside=True)
    if rows:
        await _send(context, csv_of(rows))
    await context.commit()
    return Report("command", shown)


async def _send(context: TurnContext, data: bytes) -> None:
    try:
        await send_file(context, "usage.csv", data, "text/csv")
    except PlatformError as error:
        log.warning("file not sent", conversation=context.claim.conversation, reason=str(error))


def csv_of(rows: Sequence[Row]) -> bytes:
    """*rows* as a table that spreadsheets read, and run nothing of."""
    found: list[Sequence[object]] = [("kind", "id", "name", *Spent.__struct_fields__)]
    for row in rows:
        numbers = (getattr(row.spent, name) for name in Spent.__struct_fields__)
        told = (f"{one:.6f}" if isinstance(one, float) else one for one in numbers)
        found.append((row.kind, row.who, row.name, *told))
    return table(found)


def _line(sentence: str, name: str, spent: Spent, language: Language) -> str:
    return say(
        sentence,
        language,
        name=name,
        turns=spent.turns,
        tokens=spent.prompt_tokens + spent.completion_tokens,
        pictures=spent.pictures,
        cost=f" (${spent.cost_usd:.4f})" if spent.cost_usd else "",
    )
