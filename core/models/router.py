"""Several models in order. If one fails before its first word, the next is asked.

A model that failed is not asked for a while. If that is true of all, they are tried all the same.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from msgspec.structs import replace

from core.budget import Budget
from core.errors import Interrupted, ModelError, Overloaded, Refused
from core.models.chunks import AnsweredBy, Delta, SpentBefore, Usage
from core.models.request import ChatRequest, Model, Traits
from core.platform import Bucket
from core.telemetry import Counted, logger

log = logger(__name__)

FAILURES = 3
REST_S = 30.0
"""A model rests for so long after so many failures in a row."""
LONGEST_REST_S = 600.0
"""The longest rest, even if a provider asks for more."""
_ANOTHER_MAY = frozenset(("key", "balance", "model"))
"""Refusals that are about this model or this key, not about the question."""


@dataclass(eq=False)
class Route:
    """One model with one key. A model with several keys has several routes.

    Args:
        name: the name by which people choose the model.
        price: dollars for a million tokens: read, cached, written.
        at_once: how many calls may run at once; 0 for any number.
        rate: how many calls the provider allows to all processes together.
    """

    name: str
    model: Model
    price: tuple[float, ...] = ()
    at_once: int = 0
    rate: Bucket | None = None
    failures: int = 0
    rests_until: float = 0.0
    running: int = 0
    slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.at_once or 10**6)

    @property
    def rests(self) -> bool:
        return time.monotonic() < self.rests_until

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Counts a call as running while it waits or is under way."""
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    def failed(self, error: ModelError) -> None:
        self.failures += 1
        asked_s = error.retry_after_s if isinstance(error, Overloaded) else 0.0
        if self.failures >= FAILURES or asked_s or isinstance(error, Refused):
            self.rests_until = time.monotonic() + min(asked_s or REST_S, LONGEST_REST_S)
        log.warning("model failed", model=self.name, failures=self.failures, reason=str(error))

    def worked(self) -> None:
        self.failures, self.rests_until = 0, 0.0


class _Full(Overloaded):
    """The route has no call to give now. Its model is not at fault."""


class Router:
    """Makes one model of *routes*. It raises the error of the route that was asked last."""

    def __init__(
        self, routes: Sequence[Route], budget: Budget, failovers: Counted | None = None
    ) -> None:
        self._routes = routes
        self._budget = budget
        self._failovers = failovers

    @property
    def model(self) -> str:
        return self._routes[0].name

    @property
    def names(self) -> Sequence[str]:
        return list(dict.fromkeys(route.name for route in self._routes))

    @property
    def continues(self) -> bool:
        return any(route.model.continues for route in self._routes)

    def price_of(self, name: str) -> tuple[float, ...]:
        chosen = next((route for route in self._routes if route.name == name), self._routes[0])
        return chosen.price or chosen.model.price_of("")

    def ways(self, name: str) -> str:
        chosen = next((route for route in self._routes if route.name == name), None)
        return chosen.model.ways("") if chosen else self._routes[0].model.ways(name)

    def traits(self, name: str) -> Traits:
        chosen = next((route for route in self._routes if route.name == name), None)
        return chosen.model.traits("") if chosen else self._routes[0].model.traits(name)

    def resting(self) -> dict[str, float]:
        """For how many seconds each model rests that does, with all its keys."""
        now, left = time.monotonic(), dict[str, float]()
        for route in self._routes:
            left[route.name] = min(left.get(route.name, 1e9), max(0.0, route.rests_until - now))
        return {name: seconds for name, seconds in left.items() if seconds}

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """As `ChatClient.stream`. The first delta names the model that answers."""
        async with AsyncExitStack() as stack:
            routes = self._in_order(request)
            if not routes:
                raise Refused("no model can go on with an answer", "request")
            spent = Usage()
            for route in routes:
                call = AsyncExitStack()
                try:
                    call.enter_context(route.asking())
                    await call.enter_async_context(route.slots)
                    await self._allowed(route, last=route is routes[-1])
                    deltas = await call.enter_async_context(
                        route.model.stream(self._asked(route, request))
                    )
                except BaseException as error:
                    await call.aclose()
                    if isinstance(error, ModelError):
                        spent += Usage.of(error)
                        spent.told_by(error)
                    if not isinstance(error, ModelError) or not _another_may(error):
                        raise
                    if not isinstance(error, _Full):
                        await self._learn(route, error)
                    if route is routes[-1]:
                        raise
                    if self._failovers is not None:
                        self._failovers.labels(route.name).inc()
                else:
                    stack.push_async_exit(call)
                    yield self._watched(route, deltas, spent)
                    return

    async def _allowed(self, route: Route, *, last: bool) -> None:
        """Wait until the rate of *route* allows a call. Do not wait if another can be asked."""
        while route.rate is not None:
            grant = await self._budget.take([route.rate], "final")
            if not grant.wait_s:
                return
            if not last:
                raise _Full(f"{route.name} has had its calls for now")
            await asyncio.sleep(grant.wait_s)

    async def _learn(self, route: Route, error: ModelError) -> None:
        route.failed(error)
        if route.rate is not None and isinstance(error, Overloaded) and error.retry_after_s:
            # Through the budget the other processes learn it too.
            await self._budget.hold(route.rate, error.retry_after_s)

    def _in_order(self, request: ChatRequest) -> Sequence[Route]:
        """The order of asking: the chosen model first, resting ones last, keys by their load."""
        names = self.names
        routes = sorted(
            self._routes, key=lambda one: (names.index(one.name), one.rests, one.running)
        )
        chosen = [route for route in routes if route.name == request.model]
        others = [route for route in routes if route not in chosen]
        if request.alone and chosen:
            return chosen
        if request.begun:
            # Only a model that can continue it. Without one, the caller starts the answer again.
            able = [route for route in (*chosen, *others) if route.model.continues]
            return able[:1]
        return [*chosen, *sorted(others, key=lambda route: route.rests)]

    def _asked(self, route: Route, request: ChatRequest) -> ChatRequest:
        known = any(one.name == request.model for one in self._routes)
        return replace(request, model="") if known else request

    @staticmethod
    async def _watched(
        route: Route, deltas: AsyncIterator[Delta], spent: Usage
    ) -> AsyncIterator[Delta]:
        """*deltas*. What failed models *spent* before is added to the usage."""
        yield AnsweredBy(route.name, route.price or route.model.price_of(""))
        if spent != Usage():
            yield SpentBefore(spent)
        try:
            async for delta in deltas:
                yield delta
        except Interrupted as error:
            route.failed(error)
            raise
        route.worked()


def _another_may(error: ModelError) -> bool:
    if isinstance(error, Refused):
        return error.reason in _ANOTHER_MAY
    return isinstance(error, Overloaded)
