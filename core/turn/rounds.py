"""The rounds of an answer: the model, the steps that it calls, the model again, until it answers.

What the person sees is one answer. The text so far stays on the screen while steps run, and the
text of the next round stands below it.
"""

from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from core.activity import Activity
from core.messages import Attachment, Button, Incoming, Step
from core.models.request import ChatRequest
from core.models.tool_calls import Output, Round
from core.store.journal import RoundRecord, StepRecord
from core.tools.registry import may_name
from core.tools.tool import ToolSpec
from core.tools.web_search import WebSearch
from core.turn.afford import afford
from core.turn.bounds import Bounds
from core.turn.consent import Waiting, asked_of, keep, must_ask
from core.turn.context import TurnContext
from core.turn.doubts import Redo, kept
from core.turn.foreign import Taint, new_mark
from core.turn.generation import Generation
from core.turn.journal import happened, noted
from core.turn.pieces import apart
from core.turn.planning import planned
from core.turn.preview import Preview
from core.turn.seen import Seen
from core.turn.so_far import SoFar
from core.turn.spending import OverBudget, Unpriced
from core.turn.steps import Steps
from core.turn.taint import marked, with_rule
from core.turn.tools import actions
from core.turn.tools.under_way import UnderWay, tool_context
from core.turn.writing import write

ENOUGH = (
    "[No more tools can be called for this answer. Answer now with what you have, and say what is "
    "missing.]"
)
_RUNS = frozenset(("stop", "tools", "length", "pause"))
"""Endings of a message whose calls are made. Of the others nobody knows whether it is whole."""


