"""Answering a question: the model's stream becomes the live reply, whatever breaks meanwhile."""

import math
from collections.abc import Sequence

from msgspec.structs import replace

from core.errors import Refused
from core.languages.catalogue import say
from core.live.reply import Reply
from core.messages import Attachment, Button, Exchange
from core.models.request import ChatRequest
from core.store.turns import Checkpoint
from core.telemetry import logger
from core.turn.afford import afford, read_attachments, to_speak
from core.turn.asking import going_on, request_of
from core.turn.consent import Waiting
from core.turn.consent import question as consent_question
from core.turn.context import Report, TurnContext
from core.turn.cost import record, spent_of
from core.turn.doubts import Redo, effects_of, note_for_model, told
from core.turn.doubts import buttons as doubt_buttons
from core.turn.foreign import Taint
from core.turn.generation import Generation
from core.turn.hearing import hear
from core.turn.prompt import with_part
from core.turn.remembering import propose_later
from core.turn.rounds import Rounds
from core.turn.speak import speak
from core.turn.spending import OverBudget, Unpriced
from core.turn.summaries import summarise_later
from core.turn.taint import taint_of

log = logger(__name__)

PAGE_CHARS = 2_500
"""A text of at most this length fits on one page of every platform."""
LONGEST_WAIT_S = 60.0
"""How long a turn waits to show its whole answer. After that the answer is left to a later turn."""
STREAM_TRIES = 3
"""How often the model is asked at most, if its stream breaks in the middle."""


async def answer(
    context: TurnContext,
    question: str,
    history: Sequence[Exchange],
    attachments: Sequence[Attachment],
    *,
    replaces: Exchange | None = None,
    rewords: Exchange | None = None,
    before: str = "",
    again: bool = False,
    heading: str = "",
    redo: Redo | None = None,
    waited: Waiting | None = None,
) -> Report:
    """Answer *question*, with *history* as its context.

    *replaces*: the exchange in whose place the new one comes; *rewords*: beside which, on a branch.
    *before*: an answer that was cut. The new answer goes on from it, in a post of its own.
    *again*: the new answer uses the posts of the one that it *replaces*.
    *heading*: what is shown above the answer.
    *redo*: a step that is done again first.
    *waited*: what goes on because a person has decided. The journal holds its rounds.
    """
    readable = [one for one in history if not one.refused]
    heard = await hear(context, question, readable, replaces)
    attachments = [*(one for one in heard.files if one not in attachments), *attachments]
    attached = await read_attachments(context, attachments, readable)
    # What waited has its own steps in the journal.
    before_it = None if waited is not None else replaces or rewords
    if note := note_for_model(context, before_it):
        attached = replace(attached, notes=(*attached.notes, note))
    messages = context.prompt(question, history, attached, heard.messages)
    besides = replaces or history or heard.messages or attached.pictures or context.memory
    request = request_of(context, question, messages, alone=not besides)
    if not context.checkpoint.done:
        request = await afford(context, request, to_speak(context))
    generation = Generation(context.checkpoint.text, before.rstrip(), heading)
    generation.resume(context.checkpoint, context.services.model.price_of(request.model))
    taint = taint_of(context, readable, attachments, heard.messages, replaces or rewords)
    done = effects_of(before_it)
    rounds = Rounds(context, generation, question, done, taint=taint, redo=redo, waited=waited)
    posts = replaces.posts if again and replaces is not None else ()
    answering = _Answering(context, request, generation, rounds, posts)
    await answering.show()
    posts = answering.reply.handles
    said = answering.noted(_exchange(context, question, attachments, generation, posts, replaces))
    model, spent = rounds.so_far.spent(answering.request)
    replaced = replaces.event_id if replaces is not None else ""
    await context.commit(said, replaces=replaced, spent=rounds.so_far.bill(answering.request))
    summarise_later(context, said)
    whole = not generation.cut and rounds.waits is None
    if whole:
        propose_later(context)
    record(context, model, generation, spent)
    if context.turn.preferences.voice and whole:
        await speak(context, generation.best)
    return Report(generation.outcome, answering.reply.shown)


