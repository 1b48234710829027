"""Answering a question: the model's stream into the live reply, whatever breaks on the way."""

import math
from collections.abc import Sequence

from msgspec.structs import replace

from core.errors import Interrupted, Overloaded, Refused
from core.languages.catalogue import say
from core.live.reply import Reply
from core.messages import Attachment, Button, Exchange
from core.models.request import ChatMessage, ChatRequest
from core.store.turns import Checkpoint
from core.telemetry import logger
from core.turn.attachments import ReadAttachments
from core.turn.context import Report, TurnContext
from core.turn.cost import record, spent_on
from core.turn.generation import Generation, write
from core.turn.prompt import clock
from core.turn.speak import speak
from core.turn.summaries import summary

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
    context: TurnContext,
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
    readable = [one for one in history if not one.refused]
    attached = await context.services.reader.read(context.platform, attachments, readable)
    request = _request(context, question, history, attached, retried=bool(replaces))
    generation = Generation(context.checkpoint.text, before.rstrip())
    answering = _Answering(context, request, generation, again.posts if again is not None else ())
    await answering.show()
    posts = answering.reply.handles
    exchange = _exchange(context, question, attachments, generation, posts, again)
    model = generation.model or answering.request.model or context.services.model.model
    spent = spent_on(generation, context.services.model.price_of(model))
    shorter = await summary(context, [*history, exchange])
    await context.commit(exchange, replaces=replaces, spent={model: spent}, summary=shorter)
    record(context, model, generation, spent)
    if context.turn.preferences.voice and not generation.cut:
        await speak(context, generation.best)
    return Report(generation.outcome, answering.reply.shown)


class _Answering:
    """The tries of one answer: what is asked, what was said of it, and the posts it stands on.

    Attributes:
        request: what the last try asked.
        reply: the posts of the last try, which those before it used too.
    """

    def __init__(
        self,
        context: TurnContext,
        request: ChatRequest,
        generation: Generation,
        posts: Sequence[str],
    ) -> None:
        self._stage = context
        self._draft = generation
        self._continues = context.services.model.continues
        self._whole = context.checkpoint.done
        self.request = request
        self.reply = self._reply(context.checkpoint.pages or posts)

    async def show(self) -> None:
        """Let the model write until an answer stands, whole or with a word on why it is not."""
        for tries_left in reversed(range(STREAM_TRIES)):
            async with self.reply:
                asked = self.request if self._whole else await self._write()
                if not (tries_left and self._to_be_tried_again(asked)):
                    await self._finish()
                    return
                await self.reply.settle()
            self.reply = self._reply(self.reply.handles)

    def _reply(self, handles: Sequence[str]) -> Reply:
        return self._stage.reply(
            buttons=[self._stage.button("stop")],
            handles=handles,
            shown_chars=len(self._draft.shown_best) if handles else 0,
            reached=self._reached,
        )

    def _reached(self) -> Checkpoint:
        return Checkpoint(
            self._stage.first.event_id,
            self._draft.best,
            self.reply.handles,
            done=self._whole,
            at=len(self._draft.text),
            pieces=len(self._stage.mail),
        )

    async def _write(self) -> ChatRequest:
        """Let the model write into the draft and the reply; what it was asked is returned."""
        context, generation = self._stage, self._draft
        # Space at its end would keep the model from its usual next word.
        generation.begin_again(generation.best.rstrip() if self._continues else "")
        asked = _going_on(self.request, generation, continues=self._continues)

        def on_text() -> None:
            self.reply.grow(generation.shown_chars, lambda: generation.shown)
            context.checkpoints.save_later(self._reached)

        try:
            async with context.stop.stoppable():
                await write(generation, context.services, asked, on_text)
        except TimeoutError:
            if not context.stop.given:
                raise
            generation.stopped = True
        return asked

    def _to_be_tried_again(self, asked: ChatRequest) -> bool:
        context, error = self._stage, self._draft.error
        small = self.request.model != context.model
        if self._whole or not _worth_another_try(self._draft, asked, small=small):
            return False
        conversation = context.claim.conversation
        log.warning("answer begun again", conversation=conversation, reason=str(error))
        if small:
            # It was asked to spare the other one, which nobody has to go without.
            self.request = replace(self.request, model=context.model)
        elif isinstance(error, Refused):
            # It knows less of going on than we thought.
            self._continues = False
        return True

    async def _finish(self) -> None:
        # Where the text is whole, who takes over only has to show it.
        self._whole = not self._draft.cut
        self._stage.checkpoints.save(self._reached(), now=True)
        await self.reply.settle()
        one_page = len(self.reply.handles) < 2 and len(self._draft.shown) <= PAGE_CHARS
        # Who has to wait for longer leaves its worker to others: the text is kept.
        most_wait_s = LONGEST_WAIT_S if self._whole else math.inf
        final = self._draft.final(self._stage.language, one_page=one_page)
        buttons = _ways_on(self._stage, self._draft)
        await self.reply.finish(final, buttons, most_wait_s=most_wait_s)


