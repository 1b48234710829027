"""The tools `remind` and `reminders`: `/remind` by other means.

A reminder is named by its turn, its text and its time. So whoever takes the turn over keeps the
same one again, and no second one.
"""

from collections.abc import Mapping
from typing import Any

from core.languages.catalogue import say
from core.store.reminder import Reminder
from core.times.rules import zone_named
from core.times.spoken import NotUnderstoodError, PastError, TooFarError, understand
from core.tools.tool import ToolContext, ToolError, ToolResult
from core.turn.context import TurnContext
from core.turn.reminders import (
    ReminderRefusedError,
    Wish,
    buttons_of,
    create,
    languages_of,
    listed,
    local_now,
    plain_text,
    told,
    when_of,
    with_id,
)
from core.words import quoted

SAME_S = 300
"""Two that are alike and so near are one: "in two hours", when an answer is given once more."""
_FORMS = "write it like: tomorrow at 9:00; in 20 minutes; 2027-01-31 14:30; every monday 8:00"


class Reminding:
    """Reminders of the person for whom *context* answers."""

    def __init__(self, context: TurnContext) -> None:
        self._context = context

    async def act(self, arguments: Mapping[str, Any], tool: ToolContext) -> ToolResult:
        context, language = self._context, self._context.language
        if not await context.may("remind"):
            raise ToolError(say(context.services.rights.who_may("remind"), language))
        try:
            if cancelled := str(arguments.get("cancel", "")):
                return await self._cancel(cancelled)
            wish = await self._wish(arguments)
            made = await self._known(wish) or (await create(context, wish))[1]
        except ReminderRefusedError as refused:
            raise ToolError(say(refused.sentence, language, **refused.values)) from refused
        text = f"It is set: {when_of(made, language)}. Its id is {made.id}."
        return ToolResult(
            text, told=told(context, made, 0), buttons=tuple(buttons_of(context, made))
        )

    async def list(self, arguments: Mapping[str, Any], tool: ToolContext) -> ToolResult:
        found = [one.reminder for one in (await listed(self._context)).values()]
        now, zone = await local_now(self._context)
        rows = [_row(one, self._context) for one in found] or ["[there are none]"]
        here = f"It is {now:%A, %Y-%m-%d %H:%M} ({zone})."
        return ToolResult("\n".join([here, *rows]))

    async def _known(self, wish: Wish) -> Reminder | None:
        """The same reminder, if the person has it: an answer that is given once more."""
        for kept in (await listed(self._context)).values():
            one = kept.reminder
            same = one.text == plain_text(wish.text) and one.rule == wish.rule
            near = one.rule is not None or abs(one.due - wish.at) < SAME_S
            if same and near and one.everyone == wish.everyone:
                return one
        return None

    async def _cancel(self, id_: str) -> ToolResult:
        kept = await with_id(self._context, id_)
        await self._context.services.reminders.end_all([kept])
        shown = say("remind_cancelled", self._context.language)
        return ToolResult("It is cancelled.", told=f"{shown}\n\n{quoted(kept.reminder.text)}")

    async def _wish(self, arguments: Mapping[str, Any]) -> Wish:
        context = self._context
        when, text = str(arguments.get("when", "")).strip(), str(arguments.get("text", ""))
        if not when or not text.strip():
            raise ToolError("`when` and `text` are needed")
        now, zone = await local_now(context)
        try:
            said = understand(when, now, languages_of(context))
        except (NotUnderstoodError, PastError, TooFarError) as error:
            here = f"It is {now:%A, %Y-%m-%d %H:%M} ({zone})."
            why = "that time is over" if isinstance(error, PastError) else "no such time"
            raise ToolError(f"{why}: {_FORMS}. {here}") from error
        if said.text:
            raise ToolError(f"this is no part of a time: {said.text[:60]!r}; {_FORMS}")
        everyone = bool(arguments.get("everyone")) and not context.first.private
        asks = bool(arguments.get("ask"))
        return Wish(said.at, text, zone, said.rule, said.words, everyone, asks)


def _row(one: Reminder, context: TurnContext) -> str:
    kind = " (answered then)" if one.asks else ""
    zone = "" if zone_named(one.zone) else " (its zone is not known any more)"
    return f"{one.id}: {when_of(one, context.language)}{zone}{kind}: {one.text}"
