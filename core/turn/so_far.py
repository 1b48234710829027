"""What an answer under way has read of others, and what it has cost so far.

It is apart from the rounds, because the parts of the rounds ask it too. If they knew the rounds, an
ended answer would be a cycle, and stay in memory until the garbage collector finds it.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from core.messages import Spent
from core.models.request import ChatRequest
from core.store.journal import StepRecord
from core.turn.context import TurnContext
from core.turn.cost import spent_by
from core.turn.foreign import Taint
from core.turn.generation import Generation
from core.turn.journal import happened, made
from core.turn.spending import Estimate, together
from core.turn.tools.image import paid_for


class SoFar:
    """The answer that *generation* holds. *taint*: what the prompt holds of others.

    Attributes:
        request: the last one that was begun.
    """

    def __init__(self, context: TurnContext, generation: Generation, taint: Taint) -> None:
        self.request = ChatRequest(messages=())
        self._context = context
        self._generation = generation
        self._journal = context.journal
        self._taint = taint

    def steps(self) -> Sequence[StepRecord]:
        """The steps that were called."""
        return self._journal.steps

    @property
    def taint(self) -> Taint:
        """What was read of others for this answer."""
        generation, rounds = self._generation, self._journal.rounds
        # Who cites pages has read them.
        searched = generation.searched or generation.sources or any(o.searched for o in rounds)
        brought = any(one.foreign and happened(one) for one in self._journal.steps)
        return Taint.TEXT if brought or searched else self._taint

    def spent(self, request: ChatRequest) -> tuple[str, Spent]:
        """The model that writes the answer to *request*, and what the answer has cost so far."""
        model, spent = spent_by(self._context, request, self._generation)
        return model, replace(spent, tool_calls=sum(map(made, self._journal.steps)))

    def bill(self, request: ChatRequest) -> Estimate:
        """What the answer to *request* has cost, by model, with its pictures."""
        return self._bill(request, self._journal.steps)

    def sure_bill(self) -> Estimate:
        """The bill of the last request, but for a running call."""
        return self._bill(self.request, [step for step in self._journal.steps if step.ended])

    def _bill(self, request: ChatRequest, steps: Sequence[StepRecord]) -> Estimate:
        return together([dict([self.spent(request)]), paid_for(self._context, steps)])