class _Answering:
    """The tries of one answer: the request, the text so far, and the posts that show it.

    Attributes:
        request: the request of the last try.
        reply: the posts of the last try. The tries before it used the same posts.
        asks: the question to allow a call with which the answer ends; empty: none.
    """

    def __init__(
        self,
        context: TurnContext,
        request: ChatRequest,
        generation: Generation,
        rounds: Rounds,
        posts: Sequence[str],
    ) -> None:
        self._context = context
        self._generation = generation
        self._rounds = rounds
        self._continues = context.services.model.continues
        self._whole = context.checkpoint.done
        self.request = request
        self.asks = ""
        self.reply = self._reply(context.checkpoint.pages or posts)

    def noted(self, exchange: Exchange) -> Exchange:
        """*exchange* with what was called for it, and with what it asks."""
        rounds = self._rounds
        return replace(
            exchange,
            answer="\n\n".join(filter(None, (exchange.answer, self.asks))),
            steps=rounds.noted,
            tainted=rounds.so_far.taint > Taint.NONE,
            by_pictures=rounds.so_far.taint is Taint.PICTURES,
            token=rounds.waits.token if rounds.waits is not None else "",
            pictures=rounds.pictures,
        )

    async def show(self) -> None:
        """Let the model write until the answer is shown: whole, or with the reason why not."""
        for tries_left in reversed(range(STREAM_TRIES)):
            async with self.reply:
                request = self.request if self._whole else await self._write()
                again = tries_left and self._to_be_tried_again(request)
                if not (again and await self._affordable()):
                    await self._finish()
                    return
                await self.reply.settle()
            self.reply = self._reply(self.reply.handles)

    def _reply(self, handles: Sequence[str]) -> Reply:
        return self._context.reply(
            buttons=[self._context.button("stop")],
            handles=handles,
            shown_chars=len(self._generation.shown_best) if handles else 0,
            reached=self._reached,
        )

    def _reached(self) -> Checkpoint:
        generation = self._generation
        text = generation.best
        # Behind a whole answer only its showing is missing.
        asked, begun = (0, len(text)) if self._whole else (generation.asked, len(generation.begun))
        usage = generation.total() if self._whole else generation.earlier
        return Checkpoint(
            self._context.first.event_id,
            text,
            self.reply.handles,
            done=self._whole,
            at=len(generation.text),
            pieces=len(self._context.mail),
            asked=asked,
            begun=begun,
            spent=spent_of(usage),
        )

    async def _write(self) -> ChatRequest:
        """Let the model write into the generation and the reply. Returns what it was asked."""
        context, generation = self._context, self._generation
        # An answer that calls tools cannot be given its beginning.
        continues = self._continues and not self._rounds.begun
        # A space at the end would keep the model from its usual next word.
        generation.begin_again(generation.best.rstrip() if continues else "")
        request = going_on(self.request, generation, continues=continues)

        def on_text() -> None:
            self.reply.grow(generation.shown_chars, lambda: generation.shown)
            context.checkpoints.save_later(self._reached)

        def on_steps() -> None:
            if self.reply.progress.written_chars < generation.shown_chars:
                # It goes on behind what an interrupted try had shown.
                self.reply.grow(generation.shown_chars, lambda: generation.shown)
            self.reply.tell(self._rounds.activity)

        try:
            async with context.stop.stoppable():
                await self._rounds.write(request, on_text, on_steps)
        except TimeoutError:
            if not context.stop.given:
                raise
            generation.stopped = True
        return request

    async def _affordable(self) -> bool:
        """Whether one more try may be spent, besides those so far."""
        bill = self._rounds.so_far.bill(self.request)
        try:
            self.request = await afford(self._context, self.request, sure=bill)
        except (OverBudget, Unpriced):
            return False
        return True

    def _to_be_tried_again(self, request: ChatRequest) -> bool:
        context, error = self._context, self._generation.error
        # A model that answers alone was chosen by the budget.
        small = self.request.model != context.choices.model and not self.request.alone
        if self._whole or not self._generation.worth_another_try(request, small=small):
            return False
        conversation = context.claim.conversation
        log.warning("answer begun again", conversation=conversation, reason=str(error))
        if small:
            # The small model failed; the usual one answers.
            self.request = replace(self.request, model=context.choices.model)
        elif isinstance(error, Refused):
            # This model cannot go on from a begun answer after all.
            self._continues = False
        return True

    async def _finish(self) -> None:
        # A worker that takes over a whole text only has to show it.
        self._whole = not self._generation.cut
        self._context.checkpoints.save(self._reached(), now=True)
        await self.reply.settle()
        one_page = len(self.reply.handles) < 2 and len(self._generation.shown) <= PAGE_CHARS
        # A whole answer is saved, so if it must wait longer, it gives its worker back.
        most_wait_s = LONGEST_WAIT_S if self._whole else math.inf
        context, rounds, steps = self._context, self._rounds, self._rounds.noted
        final = self._generation.final(context.language, one_page=one_page)
        ways = _ways_on(context, self._generation)
        if (step := rounds.waits) is not None:
            tainted, person = rounds.so_far.taint > Taint.NONE, rounds.base.person
            self.asks, ways = await consent_question(context, step, person, tainted=tainted)
        doubt, (of_steps, under) = told(steps, context.language), rounds.told
        final = "\n\n".join(filter(None, (final, doubt, of_steps, self.asks)))
        ways = [*doubt_buttons(steps, context.first.event_id, context.language), *under, *ways]
        self.reply.tell(rounds.activity)
        await self.reply.finish(final, ways, most_wait_s=most_wait_s)


def _exchange(
    context: TurnContext,
    question: str,
    attachments: Sequence[Attachment],
    generation: Generation,
    posts: Sequence[str],
    old: Exchange | None,
) -> Exchange:
    """The exchange for history. *old*: the one that it replaces."""
    text = (
        f"{generation.before} {generation.best}"
        if generation.before and generation.best
        else generation.best
    )
    exchange = context.exchange(
        question,
        text or generation.before,
        cut=generation.cut,
        attachments=attachments,
        posts=posts,
        refused=generation.refused,
    )
    if old is None:
        return exchange
    return replace(
        exchange,
        # The command to answer again is no question.
        message=(old.message if context.first.command or old.parts else "")
        or exchange.message
        or old.message,
        speaker=old.speaker,
        person=old.person,
        parts=with_part(old.parts, context.first),
        posts=(*old.posts, *posts) if generation.before else tuple(posts),
    )


def _ways_on(context: TurnContext, generation: Generation) -> Sequence[Button]:
    """The buttons under an answer that has ended. Only a whole answer gets the thumbs."""
    names = ("continue", "retry") if generation.goes_on else ("retry",)
    ways = [context.button(name) for name in names]
    if generation.cut or not context.platform.limits.rates:
        return ways
    return ways + [
        Button(f"rate {verdict} {context.first.event_id}", say(f"rate_{verdict}", context.language))
        for verdict in ("up", "down")
    ]
