"""What a turn spends: reserved before a model is called, paid in the commit.

The estimates are high: all that is sent, the longest answer, at the price of the dearest model that
may answer.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence

from core.errors import PalaverError
from core.messages import Incoming, Spent
from core.models.chunks import Usage
from core.models.context_window import RESERVE, tokens_of
from core.models.parameters import THINKING
from core.models.request import ChatRequest, Model
from core.people.budgets import Account, Limit, accounts_at, applying
from core.store.accounts import Refused
from core.store.claim import Claim
from core.tasks import Flag

NOTHING_MORE = -1
"""How much is spent for sure of what the turn needs no more of."""
Estimate = Mapping[str, Spent]
"""What may be spent, by model."""


class OverBudget(PalaverError):
    """A budget has too little left for what was to be done."""

    def __init__(self, refused: Refused) -> None:
        super().__init__("over budget")
        self.refused = refused

    @property
    def used_up(self) -> bool:
        """Whether all is spent. Else others have reserved the rest, and may give it back."""
        return self.refused.held <= 0 or self.refused.spent >= self.refused.most


class Unpriced(PalaverError):
    """Nobody knows what *model* costs, and it was to spend from a budget in dollars."""

    def __init__(self, model: str) -> None:
        super().__init__(f"the price of {model} is not known")
        self.model = model


class Spending:
    """What the turn of *first* spends. *limits*: all budgets, weakest first.

    Attributes:
        granted: set once the turn may spend. Extras that cost something wait for it.
    """

    def __init__(self, claim: Claim, first: Incoming, limits: Iterable[Limit]) -> None:
        self._claim = claim
        self._event_id = first.event_id
        self._person = first.sender
        self._limits = applying(limits, claim.conversation, first.sender.id)
        self._accounts: Sequence[Account] | None = None
        self._extras: dict[str, Spent] = {}
        self._paid = False
        self.granted = Flag()

    def accounts(self, now: datetime.datetime) -> Sequence[Account]:
        """The accounts of the turn, in the periods that ran when it first asked, *now*."""
        if self._accounts is None:
            where = self._claim.conversation
            self._accounts = accounts_at(self._limits, where, self._person.id, now)
        return self._accounts

    async def reserve(
        self, accounts: Sequence[Account], estimates: Sequence[Estimate], sure: Estimate
    ) -> None:
        """Reserve enough for any one of *estimates*, and for what is spent already.

        *sure*: the part of the estimates that is spent. An account that has no more is used up.

        Raises:
            OverBudget: some account has too little left. Nothing was reserved.
            StoreError, LeaseLost: as `Claim.reserve`.
        """
        amounts = [
            (one, much)
            for one in accounts
            if (much := max(one.limit.of_spent(each) for each in estimates))
        ]
        spent = [(one, much + one.limit.of_spent(self._extras)) for one, much in amounts]
        # Of what needs nothing more, nothing can be used up: a text after the last picture.
        done = [
            known if known < much else NOTHING_MORE
            for one, much in amounts
            for known in [one.limit.of_spent(sure)]
        ]
        refused = await self._claim.reserve(self._event_id, spent, done) if spent else None
        if refused is not None:
            raise OverBudget(refused)
        self.granted.set()

    async def spend(self, model: str, spent: Spent) -> None:
        """Count an extra of the turn: in its commit, or at once if that is past."""
        if not self._paid:
            self._extras[model] = self._extras.get(model, Spent()) + spent
        elif spent != Spent():
            await self._claim.ledger.book(self._person, {model: spent}, self._accounts or ())

    def bill(self, spent: Estimate) -> Estimate:
        """*spent*, and all extras so far. Later ones are booked by themselves."""
        self._paid = True
        models = dict.fromkeys((*spent, *self._extras))
        none = Spent()
        return {one: spent.get(one, none) + self._extras.get(one, none) for one in models}


def estimates_of(
    model: Model, request: ChatRequest, accounts: Sequence[Account]
) -> Sequence[Estimate]:
    """What *request* may cost, for each model that may answer it.

    Raises:
        Unpriced: it would spend from a budget in dollars, and nobody knows how much.
    """
    asked = request.model or model.model
    may_answer = [asked] if request.alone else dict.fromkeys((asked, *model.names))
    thought = request.options.get(THINKING)
    written = (request.max_tokens or RESERVE) + (thought if isinstance(thought, int) else 0)
    usage = Usage(tokens_of(request), written)
    found, in_usd = [], [one.limit for one in accounts if one.limit.unit == "usd"]
    for name in may_answer:
        price = model.price_of(name)
        if not price and any(limit.counts(name) for limit in in_usd):
            raise Unpriced(name)
        cost = usage.cost_usd(price)
        found.append({name: Spent(1, usage.prompt_tokens, 0, written, cost_usd=cost)})
    return found


def together(estimates: Iterable[Estimate]) -> Estimate:
    """All of *estimates*, for several models that answer side by side."""
    total: dict[str, Spent] = {}
    for one in estimates:
        for model, spent in one.items():
            total[model] = total.get(model, Spent()) + spent
    return total
