"""What the small model does: titles of conversations, and summaries of long histories.

Both are extras. If the model fails, there is none, and the next turn may try again.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from core.errors import Overloaded
from core.messages import Exchange, Summary
from core.models.request import ChatMessage, ChatRequest
from core.tasks import end
from core.turn.context import TurnContext
from core.turn.cost import record, spent_on
from core.turn.generation import Generation, write
from core.turn.prompt import exchange_tokens

TIMEOUT_S = 10.0
LAST_WORDS_S = 2.0
"""How long a complete answer waits for the title of its conversation."""
TITLE_CHARS = 60
TITLE_FROM_CHARS = 2_000
SUMMARY_TOKENS = 500
FULL, KEPT = 0.8, 0.4
"""History is summarised when it fills this share of what may be sent. Its newest part, as large as
the share `KEPT`, stays as it is."""

_TITLE = (
    "Give a title for a conversation that begins with this question: at most six words, in its "
    "language, without quotes or a full stop. Answer with the title alone."
)
_SUMMARY = (
    "Summarise this conversation for an assistant who will go on with it: names, facts, numbers, "
    "decisions, wishes and open questions, in the conversation's language, in at most 300 words."
)


@asynccontextmanager
async def titled(context: TurnContext, question: str) -> AsyncIterator[None]:
    """If *question* begins a private conversation, find its title while it is answered."""
    named = context.turn.history or context.turn.preferences.title
    if named or not context.first.private or not context.services.settings.small_model:
        yield
        return
    naming = asyncio.create_task(
        _entitle(context, question), name=f"title {context.claim.conversation}"
    )
    try:
        yield
        await asyncio.wait([naming], timeout=LAST_WORDS_S)
    finally:
        await end([naming])


async def _entitle(context: TurnContext, question: str) -> None:
    found = await _ask(context, _TITLE, question[:TITLE_FROM_CHARS], max_tokens=60)
    first_line = found.strip().partition("\n")[0].strip(" \"'*#.“”「」。")
    conversation = context.claim.conversation
    budget = context.platform.indicate_budget(conversation, busy=True)
    # A title uses the same budget as "is typing".
    spare = not budget or not (await context.services.pacer.budget.take(budget, "nicety")).wait_s
    if first_line and spare:
        await context.platform.entitle(conversation, first_line[:TITLE_CHARS])


async def summary(context: TurnContext, history: Sequence[Exchange]) -> Summary | None:
    """A new summary of *history* without its newest part, if *history* has become too long."""
    most = context.services.settings.history_tokens
    recent = [one for one in history if one.at > context.turn.summary.until]
    if not context.services.settings.small_model or _tokens(recent) < FULL * most:
        return None
    # At least the newest stays: exchanges that others commit meanwhile may come before it.
    kept = 1
    while kept < len(recent) and _tokens(recent[-kept - 1 :]) < KEPT * most:
        kept += 1
    old = recent[: len(recent) - kept]
    if not old:
        return None
    parts = [f"(Earlier: {context.turn.summary.text})"] if context.turn.summary.text else []
    parts += [f"{one.speaker}: {one.question}\n\nAssistant: {one.answer}" for one in old]
    text = await _ask(context, _SUMMARY, "\n\n".join(parts), max_tokens=SUMMARY_TOKENS)
    return Summary(text.strip(), old[-1].at) if text.strip() else None


def _tokens(history: Sequence[Exchange]) -> int:
    return sum(map(exchange_tokens, history))


async def _ask(context: TurnContext, task: str, text: str, *, max_tokens: int) -> str:
    """The small model's answer to *task* about *text*; empty if it fails."""
    request = ChatRequest(
        (ChatMessage("system", task), ChatMessage("user", text)),
        model=context.services.settings.small_model,
        max_tokens=max_tokens,
    )
    generation = Generation("")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await write(generation, context.services, request, lambda: None)
    except TimeoutError:
        generation.error = Overloaded("the small model took too long")
    record(context, request.model, generation, spent_on(generation, ()))
    return "" if generation.error else generation.text
