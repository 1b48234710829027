"""Gestures: several messages that a person sent as one, in a group.

The pieces of an album or of a cut paste, and what is forwarded behind a remark, name nobody: they
belong to the piece that mentions us, whichever comes first. In private all is for us anyway.
"""

from collections import OrderedDict

from msgspec.structs import replace

from core.messages import CUT, FORWARD, Incoming

TOGETHER_S = 3.0
"""Pieces further apart than this are messages of their own; clocks of Telegram count seconds."""
REMARK_S = 1.0
"""A remark and what is forwarded behind it come in the same moment."""
MOST = 500
MOST_PIECES = 20
Key = tuple[str, ...]


class Gestures:
    """Remembers for a moment who spoke to us, and which pieces nobody has claimed yet."""

    def __init__(self) -> None:
        self._called: OrderedDict[Key, Incoming] = OrderedDict()
        self._pieces: OrderedDict[Key, list[Incoming]] = OrderedDict()

    def join(self, incoming: Incoming) -> list[Incoming]:
        """*incoming*, whom it is for, and behind pieces that were for us after all."""
        if incoming.private or incoming.command or incoming.moved_to:
            return [incoming]
        key = _key(incoming)
        if incoming.address == "direct":
            _put(self._called, key, incoming)
            # A remark may have no burst of its own, and a paste ends with a short piece.
            # They stay: what is delivered again brings them again, and the inbox keeps each once.
            waiting = self._pieces.get(key, [])
            before = [replace(one, address="direct") for one in waiting if _near(one, incoming)]
            return [*before, incoming]
        called = self._called.get(key)
        if called is not None and _continues(called, incoming):
            incoming = replace(incoming, address="direct")
            if incoming.burst:
                _put(self._called, key, incoming)
            return [incoming]
        if incoming.burst and incoming.burst != FORWARD:
            pieces = self._pieces.setdefault(key, [])
            del pieces[: -MOST_PIECES + 1]
            pieces.append(incoming)
            while len(self._pieces) > MOST:
                self._pieces.popitem(last=False)
        return [incoming]


def _key(incoming: Incoming) -> Key:
    if incoming.burst.startswith("album:"):
        return incoming.conversation, incoming.burst
    return incoming.conversation, incoming.sender.id


def _near(before: Incoming, after: Incoming) -> bool:
    return after.sent_at - before.sent_at <= TOGETHER_S


def _continues(called: Incoming, piece: Incoming) -> bool:
    if piece.burst == FORWARD:
        return piece.sent_at - called.sent_at <= REMARK_S
    return called.burst in (CUT, piece.burst) and bool(called.burst) and _near(called, piece)


def _put(called: OrderedDict[Key, Incoming], key: Key, incoming: Incoming) -> None:
    called[key] = incoming
    called.move_to_end(key)
    while len(called) > MOST:
        called.popitem(last=False)
