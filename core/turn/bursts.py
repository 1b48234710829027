"""Bursts: what belongs together is one turn, although it comes as several messages.

Pieces of an album or of a cut paste share a key. What somebody passes on comes as a message of
its own, a moment behind the remark on it: the remark is answered at once, and the turn begins
anew, on the same posts, when the rest is there.
"""

import dataclasses
import time
from collections.abc import Sequence

from msgspec.structs import replace

from core.messages import CUT, FORWARD, Incoming
from core.store.turns import Checkpoint, Turn
from core.turn.context import TurnContext

REMARK_S = 1.0
"""A remark and what is passed on behind it come in the same moment."""
REMARK_CHARS = 300
"""A remark on what is to come is no longer than this."""
OLD_S = 2 * REMARK_S
"""What was passed on behind an older remark is there when its turn begins (clocks of platforms may
count whole seconds)."""
BURST_S = 3.0
"""Pieces further apart than this are messages of their own."""
QUIET_S = 0.7
"""A message in pieces is complete when no further piece came for so long."""


def looks(context: TurnContext) -> Sequence[float]:
    """After which waits to look for what is passed on behind the question of *context*.

    What may be a remark on something to come is answered at once, as all else is, but in private
    it is not committed before the last look. In a group others may ask at once about the answer.
    """
    first = context.first
    if first.command or first.burst or first.edited or not context.platform.limits.passes_on:
        context.whole.set()
        return ()
    short = len(first.text) <= REMARK_CHARS and not (first.quote or first.attachments)
    if not (first.private and short) or time.time() - first.sent_at > OLD_S:
        context.whole.set()
    return (QUIET_S, REMARK_S - QUIET_S)


def joined(context: TurnContext, passed_on: Sequence[Incoming]) -> TurnContext:
    """*context* for its mail and *passed_on*, with the posts that it made, without its words."""
    began = Checkpoint(context.first.event_id, pages=tuple(context.posts))
    context.checkpoints.save(began, now=True)
    return dataclasses.replace(
        context,
        mail=(*context.mail, *passed_on),
        turn=replace(context.turn, checkpoint=began),
    )


def answering(turn: Turn, mail: Sequence[Incoming]) -> Turn:
    """*turn*, without the words of an interrupted try that did not know all of *mail*."""
    saved = turn.checkpoint
    if saved is None or saved.event_id != mail[0].event_id or saved.pieces in (0, len(mail)):
        return turn
    return replace(turn, checkpoint=replace(saved, text="", done=False, at=0, pieces=0))


def first_burst(mail: Sequence[Incoming]) -> Sequence[Incoming]:
    """What one turn serves: the first mail, and the pieces of the same message behind it."""
    first = mail[0]
    if first.command:
        return mail[:1]
    end = 1
    while end < len(mail) and _belongs(mail[end - 1], mail[end]):
        end += 1
    return mail[:end]


def _belongs(before: Incoming, after: Incoming) -> bool:
    # Only the pieces of a cut paste that are full say that they are one; a remark on what is
    # passed on behind it does not.
    remark = after.burst == FORWARD and not before.burst
    same = remark or (bool(before.burst) and before.burst in (after.burst, CUT))
    near = after.sent_at - before.sent_at <= (REMARK_S if remark else BURST_S)
    return same and near and after.sender == before.sender and not after.command
