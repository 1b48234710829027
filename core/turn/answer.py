"""Answering a question: the model's stream into the live reply, whatever breaks on the way."""

import math
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from core.errors import Interrupted, Overloaded, Refused
from core.languages.catalogue import say
from core.live.reply import Reply
from core.messages import Attachment, Button, Exchange
from core.models.request import ChatMessage, ChatRequest
from core.store.turns import Checkpoint
from core.telemetry import logger
from core.turn.cost import record, spent_on
from core.turn.digest import summary
from core.turn.draft import Draft, write
from core.turn.material import Material
from core.turn.prompt import clock
from core.turn.speak import speak
from core.turn.stage import Report, Stage

log = logger(__name__)

PAGE_CHARS = 2_500
"""A text of so many characters is on one page of every platform."""
LONGEST_WAIT_S = 60.0
"""For so long a whole answer waits in its turn to be shown; then it is left to a later one."""
STREAM_TRIES = 3
"""How often an answer is begun when its stream breaks in the middle."""
_OF_WORDS = frozenset(("policy", "filter"))
"""Refusals of what a question says, whoever is asked."""


async def answer(
    stage: Stage,
    question: str,
    history: Sequence[Exchange],
    attachments: Sequence[Attachment],
    *,
    replaces: str = "",
    before: str = "",
    again: Exchange | None = None,
) -> Report:
    """Answer *question* in the light of *history*; the exchange *replaces* is replaced.

    *before*: an answer that was cut, which this one goes on from in a post of its own.
    *again*: what was asked and answered before; the answer takes the place of that on the screen.
    """
    told = [one for one in history if not one.refused]
    material = await stage.context.reader.read(stage.platform, attachments, told)
    request = _request(stage, question, history, material, retried=bool(replaces))
    saved = stage.checkpoint
    draft = Draft(saved.text, before.rstrip())
    handles = saved.pages or (again.posts if again is not None else ())
    continues = stage.context.model.continues
    whole = saved.done

    def reached() -> Checkpoint:
        return Checkpoint(
            stage.first.event_id,
            draft.best,
            reply.handles,
            done=whole,
            at=len(draft.text),
            pieces=len(stage.mail),
        )

    asked = request
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
                asked = _going_on(request, draft, continues=continues)
                await _stream(stage, asked, reply, draft, reached)
            small = request.model != stage.model
            if _worth_another_try(draft, asked, small=small) and tries_left:
                log.warning(
                    "answer begun again",
                    conversation=stage.claim.conversation,
                    reason=str(draft.error),
                )
                if small:
                    # It was asked to spare the other one, which nobody has to go without.
                    request = replace(request, model=stage.model)
                elif isinstance(draft.error, Refused):
                    # It knows less of going on than we thought.
                    continues = False
                await reply.settle()
                handles = reply.handles
                continue
            # Where the text is whole, who takes over only has to show it.
            whole = not draft.cut
            stage.checkpoints.save(reached(), now=True)
            await reply.settle()
            one_page = len(reply.handles) < 2 and len(draft.shown) <= PAGE_CHARS
            buttons = _ways_on(stage, draft)
            # Who has to wait for longer leaves its worker to others: the text is kept.
            most_wait_s = LONGEST_WAIT_S if whole else math.inf
            final = draft.final(stage.language, one_page=one_page)
            await reply.finish(final, buttons, most_wait_s=most_wait_s)
        break
    said = f"{draft.before} {draft.best}" if draft.before and draft.best else draft.best
    exchange = stage.exchange(
        question,
        said or draft.before,
        cut=draft.cut,
        attachments=attachments,
        posts=reply.handles,
        refused=draft.refused,
    )
    if again is not None:
        exchange = replace(
            exchange,
            message=exchange.message or again.message,
            speaker=again.speaker,
            person=again.person,
        )
    model = draft.model or request.model or stage.context.model.model
    spent = spent_on(draft, stage.context.model.price_of(model))
    shorter = await summary(stage, [*history, exchange])
    await stage.commit(exchange, replaces=replaces, spent={model: spent}, summary=shorter)
    record(stage, model, draft, spent)
    if stage.turn.preferences.voice and not draft.cut:
        await speak(stage, draft.best)
    return Report(draft.outcome, reply.shown)


def _request(
    stage: Stage, question: str, history: Sequence[Exchange], material: Material, *, retried: bool
) -> ChatRequest:
    messages = stage.prompt(question, history, material)
    return ChatRequest(
        messages=messages,
        model=stage.model or _small(stage, messages, question),
        options=stage.options,
        max_tokens=stage.context.settings.max_tokens,
        clock=clock(stage.now),
        scope="" if retried or history or material.pictures else _scope(stage),
    )


def _small(stage: Stage, messages: Sequence[ChatMessage], question: str) -> str:
    """The small model for a small first question, where the operator wants that; else nobody."""
    settings = stage.context.settings
    first = sum(message.role != "system" for message in messages) == 1
    seen = any(message.images for message in messages)
    small = first and not seen and len(question) <= settings.small_question_chars
    return settings.small_model if small else ""


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
        reply.grow(draft.shown_chars, lambda: draft.shown)
        stage.checkpoints.save_later(reached)

    try:
        async with stage.stop.stoppable():
            await write(draft, stage.context, request, told)
    except TimeoutError:
        if not stage.stop.given:
            raise
        draft.stopped = True


def _going_on(request: ChatRequest, draft: Draft, *, continues: bool) -> ChatRequest:
    """*request*, with what was said of its answer already."""
    if continues:
        return replace(request, begun=draft.before + draft.begun)
    if not draft.before:
        return request
    # Who cannot be given a beginning is told to go on (`core.models.request.GO_ON`).
    return replace(request, messages=(*request.messages, ChatMessage("assistant", draft.before)))


def _ways_on(stage: Stage, draft: Draft) -> Sequence[Button]:
    """What may be done with an answer that has ended; of a whole one, say what it was worth."""
    names = ("continue", "retry") if draft.goes_on else ("retry",)
    ways = [stage.button(name) for name in names]
    if draft.cut or not stage.platform.limits.rates:
        return ways
    return ways + [
        Button(f"rate {verdict} {stage.first.event_id}", say(f"rate_{verdict}", stage.language))
        for verdict in ("up", "down")
    ]


def _worth_another_try(draft: Draft, asked: ChatRequest, *, small: bool) -> bool:
    """Whether to ask again; *small*: what was asked is the small model, and another may do."""
    if small and draft.error is not None and not draft.text:
        return not isinstance(draft.error, Refused) or draft.error.reason not in _OF_WORDS
    if isinstance(draft.error, Refused):
        began = bool(asked.begun) and draft.text == draft.begun
        return began and draft.error.reason == "request"
    # Before the first word the client has tried again already.
    return isinstance(draft.error, Interrupted | Overloaded) and bool(draft.text)
