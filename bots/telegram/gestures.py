"""Gestures: several messages that a person sent as one, in a group.

The pieces of an album or of a cut paste, and what is forwarded behind a remark, name nobody: they
belong to the piece that mentions us, whichever comes first. In private all is for us anyway.
With a webhook each piece may come to another process: what they saw is shared.
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
"""Pieces further apart than this are messages of their own; clocks of Telegram count seconds."""
REMARK_S = 1.0
"""A remark and what is forwarded behind it come in the same moment."""

_incoming = msgspec.json.Decoder(Incoming)


class Gestures:
    """Knows who spoke to us in the last moments, and which pieces nobody has claimed."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    async def join(self, incoming: Incoming) -> list[Incoming]:
        """*incoming*, whom it is for, and before it pieces that were for us after all."""
        if incoming.private or incoming.command or incoming.moved_to:
            return [incoming]
        before = await self._before(incoming)
        if incoming.address == "direct":
            # A remark may have no burst of its own, and a paste ends with a short piece.
            # What is delivered again brings them again, and the inbox keeps each once.
            pieces = [one for one in before if one.burst not in ("", FORWARD)]
            mine = [replace(one, address="direct") for one in pieces if _near(one, incoming)]
            return [*mine, incoming]
        if any(_continues(one, incoming) for one in before if one.address == "direct"):
            return [replace(incoming, address="direct")]
        return [incoming]

    async def _before(self, incoming: Incoming) -> list[Incoming]:
        """What the same gesture may hold besides *incoming*, which is kept where it matters."""
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
            # Its newest wording, and not the message itself, of which this may be an edit.
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
