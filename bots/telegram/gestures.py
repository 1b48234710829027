"""Gestures: several messages that a person sent as one, in a group.

Only one piece of an album or of a cut paste mentions us, and the others belong to it, whichever
comes first. So does what is forwarded after a remark. In a private chat everything is for us.
With a webhook each piece may come to another process, so all processes share what came lately.
"""

import logging

import msgspec
from msgspec.structs import replace

from core.border import set_aside
from core.errors import StoreError
from core.lent import Recent
from core.messages import CUT, FORWARD, Incoming

log = logging.getLogger(__name__)

TOGETHER_S = 3.0
"""Pieces further apart than this are separate messages. Telegram's times are whole seconds."""
REMARK_S = 1.0
"""A remark and what is forwarded after it come within this time."""

_incoming = msgspec.json.Decoder(Incoming)


class Gestures:
    """Knows who spoke to us in the last moments, and which pieces still belong to nothing."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    async def join(self, incoming: Incoming) -> list[Incoming]:
        """*incoming*, marked as for us or not; before it, earlier pieces that belong to it."""
        if incoming.private or incoming.command or incoming.moved_to:
            return [incoming]
        before = await self._before(incoming)
        if incoming.address == "direct":
            # A remark may have no burst of its own, and a paste ends with a short piece.
            # A redelivered update gives the pieces again. The inbox keeps each only once.
            pieces = [one for one in before if one.burst not in ("", FORWARD)]
            mine = [replace(one, address="direct") for one in pieces if _near(one, incoming)]
            return [*mine, incoming]
        if any(_continues(one, incoming) for one in before if one.address == "direct"):
            return [replace(incoming, address="direct")]
        return [incoming]

    async def _before(self, incoming: Incoming) -> list[Incoming]:
        """Earlier pieces of the same gesture. *incoming* is kept if later pieces may need it."""
        kept = b""
        if incoming.burst or incoming.address == "direct":
            kept = msgspec.json.encode(incoming)
        try:
            found = await self._recent.look(_key(incoming), kept)
        except StoreError as error:
            log.warning("gestures not known: %s", error)
            return []
        read: dict[str, Incoming] = {}
        for one in found:
            try:
                piece = _incoming.decode(one)
            except msgspec.DecodeError as error:
                set_aside("store.recent", error)
                continue
            # This may be an edit of a piece: take its newest wording, and not the piece twice.
            read[piece.message] = piece
        read.pop(incoming.message, None)
        return list(read.values())


def _key(incoming: Incoming) -> str:
    album = incoming.burst if incoming.burst.startswith("album:") else ""
    return f"{incoming.conversation}:{album or incoming.sender.id}"


def _near(before: Incoming, after: Incoming) -> bool:
    return abs(after.sent_at - before.sent_at) <= TOGETHER_S


def _continues(called: Incoming, piece: Incoming) -> bool:
    if piece.burst == FORWARD:
        return 0 <= piece.sent_at - called.sent_at <= REMARK_S
    return called.burst in (CUT, piece.burst) and bool(called.burst) and _near(called, piece)
