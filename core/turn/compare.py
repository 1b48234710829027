"""The turn of `/compare QUESTION`: several models answer side by side, each in its own posts.

If a model fails, no other model answers for it, and nothing is tried again. The person wants to see
how each model does.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from core.languages.catalogue import say
from core.live.reply import Reply
from core.messages import Attachment, Exchange
from core.models.request import ChatRequest
from core.store.turns import Checkpoint
from core.turn.afford import read_attachments, reserve
from core.turn.context import Report, TurnContext
from core.turn.cost import record, spent_on
from core.turn.generation import Generation
from core.turn.hearing import hear
from core.turn.prompt import clock
from core.turn.spending import estimates_of, together
from core.turn.writing import write

COMMAND = "/compare "
"""A comparison's question in history begins with this."""

MOST = 4
_NAMES = "--models="


async def compare(
    context: TurnContext,
    text: str,
    history: Sequence[Exchange],
    attachments: Sequence[Attachment],
    *,
    replaces: Exchange | None = None,
) -> Report:
    """Ask several models *text* (behind `/compare`). The exchange *replaces* is replaced."""
    names, question = _read(text, context.services.model.names)
    if len(names) < 2 or not question:
        return await context.close("rejected", say("compare_usage", context.language))
    for name in names:
        if not context.may_choose(name):
            shown = ", ".join(f"`{one}`" for one in context.choosable)
            sentence = say("model_not_allowed", context.language, model=name, names=shown)
            return await context.close("rejected", sentence)
    heard = await hear(context, question, history, replaces)
    attachments = list(dict.fromkeys([*heard.files, *attachments]))
    attached = await read_attachments(context, attachments, history)
    messages = context.prompt(question, history, attached, heard.messages)
    requests = [
        ChatRequest(
            messages=messages,
            model=name,
            options=context.choices.options,
            max_tokens=context.services.settings.max_tokens,
            clock=clock(context.choices.now),
            alone=True,
        )
        for name in names
    ]
    model, accounts = context.services.model, context.accounts
    estimates = (estimates_of(model, one, accounts)[0] for one in requests)
    await reserve(context, [together(estimates)])
    generations = [Generation("") for _ in names]
    replies = _replies(context, len(names))
    await _stream(context, requests, generations, replies)
    for name, generation, reply in zip(names, generations, replies, strict=True):
        buttons = [context.button("retry")] if reply is replies[-1] else []
        await reply.finish(_titled(name, generation.final(context.language)), buttons)
    prices = map(context.services.model.price_of, names)
    costs = [spent_on(*pair) for pair in zip(generations, prices, strict=True)]
    texts = (
        _titled(name, generation.best) for name, generation in zip(names, generations, strict=True)
    )
    cut = any(generation.cut for generation in generations)
    exchange = context.exchange(
        COMMAND + text, "\n\n".join(texts), cut=cut, attachments=attachments
    )
    replaced = replaces.event_id if replaces is not None else ""
    await context.commit(exchange, replaces=replaced, spent=dict(zip(names, costs, strict=True)))
    for name, generation, spent in zip(names, generations, costs, strict=True):
        record(context, name, generation, spent)
    return Report("compared", replies[0].shown)


def _read(text: str, known: Sequence[str]) -> tuple[Sequence[str], str]:
    """Which models to ask, and the question."""
    first, _, rest = text.strip().partition(" ")
    if not first.startswith(_NAMES):
        return known[:MOST], text.strip()
    named = dict.fromkeys(filter(None, first.removeprefix(_NAMES).split(",")))
    return list(named)[:MOST], rest.strip()


def _replies(context: TurnContext, count: int) -> list[Reply]:
    """A reply for each model. The posts of an interrupted try are used again, in order."""
    left = list(context.checkpoint.pages)
    replies: list[Reply] = []

    def reached() -> Checkpoint:
        pages = tuple(handle for reply in replies for handle in reply.handles)
        return Checkpoint(context.first.event_id, pages=pages)

    for number in range(count):
        # If there are more posts than models, the last reply takes the rest, or deletes them.
        handles = left[number:] if number == count - 1 else left[number : number + 1]
        replies.append(
            context.reply(buttons=[context.button("stop")], handles=handles, reached=reached)
        )
    return replies


async def _stream(
    context: TurnContext,
    requests: Sequence[ChatRequest],
    generations: Sequence[Generation],
    replies: Sequence[Reply],
) -> None:
    """Let all models write at the same time, until all have ended or somebody says stop."""

    async def one(request: ChatRequest, generation: Generation, reply: Reply) -> None:
        def on_text() -> None:
            title = _titled(request.model, "")
            reply.grow(len(title) + generation.shown_chars, lambda: title + generation.shown)

        await write(generation, context.services, request, on_text)
        running.discard(generation)

    running = set(generations)
    async with AsyncExitStack() as stack:
        for reply in replies:
            await stack.enter_async_context(reply)
        try:
            async with context.stop.stoppable(), asyncio.TaskGroup() as group:
                for each in zip(requests, generations, replies, strict=True):
                    group.create_task(one(*each), name=f"compare {each[0].model}")
        except TimeoutError:
            if not context.stop.given:
                raise
            for generation in running:
                generation.stopped = True


def _titled(name: str, text: str) -> str:
    return f"**{name}**\n\n{text}"
