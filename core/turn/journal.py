"""The journal of a running turn: its rounds, each kept by the store before anything is done.

`core.store.journal` says what is kept, and why.
"""

import asyncio
import json
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from core.errors import LeaseLost, StoreError
from core.messages import Incoming, Step
from core.models.tool_calls import read_arguments
from core.retry import retry_until_available
from core.secret import redact
from core.store.claim import Claim
from core.store.journal import RoundRecord, StepRecord
from core.tools.addresses import addresses_in, alike, said_in
from core.tools.of_turn import IMAGE
from core.tools.tool import ToolResult
from core.words import shortened

STORE_WAIT_S = 60.0
"""How long a step waits for an absent store. Without its record it is not done."""
THOUGHT_BYTES = 200_000
"""A longer thought is not kept. The model is then asked without it."""
SHOWN_CHARS = 200


class Journal:
    """The rounds of the turn that answers *first*; *kept* is what earlier tries left."""

    def __init__(self, claim: Claim, first: Incoming, kept: Sequence[RoundRecord]) -> None:
        self._claim = claim
        self._first = first
        self.rounds = [one for one in kept if one.event == first.event_id]
        # The question has a new wording. What was done for the old one is done.
        self._before = [
            one
            for one in kept
            if one.event != first.event_id and first.message and one.message == first.message
        ]
        self._saved: dict[str, RoundRecord] = {one.name: one for one in self.rounds}
        self._saving = asyncio.Lock()
        self._lost = False

    @property
    def steps(self) -> list[StepRecord]:
        """All steps of this turn."""
        return [step for one in self.rounds for step in one.steps]

    @property
    def effects_before(self) -> list[StepRecord]:
        """What may have happened for an earlier wording of the question."""
        steps = (step for one in self._before for step in one.steps)
        return [doubted(one) for one in steps if one.effect == "effects" and happened(one)]

    def key(self, number: int, at: int) -> str:
        """The name of a call, the same in every try of this turn."""
        return f"{self._first.event_id}:{number}:{at}"

    async def add(self, record: RoundRecord) -> None:
        """Keep a new round, before the first of its steps.

        Raises:
            LeaseLost: another worker has the turn now.
            StoreError: the store is away for too long.
        """
        record = replace(record, event=self._first.event_id, message=self._first.message)
        if len(msgspec.json.encode(record.thought)) > THOUGHT_BYTES:
            record = replace(record, thought=())
        self.rounds.append(record)
        await self._save(len(self.rounds) - 1)

    async def note(self, number: int, at: int, step: StepRecord) -> None:
        """Keep the new state of a step. Raises as `add`."""
        self.set(number, at, step)
        await self._save(number)

    def set(self, number: int, at: int, step: StepRecord) -> None:
        """As `note`, but the store does not learn it before the next record."""
        steps = list(self.rounds[number].steps)
        steps[at] = step
        self.rounds[number] = replace(self.rounds[number], steps=tuple(steps))

    async def _save(self, number: int) -> None:
        async with self._saving:
            record = self.rounds[number]
            if self._saved.get(record.name) == record:
                return  # Another step of the round has saved this one too.
            raw = msgspec.json.encode(record)
            try:
                async with asyncio.timeout(STORE_WAIT_S):
                    await retry_until_available(lambda: self._write(record.name, raw), "a record")
            except TimeoutError as error:
                raise StoreError("the journal cannot be written") from error
            if self._lost:
                raise LeaseLost(self._claim.conversation)
            self._saved[record.name] = record

    async def _write(self, name: str, raw: bytes) -> None:
        try:
            await self._claim.record(name, raw)
        except LeaseLost:
            # To try again would be useless.
            self._lost = True


def happened(step: StepRecord) -> bool:
    """Whether the call may have been made."""
    return step.state in ("begun", "done", "unsure")


def made(step: StepRecord) -> bool:
    """Whether the call was made, or may have been. It may have failed."""
    return happened(step) or step.seconds > 0


UNSURE = (
    "It is not known whether this happened: the work was interrupted in the middle of the call. Do "
    "not call it again. Say plainly that it may have been done; the person gets a button to do it "
    "again."
)


def doubted(step: StepRecord) -> StepRecord:
    """*step*, of which nobody knows more than that it was begun."""
    if step.state != "begun":
        return step
    return replace(step, state="unsure", output=UNSURE)


def with_result(step: StepRecord, result: ToolResult, most_chars: int) -> StepRecord:
    """*step*, ended with *result*."""
    state = "failed" if result.is_error else "done"
    # A tool may say back what it was sent, or what its service was.
    output = shortened(redact(result.text), most_chars)
    return replace(
        step,
        state=state,
        output=output,
        sources=result.sources,
        pictures=result.pictures,
        told=result.told,
        buttons=result.buttons,
        foreign=step.foreign and not result.harmless,
    )


def brought_by(step: StepRecord) -> frozenset[str]:
    """The web addresses that the result of *step* holds, but for those that the model sent it."""
    sent = json.dumps(read_arguments(step.call.arguments), ensure_ascii=False)
    own = set(map(alike, said_in([sent])))
    return frozenset(one for one in addresses_in([step.output]) if alike(one) not in own)


def noted(step: StepRecord, again: str = "") -> Step:
    """*step* as the exchange keeps it. Only what may be done again keeps all its arguments."""
    step = doubted(step)
    arguments = step.call.arguments
    unsure = step.state == "unsure"
    whole = unsure or step.tool == IMAGE.name
    return Step(
        tool=step.tool or step.call.name[:SHOWN_CHARS],
        arguments=arguments if whole else arguments[:SHOWN_CHARS],
        effect=step.effect,
        outcome=step.state,
        seconds=round(step.seconds, 3),
        again=again,
        result="" if unsure else step.output[:SHOWN_CHARS],
    )
