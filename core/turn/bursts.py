"""Bursts: several messages that belong together are answered by one turn.

The pieces of an album, or of a long paste that the client cut, share a key. A person who passes a
message on may write a remark on it; the platform delivers the remark first, and the message a
moment later. The remark is answered at once. When the message comes, the turn begins anew on the
same posts.
"""

import dataclasses
import time
from collections.abc import Sequence

from msgspec.structs import replace

from core.messages import CUT, FORWARD, Incoming
from core.store.turns import Checkpoint, Turn
from core.turn.context import TurnContext

REMARK_S = 1.0
"""A message that is passed on comes at most this long after its remark."""
REMARK_CHARS = 300
"""A longer text is no remark on a message to come."""
OLD_S = 2 * REMARK_S
"""If the remark is older, the passed-on message is there already when the turn begins. (Clocks of
platforms may count whole seconds.)"""
BURST_S = 3.0
"""Pieces that are further apart belong to different messages."""
QUIET_S = 0.7
"""A message in pieces is complete when no piece has come for this long."""


def looks(context: TurnContext) -> Sequence[float]:
    """After which waits to look for messages passed on after the question of *context*.

    A possible remark is answered at once, as everything is. In private the turn does not commit
    before the last look. In a group it may commit, because others may ask about the answer at once.
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
    """*context* for its mail and *passed_on*. Its posts are kept, its text is not."""
    began = Checkpoint(context.first.event_id, pages=tuple(context.posts))
    context.checkpoints.save(began, now=True)
    return dataclasses.replace(
        context,
        mail=(*context.mail, *passed_on),
        turn=replace(context.turn, checkpoint=began),
    )


def answering(turn: Turn, mail: Sequence[Incoming]) -> Turn:
    """*turn*, without the text of an interrupted try if that try did not know all of *mail*."""
    saved = turn.checkpoint
    if saved is None or saved.event_id != mail[0].event_id or saved.pieces in (0, len(mail)):
        return turn
    return replace(turn, checkpoint=replace(saved, text="", done=False, at=0, pieces=0))


def first_burst(mail: Sequence[Incoming]) -> Sequence[Incoming]:
    """The mail that one turn serves: the first, and the next ones that belong to it."""
    first = mail[0]
    if first.command:
        return mail[:1]
    end = 1
    while end < len(mail) and _belongs(mail[end - 1], mail[end]):
        end += 1
    return mail[:end]


def _belongs(before: Incoming, after: Incoming) -> bool:
    # The last piece of a cut paste is not full, so it has no key of its own. A remark has none
    # either.
    remark = after.burst == FORWARD and not before.burst
    same = remark or (bool(before.burst) and before.burst in (after.burst, CUT))
    near = after.sent_at - before.sent_at <= (REMARK_S if remark else BURST_S)
    return same and near and after.sender == before.sender and not after.command
