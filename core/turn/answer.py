"""Answering a question: the model's stream into the live reply, whatever breaks on the way."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from core.errors import Interrupted, Overloaded, Refused
from core.live.reply import Reply
from core.messages import Attachment, Exchange
from core.models.request import ChatRequest
from core.store.claim import Checkpoint
from core.telemetry import logger
from core.turn.cost import record, spent_on
from core.turn.digest import summary
from core.turn.draft import Draft, write
from core.turn.material import Material
from core.turn.speak import speak
from core.turn.stage import Report, Stage

log = logger(__name__)

STREAM_TRIES = 3
"""How often an answer is begun when its stream breaks in the middle."""


async def answer(
    stage: Stage,
    question: str,
    history: Sequence[Exchange],
    attachments: Sequence[Attachment],
    *,
    forget: int = 0,
) -> Report:
    """Answer *question* in the light of *history*; *forget* exchanges are replaced."""
    material = await stage.context.reader.read(stage.platform, attachments, history)
    request = _request(stage, question, history, material, retried=bool(forget))
    saved = stage.checkpoint
    draft = Draft(saved.text)
    handles = saved.pages
    continues = stage.context.model.continues
    whole = saved.done

    def reached() -> Checkpoint:
        return Checkpoint(stage.first.event_id, draft.best, reply.handles, done=whole)

    for tries_left in reversed(range(STREAM_TRIES)):
        reply = stage.reply(
            buttons=[stage.button("stop")],
            handles=handles,
            shown_chars=len(draft.shown_best) if handles else 0,
            reached=reached,
        )
        async with reply:
            if not saved.done:
                # Space at its end would keep the model from its usual next word.
                draft.begin_again(draft.best.rstrip() if continues else "")
                await _stream(stage, replace(request, begun=draft.begun), reply, draft, reached)
            if _worth_another_try(draft, request) and tries_left:
                log.warning(
                    "answer begun again",
                    conversation=stage.claim.conversation,
                    reason=str(draft.error),
                )
                if isinstance(draft.error, Refused):
                    # It knows how to go on, or how to see, less than we thought: without both.
                    continues, request = False, _without_pictures(request)
                await reply.settle()
                handles = reply.handles
                continue
            # Where the text is whole, who takes over only has to show it.
            whole = not draft.cut
            stage.keeper.save(reached(), now=True)
            await reply.finish(draft.final(stage.language), [stage.button("retry")])
        break
    exchange = stage.exchange(question, draft.best, cut=draft.cut, attachments=attachments)
    spent = spent_on(request, draft, stage.context.settings.llm_price)
    model = draft.model or request.model or stage.context.model.model
    shorter = await summary(stage, [*history, exchange])
    await stage.commit(exchange, forget=forget, spent={model: spent}, summary=shorter)
    record(stage, model, draft, spent)
    if stage.turn.preferences.voice and not draft.cut:
        await speak(stage, draft.best)
    return Report(draft.outcome, reply.shown)


def _request(
    stage: Stage, question: str, history: Sequence[Exchange], material: Material, *, retried: bool
) -> ChatRequest:
    return ChatRequest(
        messages=stage.prompt(question, history, material),
        model=stage.model,
        max_tokens=stage.context.settings.max_tokens,
        scope="" if retried or history or material.pictures else _scope(stage),
    )


def _scope(stage: Stage) -> str:
    """Who may get this answer again."""
    memory = stage.context.settings.llm_memory
    if memory == "shared":
        return "everybody"
    if memory == "all" or (memory == "private" and stage.first.private):
        return stage.claim.conversation
    return ""


async def _stream(
    stage: Stage,
    request: ChatRequest,
    reply: Reply,
    draft: Draft,
    reached: Callable[[], Checkpoint],
) -> None:
    """Let the model write into *draft* and *reply*, until its end, an error, or a stop."""

    def told() -> None:
        reply.say(draft.shown)
        if draft.text is draft.best:
            stage.keeper.save(reached())

    try:
        async with stage.keeper.stoppable():
            await write(draft, stage.context, request, told)
    except TimeoutError:
        if not stage.keeper.stopped:
            raise
        draft.stopped = True


def _worth_another_try(draft: Draft, request: ChatRequest) -> bool:
    if isinstance(draft.error, Refused):
        asked_much = bool(draft.begun) or any(message.images for message in request.messages)
        return asked_much and draft.text == draft.begun and draft.error.reason == "request"
    # Before the first word the client has tried again already.
    return isinstance(draft.error, Interrupted | Overloaded) and bool(draft.text)


def _without_pictures(request: ChatRequest) -> ChatRequest:
    *before, last = request.messages
    if not last.images:
        return request
    blind = "[you cannot see the pictures that came with this: say so]"
    return replace(
        request, messages=(*before, replace(last, content=f"{blind}\n\n{last.content}", images=()))
    )
