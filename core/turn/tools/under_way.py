"""The answer under way, as its tools see it, and what they are told of its turn."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from core.people.roles import Role
from core.store.journal import StepRecord
from core.tools.tool import ToolContext
from core.turn.consent import Waiting
from core.turn.context import TurnContext
from core.turn.spending import Estimate


class UnderWay(NamedTuple):
    """What a tool may know of the answer.

    *steps*: those called so far. *bill*: what those that have ended, and the model, cost so far.
    """

    context: TurnContext
    steps: Callable[[], Sequence[StepRecord]]
    bill: Callable[[], Estimate]


def tool_context(context: TurnContext, waited: Waiting | None, *, tainted: bool) -> ToolContext:
    """What tools are told of the turn.

    Who allows the call of somebody else lends them no rights. What needs a role is the operator's,
    such as a server that is called with the operator's key: see `Rights.payer`.
    """
    person, role = context.first.sender.id, context.role
    if waited is not None:
        then = Role[waited.role.upper()]
        role = min(then, role) if waited.person == person else then
        person = waited.person
    return ToolContext(
        conversation=context.claim.conversation,
        person=person,
        role=context.services.rights.payer(person, role).name.lower(),
        private=context.first.private,
        now=context.choices.now,
        allowed=context.choices.place.tools,
        chosen=context.choices.tools,
        tainted=tainted,
    )
