"""Carries out the steps of a round: the tool calls of one message of the model.

Calls that only read run side by side. Others run one by one, in the model's order, because each may
need what the one before it did. A call with effects is in the journal before it is made. If it is
cut, nobody knows whether it happened: then it is not made again unless the person says so.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from msgspec.structs import replace

from core.models.chunks import Source
from core.store.journal import StepRecord
from core.tasks import end
from core.telemetry import Metrics, label, logger
from core.tools.addresses import builds, said_in
from core.tools.registry import Known, Toolbox
from core.tools.tool import SignInNeeded, ToolContext, ToolError, ToolResult, ToolSpec, ToolUnsure
from core.tracing import Tracer
from core.turn.bounds import Bounds
from core.turn.consent import MOST_SHOWN, TOO_LONG, asked, asked_of, shown, to_sign_in
from core.turn.journal import UNSURE, Journal, brought_by, doubted, happened, with_result
from core.turn.seen import Seen

log = logger(__name__)

AT_ONCE = 4
"""How many calls that only read run at once in one turn."""
LAST_WORDS_S = 3.0
"""How long a stopped turn waits for a call with effects that was begun."""


class Steps:
    """The steps of one turn.

    *base* is what each call is told of the turn. *words* are those of the person. *bounds*: how
    much may be called.
    *must_ask*: whether a person must allow a call of a tool, in a turn that is tainted or not, with
    an address that nobody named or without.
    """

    def __init__(
        self,
        journal: Journal,
        toolbox: Toolbox,
        base: ToolContext,
        words: Sequence[str],
        bounds: Bounds,
        must_ask: Callable[[ToolSpec, bool, bool], Awaitable[bool]],
        seen: Seen,
        metrics: Metrics,
        tracer: Tracer,
    ) -> None:
        self._journal = journal
        self._toolbox = toolbox
        self._base = base
        self._words = words
        self._bounds = bounds
        self._must_ask = must_ask
        self._seen = seen
        self._metrics = metrics
        self._tracer = tracer
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def sources(self) -> Sequence[Source]:
        """The pages that the steps brought, each once, in order."""
        found = (source for step in self._journal.steps for source in step.sources)
        return list(dict.fromkeys(found))

    def _addresses(self) -> frozenset[str]:
        """The web addresses that the person named, and those in what the steps brought."""
        done = (step for step in self._journal.steps if step.state == "done")
        return said_in(self._words).union(*map(brought_by, done))

    @property
    def tainted(self) -> bool:
        """Whether the turn has read text of strangers."""
        read = any(step.foreign and happened(step) for step in self._journal.steps)
        return self._base.tainted or read

    async def carry_out(self, number: int) -> None:
        """Do what is left to do of round *number*, up to a step that a person must allow.

        Raises:
            LeaseLost: another worker has the turn now.
            StoreError: the store is away for too long.
        """
        with self._bounds.clock():
            await self._carry_out(number)

    async def _carry_out(self, number: int) -> None:
        places = range(len(self._journal.rounds[number].steps))
        for reads, some in groupby(places, lambda at: self._step(number, at).effect == "read_only"):
            if asked_of(self._journal.rounds[: number + 1]) is not None:
                return
            if not reads:
                await self._in_order(number, some)
                continue
            tasks = [asyncio.create_task(self._read(number, at), name="step") for at in some]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            finally:
                await end(tasks)
            for task in tasks:
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error

    async def _in_order(self, number: int, places: Iterable[int]) -> None:
        for at in places:
            await self._one(number, at)
            if self._step(number, at).state == "asked":
                return

    async def _read(self, number: int, at: int) -> None:
        async with self._slots:
            await self._one(number, at)

    def _step(self, number: int, at: int) -> StepRecord:
        return self._journal.rounds[number].steps[at]

    async def _one(self, number: int, at: int) -> None:
        step = self._step(number, at)
        if step.ended or step.state == "asked":
            return
        if step.state == "begun" and step.effect == "effects":
            # An earlier try made this call, and nobody knows what came of it.
            await self._note(number, at, doubted(step))
            return
        try:
            with self._bounds.call():
                ended = await self._made(number, at, step)
            await self._note(number, at, ended)
        finally:
            self._seen.ended(number, at)

    async def _made(self, number: int, at: int, step: StepRecord) -> StepRecord:
        """*step*, once its call was made, or is not made, or a person is asked."""
        ready = await self._ready(number, at, step)
        if isinstance(ready, str):
            return replace(step, state="failed", output=ready)
        spec, allowed = ready[0].spec, step.allowed or step.state == "begun"
        built = spec.sends and builds(ready[1], self._addresses())
        if not allowed and await self._must_ask(spec, self.tainted, built):
            if len(shown(step.call.arguments)) > MOST_SHOWN:
                return replace(step, state="failed", output=TOO_LONG)
            return asked(step, private=self._base.private)
        if step.effect != "read_only" and step.state != "begun":
            await self._journal.note(number, at, replace(step, state="begun"))
        known, arguments = ready
        key = self._journal.key(number, at)
        context = replace(
            self._base,
            key=key,
            tainted=self.tainted,
            cited=len(self.sources),
            progress=partial(self._seen.goes_on, number, at),
        )
        if known.spec.foreign:
            context = replace(context, addresses=self._addresses())
        began = time.monotonic()
        self._seen.began(number, at)
        with self._tracer.span(
            f"execute_tool {step.tool}",
            {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": step.tool},
        ):
            ended = await self._call(number, at, known, arguments, context)
        return replace(ended, seconds=max(time.monotonic() - began, 1e-6))

    async def _ready(
        self, number: int, at: int, step: StepRecord
    ) -> tuple[Known, Mapping[str, Any]] | str:
        """The tool and its arguments, or why it is not called, for the model to read."""
        known = self._toolbox.find(step.call.name)
        if known is None:
            return "This tool may no longer be used here."
        if why_not := await self._bounds.why_not(step, self._before(number, at)):
            return why_not
        try:
            return known, known.check().read(step.call.arguments)
        except ValueError as error:
            return f"Not called: {error}"

    def _before(self, number: int, at: int) -> Sequence[StepRecord]:
        rounds = self._journal.rounds
        return [
            *(step for one in rounds[:number] for step in one.steps),
            *rounds[number].steps[:at],
        ]

    async def _call(
        self,
        number: int,
        at: int,
        known: Known,
        arguments: Mapping[str, Any],
        context: ToolContext,
    ) -> StepRecord:
        """Make the call. A call with effects that is cut leaves its step in doubt."""
        step, spec = self._step(number, at), known.spec
        seconds = min(spec.timeout_s, self._bounds.seconds_left)
        call = asyncio.create_task(known.tool.call(arguments, context), name=f"tool {spec.name}")
        try:
            async with asyncio.timeout(seconds):
                result = await asyncio.shield(call)
            return with_result(step, result, spec.most_chars)
        except TimeoutError:
            await end([call])
            told = f"It took longer than {seconds:.0f} s and was ended."
            return _failed(step, told, spec)
        except asyncio.CancelledError:
            if call.cancelled() and not _cancelling():
                return _failed(step, "The tool gave up.", spec)
            if spec.effect == "effects":
                await self._last_words(number, at, call, spec.most_chars)
            await end([call])
            raise
        except SignInNeeded as error:
            return to_sign_in(step, error)
        except ToolUnsure as error:
            return _failed(step, str(error), spec)
        except ToolError as error:
            return with_result(step, ToolResult(str(error), is_error=True), spec.most_chars)
        except Exception as error:
            # A tool may be anybody's code. Its error must not end the turn.
            log.exception("tool failed", tool=spec.name)
            return _failed(step, f"The tool failed ({type(error).__name__}).", spec)

    async def _last_words(
        self, number: int, at: int, call: asyncio.Task[ToolResult], most_chars: int
    ) -> None:
        """The turn is stopped. If the call ends now, keep its result; else it is in doubt."""
        step = self._step(number, at)
        try:
            await asyncio.wait([call], timeout=LAST_WORDS_S)
        finally:
            done = call.done() and not call.cancelled() and call.exception() is None
            ended = with_result(step, call.result(), most_chars) if done else doubted(step)
            self._journal.set(number, at, ended)
            self._count(ended)

    async def _note(self, number: int, at: int, step: StepRecord) -> None:
        await self._journal.note(number, at, step)
        self._count(step)

    def _count(self, step: StepRecord) -> None:
        self._metrics.steps.labels(label(step.tool or "unknown"), step.state).inc()
        log.info(
            "step",
            tool=step.tool or "unknown",
            outcome=step.state,
            effect=step.effect,
            seconds=round(step.seconds, 3),
        )


def _failed(step: StepRecord, told: str, spec: ToolSpec) -> StepRecord:
    """*step*, whose call began and failed. If it has effects, it may have had them."""
    if spec.effect == "effects":
        return replace(step, state="unsure", output=f"{told} {UNSURE}")
    return replace(step, state="failed", output=told)


def _cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
