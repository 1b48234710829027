"""The lease renewer: a task beside a running turn that keeps the turn's lease.

Each renewal saves the newest checkpoint, and brings back the two messages that a turn gets from
outside: stop (keep what is there), and that another worker has the lane now (touch nothing). How
long a lease lasts, and how often it is renewed: `LEASE_S` and `RENEW_S` of `core.store.claim`.
"""

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from core.errors import LeaseLost, StoreError
from core.retry import retry_until_available
from core.store.claim import LEASE_S, RENEW_S, Claim
from core.store.turns import Checkpoint
from core.tasks import Flag, end
from core.telemetry import logger
from core.turn.checkpointer import Checkpointer
from core.turn.stop import StopSignal

log = logger(__name__)

LAST_SAVE_S = 2.0
"""How long a turn that ends without a commit may take to save its checkpoint."""
ORPHANS_S = 60.0
"""How long to wait for an absent store to learn which posts it does not know."""
NEW_POST_WAIT_S = 10.0
"""How long a new post waits for an absent store, which should keep its handle."""
THERE_S = 1.0
"""A store that renewed or began the turn so lately is taken to be there."""
ALL_TURNS = "*"
"""This stop means any turn in the lane."""


class LeaseRenewer:
    """Use as a context manager around the turn of *event_id*.

    When the lease is lost, the task inside is cancelled, and the block ends with `LeaseLost`.
    """

    def __init__(
        self, claim: Claim, event_id: str, checkpoints: Checkpointer, stop: StopSignal
    ) -> None:
        self._claim = claim
        self._event_id = event_id
        self._checkpoints = checkpoints
        self._stop = stop
        self._grown = Flag()
        self._turn: asyncio.Task[object] | None = None
        self._task: asyncio.Task[None] | None = None
        self._looked = Flag()
        self._looked_at = time.monotonic()
        self._renewed_at = self._looked_at  # The turn was loaded just now.
        self._lost = False
        self.ending = False
        """Whether the answer, whole or not, stands there as it will be kept."""
        self.resting = False
        """Whether the turn is committing."""

    async def __aenter__(self) -> "LeaseRenewer":
        self._turn = asyncio.current_task()
        self._task = asyncio.create_task(self._keep(), name=f"lease of {self._claim.conversation}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            await end([self._task])
        if kind is not None and not self._lost and (unsaved := self._checkpoints.unsaved):
            # The next worker should know the posts that already stand.
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(LAST_SAVE_S):
                    await self._renew(unsaved)
        if self._lost and kind is asyncio.CancelledError:
            raise LeaseLost(self._claim.conversation) from error

    def poke(self) -> None:
        """Renew at once, to see whether the turn must stop."""
        self._checkpoints.urgent.set()

    @contextmanager
    def woken_by(self, task: asyncio.Task[Any]) -> Iterator[None]:
        """In this block `grows` returns also when *task* ends."""

        def wake(_: object) -> None:
            self._grown.set()

        task.add_done_callback(wake)
        try:
            yield
        finally:
            task.remove_done_callback(wake)

    async def grows(self, within_s: float | None) -> bool:
        """Wait until the lane gets more mail than when it was last looked at, or for *within_s*."""
        await self._grown.wait(math.inf if within_s is None else within_s)
        grown = self._grown.is_set()
        self._grown.clear()
        return grown

    async def rest(self) -> None:
        """Renew no more: no renewal may come after the commit."""
        self.resting = True
        self.poke()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def orphans(self) -> Sequence[str]:
        """The posts that the store does not know: a worker that takes over would not know them."""
        unsure = self._checkpoints.unknown_posts(self._checkpoints.newest)
        if unsure:
            with suppress(TimeoutError):
                async with asyncio.timeout(ORPHANS_S):
                    return await retry_until_available(
                        lambda: self._claim.ledger.unknown(unsure), "orphans"
                    )
        return ()

    async def may_show(self, new_post: bool) -> None:
        """Wait until something may be shown. Call it just before each showing.

        A process that was frozen while another one took over is cancelled here. An absent store
        does not stop a running answer. But a new post (*new_post*) waits for the store a while: if
        we died, the next worker would not know the post, and would make another.
        """
        while time.monotonic() - self._looked_at > LEASE_S / 2:
            await self._look()
        began = time.monotonic()
        while new_post and self._renewed_at < began - THERE_S:
            await self._look()
            if self._renewed_at >= began or time.monotonic() - began > NEW_POST_WAIT_S:
                return
            await asyncio.sleep(0.1)

    async def _look(self) -> None:
        self._looked.clear()
        self.poke()
        await self._looked.wait()

    async def _keep(self) -> None:
        warned_at = time.monotonic()
        while True:
            await self._checkpoints.urgent.wait(RENEW_S)
            self._checkpoints.urgent.clear()
            if self.resting:
                return
            began = time.monotonic()
            try:
                stop = await self._renew(self._checkpoints.unsaved)
            except LeaseLost:
                self._lose()
                return
            except StoreError as error:
                self._have_looked()
                if began - max(self._renewed_at, warned_at) > LEASE_S:
                    warned_at = began
                    log.warning(
                        "lease not renewed",
                        conversation=self._claim.conversation,
                        reason=str(error),
                    )
                continue
            self._renewed_at = began
            self._have_looked()
            if stop in (self._event_id, ALL_TURNS):
                self._stop.give()

    async def _renew(self, checkpoint: Checkpoint | None) -> str:
        """Renew, save *checkpoint* with it, and return which turn must stop."""
        unknown = self._checkpoints.unknown_posts(checkpoint)
        before = self._claim.more
        stop = await self._claim.renew(checkpoint, unknown)
        if self._claim.more > before:
            self._grown.set()
        if checkpoint is not None:
            self._checkpoints.note_saved(checkpoint)
        return stop

    def _have_looked(self) -> None:
        self._looked_at = time.monotonic()
        self._looked.set()

    def _lose(self) -> None:
        self._lost = True
        if self._turn is not None:
            self._turn.cancel()
