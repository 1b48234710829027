"""The tool `memory`: a fact about the person is proposed, and kept if they agree.

As with what a small model proposes (`core.turn.remembering`): in private only, of the person alone,
one line without secrets. Whatever the model was made to propose, nothing is kept without a press
under the very sentence.
"""

from collections.abc import Mapping
from typing import Any

from core.languages.catalogue import say
from core.messages import Button
from core.people.facts import FACT_CHARS, MOST, holds_secret, one_line
from core.tools.of_turn import MEMORY
from core.tools.tool import ToolContext, ToolError, ToolResult
from core.turn.tools.under_way import UnderWay


class Proposing:
    """Proposes one fact for one answer."""

    def __init__(self, under_way: UnderWay) -> None:
        self._answer = under_way
        self._context = under_way.context
        self._proposed = False

    async def act(self, arguments: Mapping[str, Any], tool: ToolContext) -> ToolResult:
        context, language = self._context, self._context.language
        first, memories = context.first, context.claim.memories
        if not first.private or first.sender.shared:
            raise ToolError("facts about a person are kept in private chats only")
        fact = one_line(str(arguments["fact"]))
        if not fact or len(fact) > FACT_CHARS:
            raise ToolError(f"a fact has 1 to {FACT_CHARS} characters")
        if holds_secret(fact):
            raise ToolError("passwords, keys and numbers of cards are not kept")
        before = any(one.tool == MEMORY.name and one.buttons for one in self._answer.steps())
        if before or self._proposed:
            raise ToolError("one fact is proposed already; the person decides about it first")
        self._proposed = True
        memory = await memories.of(first.sender.id)
        if memory.off:
            raise ToolError("the person switched remembering off; `/memory on` switches it on")
        if fact.casefold() in {one.text.casefold() for one in memory.facts}:
            return ToolResult("It is remembered already.")
        if len(memory.facts) >= MOST:
            raise ToolError("the list is full; `/memory` shows it, and removes what is old")
        proposed = await memories.propose(first.sender.id, fact, memory)
        if proposed is None:
            raise ToolError("the list was changed just now")
        buttons = tuple(
            Button(f"memory {verb} {proposed.number}", say(f"memory_{verb}", language))
            for verb in ("keep", "drop")
        )
        read = say("ask_tainted", language) if tool.tainted else ""
        told = "\n\n".join(filter(None, (say("memory_ask", language, fact=fact), read)))
        return ToolResult("The person is asked below your answer.", told=told, buttons=buttons)
