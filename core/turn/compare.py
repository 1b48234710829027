"""The turn of `/compare QUESTION`: several models side by side, each in posts of its own.

No other model stands in for one that fails, and nothing is tried again: how a model fares is
what the person wants to see.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from core.languages.catalogue import say
from core.live.reply import Reply
from core.messages import Attachment, Exchange
from core.models.request import ChatRequest
from core.store.turns import Checkpoint
from core.turn.cost import record, spent_on
from core.turn.draft import Draft, write
from core.turn.prompt import clock
from core.turn.stage import Report, Stage

COMMAND = "/compare "
"""How a comparison stands in history."""

MOST = 4
_NAMES = "--models="


async def compare(
    stage: Stage,
    text: str,
    history: Sequence[Exchange],
    attachments: Sequence[Attachment],
    *,
    replaces: str = "",
) -> Report:
    """Ask several models what *text* (behind `/compare`) asks, and let that replace *replaces*."""
    names, question = _read(text, stage.services.model.names)
    if len(names) < 2 or not question:
        return await stage.close("rejected", say("compare_usage", stage.language))
    access, offered = stage.services.access, stage.services.model.names
    asks = stage.first.sender.id
    for name in names:
        if not access.may_choose(name, asks, offered):
            shown = ", ".join(f"`{one}`" for one in access.choosable(asks, offered))
            told = say("model_not_allowed", stage.language, model=name, names=shown)
            return await stage.close("rejected", told)
    material = await stage.services.reader.read(stage.platform, attachments, history)
    messages = stage.prompt(question, history, material)
    requests = [
        ChatRequest(
            messages=messages,
            model=name,
            max_tokens=stage.services.settings.max_tokens,
            clock=clock(stage.now),
            alone=True,
        )
        for name in names
    ]
    drafts = [Draft("") for _ in names]
    replies = _replies(stage, len(names))
    await _stream(stage, requests, drafts, replies)
    for name, draft, reply in zip(names, drafts, replies, strict=True):
        buttons = [stage.button("retry")] if reply is replies[-1] else []
        await reply.finish(_titled(name, draft.final(stage.language)), buttons)
    asked = stage.services.model
    costs = [spent_on(*pair) for pair in zip(drafts, map(asked.price_of, names), strict=True)]
    said = (_titled(name, draft.best) for name, draft in zip(names, drafts, strict=True))
    cut = any(draft.cut for draft in drafts)
    exchange = stage.exchange(COMMAND + text, "\n\n".join(said), cut=cut, attachments=attachments)
    await stage.commit(exchange, replaces=replaces, spent=dict(zip(names, costs, strict=True)))
    for name, draft, spent in zip(names, drafts, costs, strict=True):
        record(stage, name, draft, spent)
    return Report("compared", replies[0].shown)


def _read(text: str, known: Sequence[str]) -> tuple[Sequence[str], str]:
    """Which models are to be asked what."""
    first, _, rest = text.strip().partition(" ")
    if not first.startswith(_NAMES):
        return known[:MOST], text.strip()
    named = dict.fromkeys(filter(None, first.removeprefix(_NAMES).split(",")))
    return list(named)[:MOST], rest.strip()


def _replies(stage: Stage, count: int) -> list[Reply]:
    """A reply for each; the posts of an interrupted try are filled again, in their order."""
    left = list(stage.checkpoint.pages)
    replies: list[Reply] = []

    def reached() -> Checkpoint:
        pages = tuple(handle for reply in replies for handle in reply.handles)
        return Checkpoint(stage.first.event_id, pages=pages)

    for number in range(count):
        # What is too many for one each, the last one takes, and takes away if it is not needed.
        handles = left[number:] if number == count - 1 else left[number : number + 1]
        replies.append(
            stage.reply(buttons=[stage.button("stop")], handles=handles, reached=reached)
        )
    return replies


async def _stream(
    stage: Stage, requests: Sequence[ChatRequest], drafts: Sequence[Draft], replies: Sequence[Reply]
) -> None:
    """Let all models write at once, until the last one's end, or a stop."""

    async def one(request: ChatRequest, draft: Draft, reply: Reply) -> None:
        def told() -> None:
            title = _titled(request.model, "")
            reply.grow(len(title) + draft.shown_chars, lambda: title + draft.shown)

        await write(draft, stage.services, request, told)
        running.discard(draft)

    running = set(drafts)
    async with AsyncExitStack() as stack:
        for reply in replies:
            await stack.enter_async_context(reply)
        try:
            async with stage.stop.stoppable(), asyncio.TaskGroup() as group:
                for each in zip(requests, drafts, replies, strict=True):
                    group.create_task(one(*each), name=f"compare {each[0].model}")
        except TimeoutError:
            if not stage.stop.given:
                raise
            for draft in running:
                draft.stopped = True


def _titled(name: str, text: str) -> str:
    return f"**{name}**\n\n{text}"
