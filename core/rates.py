"""Rates: how many questions one person may ask in a minute, on all replicas together."""

from functools import partial

from core.budget import Budget
from core.messages import Incoming
from core.people.roles import tenant_of
from core.platform import Bucket
from core.retry import retry_until_available
from core.store.limits import Notices

MINUTE_S = 60
BURST_S = 10
"""Pieces of one message come within this time, and what a platform delivers again at once."""
_COSTLY = frozenset(
    (
        *("", "image", "compare", "retry", "continue", "again", "another", "larger"),
        *("catchup", "ask"),
    )
)
"""Commands that ask a model, and a plain question. The others are free, Stop above all."""


class Rates:
    """Counts the questions of each person. *per_minute*: 0 for any number."""

    def __init__(self, budget: Budget, notices: Notices, per_minute: int) -> None:
        self._budget = budget
        self._notices = notices
        self._per_minute = per_minute

    async def allow(self, incoming: Incoming) -> bool:
        """Whether the sender of *incoming* may ask it now. Waits for an absent store."""
        free = incoming.command not in _COSTLY or incoming.deleted or incoming.moved_to
        if not self._per_minute or free:
            return True
        # What is delivered again, and each further piece of a message, was counted already.
        piece = incoming.burst or incoming.event_id
        name = f"asks:{incoming.conversation}:{incoming.sender.id}:{piece}"
        if not await retry_until_available(
            partial(self._notices.first_time, name, BURST_S), "first piece"
        ):
            return True
        tenant = tenant_of(incoming.sender.id)
        bucket = Bucket(
            f"asks:{incoming.sender.id}", self._per_minute, MINUTE_S, reserve=0, of=tenant
        )
        return not (await self._budget.take([bucket], "final")).wait_s