def _exchange(
    context: TurnContext,
    question: str,
    attachments: Sequence[Attachment],
    generation: Generation,
    posts: Sequence[str],
    again: Exchange | None,
) -> Exchange:
    said = (
        f"{generation.before} {generation.best}"
        if generation.before and generation.best
        else generation.best
    )
    exchange = context.exchange(
        question,
        said or generation.before,
        cut=generation.cut,
        attachments=attachments,
        posts=posts,
        refused=generation.refused,
    )
    if again is None:
        return exchange
    return replace(
        exchange,
        message=exchange.message or again.message,
        speaker=again.speaker,
        person=again.person,
    )


def _request(
    context: TurnContext,
    question: str,
    history: Sequence[Exchange],
    attached: ReadAttachments,
    *,
    retried: bool,
) -> ChatRequest:
    messages = context.prompt(question, history, attached)
    return ChatRequest(
        messages=messages,
        model=context.model or _small(context, messages, question),
        options=context.options,
        max_tokens=context.services.settings.max_tokens,
        clock=clock(context.now),
        scope="" if retried or history or attached.pictures else _scope(context),
    )


def _small(context: TurnContext, messages: Sequence[ChatMessage], question: str) -> str:
    """The small model for a small first question, where the operator wants that; else nobody."""
    settings = context.services.settings
    first = sum(message.role != "system" for message in messages) == 1
    seen = any(message.images for message in messages)
    small = first and not seen and len(question) <= settings.small_question_chars
    return settings.small_model if small else ""


def _scope(context: TurnContext) -> str:
    """Who may get this answer again."""
    memory = context.services.settings.llm_memory
    if memory == "shared":
        return "everybody"
    if memory == "all" or (memory == "private" and context.first.private):
        return context.claim.conversation
    return ""


def _going_on(request: ChatRequest, generation: Generation, *, continues: bool) -> ChatRequest:
    """*request*, with what was said of its answer already."""
    if continues:
        return replace(request, begun=generation.before + generation.begun)
    if not generation.before:
        return request
    # Who cannot be given a beginning is told to go on (`core.models.request.GO_ON`).
    return replace(
        request, messages=(*request.messages, ChatMessage("assistant", generation.before))
    )


def _ways_on(context: TurnContext, generation: Generation) -> Sequence[Button]:
    """What may be done with an answer that has ended; of a whole one, say what it was worth."""
    names = ("continue", "retry") if generation.goes_on else ("retry",)
    ways = [context.button(name) for name in names]
    if generation.cut or not context.platform.limits.rates:
        return ways
    return ways + [
        Button(f"rate {verdict} {context.first.event_id}", say(f"rate_{verdict}", context.language))
        for verdict in ("up", "down")
    ]


def _worth_another_try(generation: Generation, asked: ChatRequest, *, small: bool) -> bool:
    """Whether to ask again; *small*: what was asked is the small model, and another may do."""
    if small and generation.error is not None and not generation.text:
        return not isinstance(generation.error, Refused) or generation.error.reason not in _OF_WORDS
    if isinstance(generation.error, Refused):
        began = bool(asked.begun) and generation.text == generation.begun
        return began and generation.error.reason == "request"
    # Before the first word the client has tried again already.
    return isinstance(generation.error, Interrupted | Overloaded) and bool(generation.text)
