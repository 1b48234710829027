"""The keeper of a running turn: renews its lease, saves how far it has come.

One task beside the turn. It also brings the two messages that a turn gets from
outside: stop (keep what is there) and the loss of the lease (touch nothing).
"""

import asyncio
import time
from contextlib import suppress
from types import TracebackType

from core.errors import LeaseLost, StoreError
from core.store.inbox import LEASE_S, RENEW_S, Checkpoint, Claim
from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

LAST_WORDS_S = 2.0


class Keeper:
    """Use as a context manager around the turn.

    When the lease is lost, the task inside is cancelled and `lost` is true.
    """

    def __init__(self, claim: Claim, event_id: str) -> None:
        self._claim = claim
        self._event_id = event_id
        self._checkpoint: Checkpoint | None = None
        self._saved: Checkpoint | None = None
        self._wake = asyncio.Event()
        self._scope: asyncio.Timeout | None = None
        self._turn: asyncio.Task[object] | None = None
        self._task: asyncio.Task[None] | None = None
        self._tried = time.monotonic()
        self._looked = asyncio.Event()
        self.lost = False
        self.stopped = False

    async def __aenter__(self) -> "Keeper":
        self._turn = asyncio.current_task()
        self._task = asyncio.create_task(self._keep(), name=f"keeper {self._claim.conversation}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            await end([self._task])
        if kind is not None and not self.lost and self._checkpoint is not self._saved:
            # Who goes on from here should know the posts that stand already.
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    await self._claim.renew(self._checkpoint)
        if self.lost and kind is asyncio.CancelledError:
            raise LeaseLost(self._claim.conversation) from error

    def save(self, checkpoint: Checkpoint, *, now: bool = False) -> None:
        """Save *checkpoint* with the next renewal; *now* asks for one at once."""
        self._checkpoint = checkpoint
        if now:
            self._wake.set()

    def poke(self) -> None:
        """Look at once whether the turn is to stop."""
        self._wake.set()

    async def still_ours(self) -> None:
        """Wait, after a pause of the whole process, until the lease was looked at again.

        To be called before anything is shown: who was frozen while another worker
        took over is cancelled here. A store that is away is no reason to be silent.
        """
        while time.monotonic() - self._tried > LEASE_S / 2:
            self._looked.clear()
            self._wake.set()
            await self._looked.wait()

    def stoppable(self) -> asyncio.Timeout:
        """A block that ends with `TimeoutError` when the person says stop; see `stopped`."""
        self._scope = asyncio.timeout(0 if self.stopped else None)
        return self._scope

    def stop(self) -> None:
        """End the stoppable block, now or as soon as it begins."""
        if self.stopped:
            return
        self.stopped = True
        if self._scope is not None:
            with suppress(RuntimeError):  # The block has ended already.
                self._scope.reschedule(asyncio.get_running_loop().time())

    async def _keep(self) -> None:
        renewed = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_S):
                    await self._wake.wait()
            self._wake.clear()
            checkpoint = self._checkpoint if self._checkpoint is not self._saved else None
            try:
                stop = await self._claim.renew(checkpoint)
            except LeaseLost:
                self._lose()
                return
            except StoreError as error:
                self._have_looked()
                if time.monotonic() - renewed > LEASE_S:
                    log.warning(
                        "lease not renewed",
                        conversation=self._claim.conversation,
                        reason=str(error),
                    )
                continue
            renewed = time.monotonic()
            self._have_looked()
            self._saved = checkpoint or self._saved
            if stop and stop == self._event_id:
                self.stop()

    def _have_looked(self) -> None:
        self._tried = time.monotonic()
        self._looked.set()

    def _lose(self) -> None:
        self.lost = True
        if self._turn is not None:
            self._turn.cancel()
