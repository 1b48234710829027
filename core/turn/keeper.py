"""The keeper of a running turn: renews its lease, saves how far it has come.

One task beside the turn. It also brings the two messages that a turn gets from
outside: stop (keep what is there) and that it is no more the one that counts (touch nothing).
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import TracebackType

from core.errors import LeaseLost, StoreError
from core.store.claim import LEASE_S, RENEW_S, Claim
from core.store.patience import until_answered
from core.store.turns import Checkpoint
from core.tasks import end
from core.telemetry import logger

log = logger(__name__)

LAST_WORDS_S = 2.0
ORPHANS_S = 60.0
"""How long a store that is away is waited for to learn which posts nobody knows."""
POST_PATIENCE_S = 10.0
"""How long a new post waits for a store that could keep its handle."""


class Keeper:
    """Use as a context manager around the turn.

    When the lease is lost, the task inside is cancelled and `lost` is true.
    *posts* are those that the store knows of already.
    """

    def __init__(self, claim: Claim, event_id: str, posts: Iterable[str]) -> None:
        self._claim = claim
        self._event_id = event_id
        self._checkpoint: Checkpoint | None = None
        self._reached: Callable[[], Checkpoint] | None = None
        self._saved: Checkpoint | None = None
        self._wake = asyncio.Event()
        self._scope: asyncio.Timeout | None = None
        self._turn: asyncio.Task[object] | None = None
        self._task: asyncio.Task[None] | None = None
        self._tried = time.monotonic()
        self._renewed = 0.0
        self._looked = asyncio.Event()
        self._kept = set(posts)
        self._resting = False
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
                    await self._renew(self._checkpoint)
        if self.lost and kind is asyncio.CancelledError:
            raise LeaseLost(self._claim.conversation) from error

    def save(self, checkpoint: Checkpoint, *, now: bool = False) -> None:
        """Save *checkpoint* with the next renewal; *now* asks for one at once."""
        self._checkpoint, self._reached = checkpoint, None
        if now:
            self._wake.set()

    def save_later(self, reached: Callable[[], Checkpoint]) -> None:
        """Save what *reached* gives then with the next renewal: nothing is copied before."""
        self._reached = reached

    def _newest(self) -> Checkpoint | None:
        if self._reached is not None:
            self._checkpoint, self._reached = self._reached(), None
        return self._checkpoint

    @property
    def reached(self) -> Checkpoint | None:
        """What was to be saved last."""
        return self._newest()

    @property
    def resting(self) -> bool:
        """Whether the turn is committing."""
        return self._resting

    def poke(self) -> None:
        """Look at once whether the turn is to stop."""
        self._wake.set()

    async def rest(self) -> None:
        """Renew no more: the commit is the last word, and must not be overtaken."""
        self._resting = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def orphans(self) -> Sequence[str]:
        """The posts that the store never heard of: nobody who takes over knows them."""
        unsure = self._not_kept(self._newest())
        if unsure:
            with suppress(TimeoutError):
                async with asyncio.timeout(ORPHANS_S):
                    return await until_answered(lambda: self._claim.unknown(unsure), "orphans")
        return ()

    def _not_kept(self, checkpoint: Checkpoint | None) -> Sequence[str]:
        posts = checkpoint.posts if checkpoint is not None else ()
        return [post for post in posts if post not in self._kept]

    async def may_show(self, new_post: bool) -> None:
        """Wait until something may be shown; to be called just before.

        Who was frozen while another worker took over is cancelled here. A store
        that is away is no reason to be silent, but a *new* post waits for it a
        while: if we died, whoever takes over would not know the post, and make another.
        """
        while time.monotonic() - self._tried > LEASE_S / 2:
            await self._look()
        asked = time.monotonic()
        while new_post and self._renewed < asked:
            await self._look()
            if self._renewed >= asked or time.monotonic() - asked > POST_PATIENCE_S:
                return
            await asyncio.sleep(0.1)

    async def _look(self) -> None:
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
        warned = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_S):
                    await self._wake.wait()
            self._wake.clear()
            if self._resting:
                return
            checkpoint = newest if (newest := self._newest()) is not self._saved else None
            began = time.monotonic()
            try:
                stop = await self._renew(checkpoint)
            except LeaseLost:
                self._lose()
                return
            except StoreError as error:
                self._have_looked()
                if began - max(self._renewed, warned) > LEASE_S:
                    warned = began
                    log.warning(
                        "lease not renewed",
                        conversation=self._claim.conversation,
                        reason=str(error),
                    )
                continue
            self._renewed = began
            self._have_looked()
            self._saved = checkpoint or self._saved
            if stop in (self._event_id, "*"):
                self.stop()

    async def _renew(self, checkpoint: Checkpoint | None) -> str:
        stop = await self._claim.renew(checkpoint, self._not_kept(checkpoint))
        if checkpoint is not None:
            self._kept.update(checkpoint.posts)
        return stop

    def _have_looked(self) -> None:
        self._tried = time.monotonic()
        self._looked.set()

    def _lose(self) -> None:
        self.lost = True
        if self._turn is not None:
            self._turn.cancel()
