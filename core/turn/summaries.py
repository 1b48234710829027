"""What the small model does: titles of conversations, and summaries of long histories.

Both are extras. If the model fails, there is none, and the next turn may try again. A summary is
made beside the turns, after a commit. Whatever it costs is booked for the person who asked last.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from msgspec.structs import replace

from core.errors import Overloaded, StoreError
from core.messages import Exchange, Summary
from core.models.request import ChatMessage, ChatRequest
from core.store.turns import retention_s
from core.tasks import end
from core.turn.context import TurnContext
from core.turn.cost import record, spent_on
from core.turn.generation import Generation
from core.turn.prompt import exchange_tokens, window
from core.turn.writing import write

TIMEOUT_S = 60.0
LAST_WORDS_S = 2.0
"""How long a complete answer waits for the title of its conversation."""
TITLE_CHARS = 60
TITLE_FROM_CHARS = 2_000
SUMMARY_TOKENS = 500
FULL, KEPT = 0.8, 0.4
"""History is summarised when it fills this share of what may be sent. Its newest part, as large as
the share `KEPT`, stays as it is."""
MOST_SUMMARISED = 2
"""A summary is made of at most so many times what may be sent. (The model was long away.)"""

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
    await context.spending.granted.wait()
    found = await ask_small(context, _TITLE, question[:TITLE_FROM_CHARS], max_tokens=60)
    first_line = found.strip().partition("\n")[0].strip(" \"'*#.“”「」。")
    if not first_line:
        return
    conversation, budget = context.claim.conversation, context.services.pacer.budget
    buckets = context.platform.indicate_budget(conversation, busy=True)

    async def entitle() -> None:
        # A title uses the same budget as "is typing", which may have taken all of it just now.
        while buckets and (grant := await budget.take(buckets, "nicety")).wait_s:
            await asyncio.sleep(grant.wait_s)
        await context.platform.entitle(conversation, first_line[:TITLE_CHARS])

    if buckets:
        # The next question does not wait for that.
        context.services.background.begin(f"name {conversation}", entitle)
    else:
        await entitle()


def summarise_later(context: TurnContext, exchange: Exchange) -> None:
    """If the history with *exchange* has become too long, have its older part summarised.

    The next turn does not wait for that: until there is a summary, it leaves the oldest out.
    """
    settings, claim = context.services.settings, context.claim
    recent = [*_since(context.turn.summary, context.turn.history), exchange]
    if retention_s(context.turn.preferences):
        return
    if settings.small_model and _tokens(recent) >= FULL * settings.history_tokens:
        name = f"summary {claim.conversation}"
        context.services.background.begin(name, lambda: _summarise(context))


async def _summarise(context: TurnContext) -> None:
    """Summarise what is in history now, unless another process does that."""
    past = context.claim.past
    if not await past.take_summary():
        return
    try:
        seen = await past.look()
        old = _older_part(_since(seen.summary, seen.history), context)
        if not old:
            return
        parts = [f"(Earlier: {seen.summary.text})"] if seen.summary.text else []
        parts += [f"{one.speaker}: {one.question}\n\nAssistant: {one.answer}" for one in old]
        text = await ask_small(context, _SUMMARY, "\n\n".join(parts), max_tokens=SUMMARY_TOKENS)
        if text.strip():
            since = seen.summary.since if seen.summary.text else old[0].at
            tainted = seen.summary.tainted or any(one.tainted for one in old)
            await past.summarise(Summary(text.strip(), old[-1].at, since, tainted), seen)
    finally:
        await past.give_summary()


def _older_part(recent: Sequence[Exchange], context: TurnContext) -> Sequence[Exchange]:
    """What to summarise of *recent*: nothing if it is short, else all but its newest part."""
    most = context.services.settings.history_tokens
    if _tokens(recent) < FULL * most:
        return ()
    # At least the newest stays: exchanges that others commit meanwhile may come before it.
    kept = 1
    while kept < len(recent) and _tokens(recent[-kept - 1 :]) < KEPT * most:
        kept += 1
    old = recent[: len(recent) - kept]
    return window(old, MOST_SUMMARISED * most) or old[-1:]


def _since(summary: Summary, history: Sequence[Exchange]) -> Sequence[Exchange]:
    """The part of *history* that *summary* does not cover."""
    return [one for one in history if one.at > summary.until]


def _tokens(history: Sequence[Exchange]) -> int:
    return sum(map(exchange_tokens, history))


async def ask_small(context: TurnContext, task: str, text: str, *, max_tokens: int) -> str:
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
    price = context.services.model.price_of(request.model)
    spent = replace(spent_on(generation, price), turns=0)
    record(context, request.model, generation, spent)
    with suppress(StoreError):
        await context.spending.spend(request.model, spent)
    return "" if generation.error else generation.text
