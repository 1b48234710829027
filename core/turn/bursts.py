"""Bursts: several messages that belong together are answered by one turn.

The pieces of an album, or of a long paste that the client cut, share a key. A person who passes a
message on may write a remark on it; the platform delivers the remark first, and the message a
moment later.

People also write one thought in several messages: "hey", "quick question", then the question; or
forwards and pictures first. While nothing is asked yet, the turn waits, for a moment after each
message. A question is answered at once. What its sender adds to it or corrects in it while it is
answered makes the turn begin anew on the same posts. Another question is answered after it.
What belongs together is decided from the messages alone, so a worker that takes over decides alike.
"""

import dataclasses
import time
from collections.abc import Sequence

from msgspec.structs import replace

from core.languages.cues import asks_nothing, corrects, ends_open, goes_on, is_fragment
from core.messages import CUT, FORWARD, Exchange, Incoming, Spent
from core.models.tokens import estimate_tokens
from core.store.turns import Checkpoint, Turn
from core.turn.context import TurnContext

REMARK_S = 1.0
"""A message that is passed on comes at most this long after its remark."""
REMARK_CHARS = 300
"""A longer text is no remark on a message to come."""
OLD_S = 2.0
"""How much older than a wait a message may be that the wait is for. (Clocks of platforms may count
whole seconds.)"""
OTHER_CLOCK_S = 3600.0
"""If a message seems to be older, the platform's clock is another one."""
BURST_S = 3.0
"""Pieces that are further apart belong to different messages."""
QUIET_S = 0.7
"""A message in pieces is complete when no piece has come for this long."""
THINKS_S = 1.2
"""So long after a message that asks nothing yet, its sender is no longer waited for."""
MOST_WAIT_S = 10.0
ADDS_S = 5.0
"""What is added to a question comes at most this long after it,"""
OPENED_S = 20.0
"""a question at most this long after words that only begin a talk,"""
CORRECTS_S = 120.0
"""and a correction at most this long after what it corrects."""
MOST_MESSAGES, MOST_CHARS = 20, 12_000
"""A thought has no more."""


def quiet_s(mail: Sequence[Incoming], *, thoughts: bool) -> float:
    """For how long more of the burst *mail* is waited for, from its last message on; 0: no more.

    *thoughts*: several messages may be one thought here.
    """
    last = mail[-1]
    if last.command or last.edited or last.deleted:
        return 0.0
    opens = thoughts and (ends_open(last.text) or _asks_nothing(mail))
    wait_s = THINKS_S if opens else QUIET_S if last.burst else 0.0
    # If the worker was late, all of it is there already.
    late = wait_s + OLD_S < time.time() - last.sent_at < OTHER_CLOCK_S
    return 0.0 if late else wait_s


def may_be_remark(context: TurnContext) -> bool:
    """Whether something may be passed on right behind the question of *context*."""
    first = context.first
    if first.command or first.burst or first.edited or not context.platform.limits.passes_on:
        return False
    short = len(first.text) <= REMARK_CHARS and not (first.quote or first.attachments)
    return first.private and short and time.time() - first.sent_at <= OLD_S


def answered_remark(context: TurnContext) -> Exchange | None:
    """The exchange whose question turns out to be a remark on what *context* passes on.

    In a group a question is committed at once, because others may ask about its answer. So what is
    passed on right behind it may come when it is answered already. In private it may come late.
    """
    first, past = context.first, context.past
    if first.burst != FORWARD or past is None:
        return None
    # Nobody reads an answer and passes something on within a second.
    near = past.at > first.sent_at - REMARK_S
    return past if near and len(past.question) <= REMARK_CHARS and not past.refused else None


def joined(context: TurnContext, more: Sequence[Incoming]) -> TurnContext:
    """*context* for its mail and *more*. Its posts are kept, its text is not."""
    mail = (*context.mail, *more)
    began = Checkpoint(
        context.first.event_id,
        pages=tuple(context.posts),
        pieces=len(mail),
        spent=_spent(context),
    )
    context.checkpoints.save(began, now=True)
    return dataclasses.replace(context, mail=mail, turn=replace(context.turn, checkpoint=began))