class Rounds:
    """The rounds of the answer that *generation* holds.

    Args:
        question: what is asked.
        before: effects that an earlier answer to it had.
        taint: what the prompt holds of others.
        redo: a step that is done again before the model is asked, because the person wants it.
        waited: what goes on because a person has decided.

    Attributes:
        so_far: what the answer has read of others, and what it has cost.
    """

    def __init__(
        self,
        context: TurnContext,
        generation: Generation,
        question: str,
        before: Sequence[Step],
        *,
        taint: Taint,
        redo: Redo | None,
        waited: Waiting | None,
    ) -> None:
        services = context.services
        self._context = context
        self._generation = generation
        self._redo = redo
        self._before = before
        self._journal = context.journal
        self.so_far = so_far = SoFar(context, generation, taint)
        under_way = UnderWay(context, so_far.steps, so_far.sure_bill)
        base = tool_context(context, waited, tainted=taint > Taint.NONE)
        self.base = base = replace(base, of_turn=actions(under_way))
        self._mark = new_mark()
        self._toolbox = services.tools.for_turn(base)
        native = services.settings.search == "native"
        self._searches = native and may_name(base, WebSearch.spec.name)
        self._bounds = Bounds(context, generation, so_far.sure_bill)
        words = [question, *_words(context.mail)]
        metrics, tracer = services.metrics, services.tracer

        def asks(spec: ToolSpec, tainted: bool, built: bool) -> Awaitable[bool]:
            tainted = so_far.taint is Taint.TEXT or (tainted and not spec.by_pictures)
            return must_ask(context, spec, tainted=tainted, built=built)

        verbose = context.turn.preferences.verbose
        self._seen = Seen(context.journal, context.language, verbose=verbose)
        self._steps = Steps(
            self._journal,
            self._toolbox,
            base,
            words,
            self._bounds,
            asks,
            self._seen,
            metrics,
            tracer,
        )
        self._empty = False
        """The model said nothing after its steps, so it is asked once more, without tools."""
        if rounds := self._journal.rounds:
            spent = [one.usage for one in rounds]
            generation.take_up(joined([one.text for one in rounds]), spent)

    @property
    def begun(self) -> bool:
        """Whether any step was called for this answer."""
        return bool(self._journal.rounds) or self._redo is not None

    @property
    def waits(self) -> StepRecord | None:
        """The step that a person must allow before the answer goes on."""
        return asked_of(self._journal.rounds)

    @property
    def activity(self) -> Activity:
        """What people see of the steps."""
        return self._seen.activity()

    @property
    def pictures(self) -> tuple[Attachment, ...]:
        """Those that were posted with the answer."""
        return tuple(one for step in self._journal.steps for one in step.pictures)

    @property
    def told(self) -> tuple[str, Sequence[Button]]:
        """What stands under the answer of its steps, and the buttons with it."""
        steps = self._journal.steps
        texts = filter(None, (step.told for step in steps))
        return "\n\n".join(texts), [one for step in steps for one in step.buttons]

    @property
    def noted(self) -> tuple[Step, ...]:
        """The steps as the exchange keeps them, with those of an earlier answer before them."""
        made = [step for step in self._journal.steps if step.ended or happened(step)]
        names = [self._redo.name if self._redo is not None else "", *[""] * len(made)]
        return kept([*self._before, *map(noted, made, names)])

    async def write(
        self, request: ChatRequest, on_text: Callable[[], None], on_steps: Callable[[], None]
    ) -> None:
        """Let the model write its answer into the generation, and do what it calls.

        *on_steps* is called whenever `activity` has changed.
        The generation keeps the error of a round that failed. Another `write` repeats that round.

        Raises:
            LeaseLost: another worker has the turn now.
            StoreError: the store is away for too long to keep what is done.
        """
        if not self.so_far.request.messages:
            # A try that was cut may have left an unfinished picture.
            await Preview(self._context, self._context.checkpoint.picture).take_away()
        self.so_far.request = request
        with self._seen.telling(on_steps):
            await self._write(request, on_text)

    async def _write(self, request: ChatRequest, on_text: Callable[[], None]) -> None:
        generation, journal = self._generation, self._journal
        if self._redo is not None and not journal.rounds:
            await journal.add(RoundRecord("", 0, (planned(self._redo.call, self._toolbox),)))
        while True:
            if journal.rounds and not journal.rounds[-1].ended:
                await self._steps.carry_out(len(journal.rounds) - 1)
            generation.found = self._steps.sources
            if (step := self.waits) is not None:
                person, role = self.base.person, self.base.role
                await keep(self._context, step, journal.rounds, person, role)
                generation.asked = 0  # No round is made any more.
                return
            if journal.rounds and not self._bounds.poor:
                request = await self._afforded(request)
            asked = self._asked(request)
            await write(generation, self._context.services, asked, on_text)
            if generation.error is not None:
                if not self._to_be_asked_plainly(asked):
                    return
            elif not generation.calls_made(asked) or generation.ending not in _RUNS:
                return
            else:
                await journal.add(self._record())
            generation.next_round()

    async def _afforded(self, request: ChatRequest) -> ChatRequest:
        """*request*, once one more round is reserved. If it may not be, it is the last one."""
        rounds = tuple(one.round for one in self._journal.rounds)
        try:
            told = await afford(
                self._context, replace(request, rounds=rounds), sure=self.so_far.bill(request)
            )
        except (OverBudget, Unpriced):
            self._bounds.poor = True
            return request
        return replace(told, rounds=())

    def _asked(self, request: ChatRequest) -> ChatRequest:
        """*request* with the tools, or with the beginning of the answer: never with both."""
        if request.begun:
            return request
        rounds = tuple(marked(one, self._mark) for one in self._journal.rounds)
        closing = bool(rounds) and (self._empty or self._bounds.reached)
        offered = bool(self._toolbox.offers)
        return replace(
            request,
            messages=with_rule(request.messages) if offered else request.messages,
            tools=self._toolbox.offers,
            rounds=_told(rounds) if closing else rounds,
            closing=closing,
            searches=self._searches,
        )

    def _to_be_asked_plainly(self, asked: ChatRequest) -> bool:
        """Whether the model, which had nothing to say after its steps, is asked without tools."""
        if self._empty or not asked.rounds or not self._generation.said_nothing:
            return False
        self._empty = True
        return True

    def _record(self) -> RoundRecord:
        generation, calls = self._generation, self._generation.calls
        made = calls.calls if calls is not None else ()
        cut = generation.ending == "length"
        steps = [
            planned(call, self._toolbox, cut=cut and at == len(made) - 1)
            for at, call in enumerate(made)
        ]
        return RoundRecord(
            event="",
            number=len(self._journal.rounds),
            steps=tuple(steps),
            text=generation.text[len(generation.kept) :],
            thought=calls.thought if calls is not None else (),
            by=calls.by if calls is not None else "",
            usage=generation.of_this_round(),
            searched=generation.searched or bool(generation.sources),
        )


def _told(rounds: tuple[Round, ...]) -> tuple[Round, ...]:
    """*rounds*, with the remark at their end that no more tools can be called."""
    *before, last = rounds
    *outputs, output = last.outputs
    told = Output(f"{output.text}\n\n{ENOUGH}", output.is_error)
    return (*before, replace(last, outputs=(*outputs, told)))


def joined(texts: Sequence[str]) -> str:
    """The texts of rounds as one text, to which the next round adds its own."""
    kept = ""
    for text in texts:
        kept = apart(kept + text)
    return kept


def _words(mail: Sequence[Incoming]) -> Sequence[str]:
    """What the person says, and points at."""
    quoted = [one.quote.text for one in mail if one.quote is not None]
    return [*(one.text for one in mail), *quoted]
