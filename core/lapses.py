"""Questions to people that nobody decided in time: they become mail, and their answers end.

All processes look, and may find the same one: the inbox keeps its mail once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from core.errors import StoreError
from core.messages import Incoming
from core.store.consents import Consents
from core.store.inbox import Kept
from core.store.values import read
from core.turn.consent import LAPSED, Waiting

PUT_S = 2.0
_waiting = msgspec.json.Decoder(Waiting)


class Lapses:
    """*put* keeps mail."""

    def __init__(self, consents: Consents, put: Callable[[Incoming], Awaitable[Kept]]) -> None:
        self._consents = consents
        self._put = put

    async def tell(self) -> None:
        """Put all questions whose time is over into their mailboxes. Raises `StoreError`."""
        await asyncio.gather(*map(self._tell, await self._consents.lapsed(time.time())))

    async def _tell(self, token: str) -> None:
        raw = await self._consents.kept(token)
        waiting = read(_waiting, raw, "store.consent")
        if waiting is not None and waiting.conversation and not await self._consents.decided(token):
            try:
                # The mailbox may be in a shard that is away, for which nobody else shall wait.
                async with asyncio.timeout(PUT_S):
                    kept = await self._put(_mail(token, waiting))
            except (StoreError, TimeoutError):
                return
            if kept.verdict == "full":
                return
        await self._consents.forget_lapse(token)


def _mail(token: str, waiting: Waiting) -> Incoming:
    return Incoming(
        event_id=f"{LAPSED}:{token}",
        conversation=waiting.conversation,
        sender=waiting.sender,
        text=token,
        command=LAPSED,
        private=waiting.private,
        reply_to=waiting.reply_to,
        sent_at=waiting.until,
    )