def _spent(context: TurnContext) -> Spent:
    """What the tries so far cost, with the one that is given up now."""
    reached = context.checkpoints.newest
    if reached is None:
        return context.checkpoint.spent
    written = estimate_tokens(reached.text[reached.begun :]) if reached.asked else 0
    return reached.spent + Spent(prompt_tokens=reached.asked, completion_tokens=written)


def answering(turn: Turn, mail: Sequence[Incoming]) -> Turn:
    """*turn*, without the text of an interrupted try if that try did not know all of *mail*."""
    saved = turn.checkpoint
    if saved is None or saved.event_id != mail[0].event_id or saved.pieces in (0, len(mail)):
        return turn
    return replace(turn, checkpoint=replace(saved, text="", done=False, at=0, pieces=0))


def first_burst(mail: Sequence[Incoming], *, thoughts: bool) -> Sequence[Incoming]:
    """The mail that one turn serves: the first, and the next ones that belong to it."""
    end = 1
    while end < len(mail) and belongs(mail[:end], mail[end], thoughts=thoughts):
        end += 1
    return mail[:end]


def belongs(burst: Sequence[Incoming], after: Incoming, *, thoughts: bool) -> bool:
    """Whether *after* belongs to the *burst* before it."""
    before = burst[-1]
    if burst[0].command or after.command or after.sender.id != before.sender.id:
        return False
    if before.elsewhere != after.elsewhere:
        return False  # They stand on different branches.
    return _is_piece(before, after) or (thoughts and _is_one_thought(burst, after))


def _is_piece(before: Incoming, after: Incoming) -> bool:
    # The last piece of a cut paste is not full, so it has no key of its own. A remark has none
    # either.
    remark = after.burst == FORWARD and not before.burst
    same = remark or (bool(before.burst) and before.burst in (after.burst, CUT))
    return same and after.sent_at - before.sent_at <= (REMARK_S if remark else BURST_S)


def _is_one_thought(burst: Sequence[Incoming], after: Incoming) -> bool:
    before = burst[-1]
    own = not any(one.edited or one.deleted or one.moved_to for one in (burst[0], before, after))
    chars = sum(len(one.text) for one in burst) + len(after.text)
    if not own or len(burst) >= MOST_MESSAGES or chars > MOST_CHARS:
        return False
    if (before.address == "overheard") != (after.address == "overheard"):
        return False  # What was said to us, and what was said to nobody (`core.turn.useful`).
    if not (before.sent_at and after.sent_at):
        return False  # Nobody knows how far apart they are.
    apart_s = after.sent_at - before.sent_at
    if corrects(after.text):
        return apart_s <= CORRECTS_S
    if after.quote is not None and not after.quote.forwarded:
        return False  # It is about something else that was said.
    if ends_open(before.text) or _asks_nothing(burst):
        return apart_s <= OPENED_S
    # Two requests of few words each are two requests, and a greeting begins another talk.
    completes = is_fragment(before.text) != is_fragment(after.text)
    adds = goes_on(after.text) or (completes and not asks_nothing(after.text))
    return adds and apart_s <= ADDS_S


def _asks_nothing(mail: Sequence[Incoming]) -> bool:
    """Whether *mail* only begins a talk, or only shows something, and asks nothing yet."""
    return all(asks_nothing(_own_words(one)) and not _is_spoken(one) for one in mail)


def _own_words(incoming: Incoming) -> str:
    """The text of *incoming* without what it passes on or shows."""
    lines = incoming.text.splitlines()
    return "\n".join(one for one in lines if not one.startswith((">", "[")))


def _is_spoken(incoming: Incoming) -> bool:
    return any(one.kind == "audio" for one in incoming.attachments)
