"""One turn, from the mail to the commit.

What the person sees is final before the commit, and the commit is what makes
it count: a turn that dies in between is done again, on the same posts.
"""

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from core.border import set_aside
from core.errors import Gone, LeaseLost, Rejected, StoreError
from core.messages import CUT, FORWARD, Attachment, ConversationId, Exchange, Incoming
from core.people.texts import language_of, say
from core.platform import Platform
from core.store.claim import FAILED, START, Claim
from core.store.turns import Checkpoint, Turn
from core.tasks import end
from core.telemetry import logger
from core.turn.answer import answer
from core.turn.checkpointer import Checkpointer
from core.turn.commands import home, run_command, usage
from core.turn.compare import COMMAND as COMPARISON
from core.turn.compare import compare
from core.turn.context import Context
from core.turn.digest import titled
from core.turn.lease import LeaseRenewer
from core.turn.picture import COMMAND, paint, paint_again
from core.turn.prompt import BYTES_PER_TOKEN, asked_text
from core.turn.stage import Report, Stage
from core.turn.stop import StopSignal

log = logger(__name__)

QUESTION_CHARS = 48_000
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
LAST_WORDS_S = 4.0
"""How long a turn that is cancelled has to say its last words."""
NEWS_S = 1.0
"""A chat that is lost may be one that moved: so long its platform's news of that is waited for."""
MOST_TRIES = 4 * FAILED + START
MOST_TRIES_WHOLE = 20 * START
"""A turn that ended in an error five times, or ended the process twice, is set aside at its next
start; later, when its answer is whole and only waits to be shown: then it was bad luck, and not
the question."""


class TurnRun:
    """The turn of one claim; `lease` is there to be poked while it runs, `ended` is its end."""

    def __init__(self, claim: Claim, platform: Platform, context: Context) -> None:
        self._claim = claim
        self._platform = platform
        self._context = context
        self.lease: LeaseRenewer | None = None
        self.ended = asyncio.Event()

    async def run(self) -> Report:
        """Serve what is first in the mailbox, anew where that changes meanwhile.

        Raises:
            LeaseLost: another worker has the lane now.
            StoreError: Redis is away; the turn will be done again.
            PlatformError: the platform is away, or our credentials are.
        """
        again = False
        while True:
            # Refused to who has lost the lane; else what was asked was edited, taken back, or
            # moved, and the turn that follows is ours.
            turn = await self._load(again=again)
            if turn is None:
                return Report("parked")
            with suppress(LeaseLost):
                return await self._take(turn)
            again = True

    async def _take(self, turn: Turn) -> Report:
        if not turn.mail:
            await self._claim.commit(0, None)
            return Report("nothing")
        turn = _findable(turn, self._claim.conversation, self._platform)
        mail = first_burst(turn.mail)
        first = mail[0]
        language = language_of(
            "" if first.command else first.text, turn.preferences.language, first.sender.language
        )
        posts = {turn.note, *(turn.checkpoint.posts if turn.checkpoint is not None else ())}
        checkpoints, stop = Checkpointer(posts), StopSignal()
        self.lease = lease = LeaseRenewer(self._claim, first.event_id, checkpoints, stop)
        if turn.stop == first.event_id:
            stop.give()
        stage = Stage(
            self._claim,
            self._platform,
            self._context,
            lease,
            checkpoints,
            stop,
            turn,
            mail,
            language,
        )
        try:
            async with lease:
                return await self._serve_whole(stage)
        except LeaseLost:
            # Whoever goes on cannot know these, and makes others.
            await stage.take_away(await lease.orphans())
            raise

    async def _serve_whole(self, stage: Stage) -> Report:
        """Serve *stage*; begun anew, on the same posts, where it was a remark on what follows."""
        serving = self._start(stage)
        try:
            for wait_s in _looks(stage):
                await asyncio.wait([serving], timeout=wait_s)
                if serving.done() or stage.lease.resting:
                    break
                passed_on = await self._passed_on(stage)
                if passed_on and not stage.lease.resting and not serving.done():
                    await end([serving], again_s=LAST_WORDS_S)
                    stage = _joined(stage, passed_on)
                    serving = self._start(stage)
            stage.whole.set()
            return await serving
        finally:
            await end([serving], again_s=LAST_WORDS_S)

    def _start(self, stage: Stage) -> asyncio.Task[Report]:
        return asyncio.create_task(self._serve(stage), name=f"serve {stage.claim.conversation}")

    async def _passed_on(self, stage: Stage) -> Sequence[Incoming]:
        """What was passed on behind the mail of *stage*, if that is a remark on it."""
        try:
            behind = await self._claim.behind(len(stage.mail))
        except StoreError:
            return ()
        return first_burst([*stage.mail, *behind])[len(stage.mail) :]

    async def _serve(self, stage: Stage) -> Report:
        try:
            return await serve(stage)
        except (Gone, Rejected) as error:
            if to := await self._became():
                await self._claim.move(to, said=False)
                return Report("moved")
            # Nobody can read an answer here; the question must not be asked for ever.
            log.warning("chat lost", conversation=self._claim.conversation, reason=str(error))
            await stage.commit()
            return Report("gone")

    async def _became(self) -> ConversationId:
        """What the conversation became, if it moved while it was spoken to; else empty."""
        if not self._claim.lane.person or self.lease is None:
            return ConversationId("")
        await self.lease.rest()
        await asyncio.sleep(NEWS_S)
        turn = await self._claim.load(0, again=True)
        return turn.moved_to if turn is not None else ConversationId("")

    async def _load(self, *, again: bool) -> Turn | None:
        """What is in the mailbox; of a message in pieces, all pieces. See `Claim.load`."""
        history_bytes = self._context.settings.history_tokens * BYTES_PER_TOKEN
        turn = await self._claim.load(history_bytes, again=again)
        while turn is not None and turn.mail and turn.mail[0].burst:
            pieces = len(first_burst(turn.mail))
            await asyncio.sleep(QUIET_S)
            turn = await self._claim.load(history_bytes, again=True)
            if turn is not None and len(first_burst(turn.mail)) == pieces:
                break
        return turn


def _findable(turn: Turn, conversation: ConversationId, platform: Platform) -> Turn:
    """*turn* without the handles of posts that are none: who wrote them was not this platform."""

    def is_handle(handle: str) -> bool:
        try:
            platform.reopen_surface(conversation, handle)
        except ValueError as error:
            set_aside("store.handle", error)
            return False
        return True

    note, saved = turn.note, turn.checkpoint
    if note and not is_handle(note):
        turn = replace(turn, note="")
    if saved is not None and not all(map(is_handle, saved.posts)):
        picture = saved.picture if saved.picture and is_handle(saved.picture) else ""
        pages = tuple(filter(is_handle, saved.pages))
        turn = replace(turn, checkpoint=replace(saved, pages=pages, picture=picture))
    return turn


async def serve(stage: Stage) -> Report:
    """Do what the mail of *stage* asks for."""
    first, language = stage.first, stage.language
    if to := first.moved_to or stage.turn.moved_to:
        await stage.claim.move(to, said=bool(first.moved_to))
        return Report("moved")
    if first.deleted:
        await stage.take_away(stage.checkpoint.posts)
        await stage.commit()
        return Report("nothing")
    most = MOST_TRIES_WHOLE if stage.checkpoint.done else MOST_TRIES
    if stage.turn.tries > most:
        await stage.say(say("set_aside", language))
        await stage.commit(dead="no answer after several tries")
        return Report("set aside")
    if first.edited:
        return await _ask_again_as_edited(stage)
    if first.command == "retry":
        return await _retry(stage)
    if first.command == "continue":
        return await _go_on(stage)
    if first.command == "image":
        return await paint(stage, first.text, _attached(stage))
    if first.command in ("again", "another", "larger"):
        return await paint_again(stage, first.command)
    if first.command == "compare":
        if len(first.text) > QUESTION_CHARS:
            return await _too_long(stage, first.text)
        return await compare(stage, first.text, stage.turn.history, _attached(stage))
    if first.command == "rate":
        return await _rate(stage)
    if first.command == "home":
        here, by_person = await stage.claim.spent()
        text, buttons = home(first, stage.turn, (here, by_person), stage.context, language)
        shown = await stage.say(text, buttons)
        await stage.commit()
        return Report("command", shown)
    if first.command == "usage":
        spent = await stage.claim.spent()
        return await stage.close("command", usage(stage.turn, spent, stage.context, language))
    if first.command == "stop" and first.under and not _stands(stage, first.under):
        # A post that grew, and whose making we never heard of: it says nothing any more.
        await stage.take_away([first.under])
        await stage.commit()
        return Report("command")
    if first.command:
        outcome = run_command(first, stage.turn, stage.context, language)
        alone = outcome.preferences is None and not outcome.forget_all
        shown = await stage.say(outcome.text, outcome.buttons, aside=alone)
        await stage.commit(
            forget_all=outcome.forget_all,
            everywhere=outcome.forget_all and first.of_place,
            preferences=outcome.preferences,
        )
        return Report("command", shown)
    question = asked_text(stage.mail, stage.turn.history[-1] if stage.turn.history else None)
    if not question.strip():
        return await stage.close("rejected", say("empty", language))
    if len(question) > QUESTION_CHARS:
        return await _too_long(stage, question)
    async with titled(stage, question):
        return await answer(stage, question, stage.turn.history, _attached(stage))


def _stands(stage: Stage, post: str) -> bool:
    """Whether *post* is one that history, or what is on its way, knows."""
    known = (one.posts for one in stage.turn.history)
    return any(post in posts for posts in (*known, stage.checkpoint.posts))


async def _too_long(stage: Stage, text: str) -> Report:
    told = say("too_long", stage.language, chars=len(text), most=QUESTION_CHARS)
    return await stage.close("rejected", told)


async def _rate(stage: Stage) -> Report:
    """Keep what somebody thought of an answer; nothing is said of it."""
    verdict, _, event_id = stage.first.text.partition(" ")
    if verdict in ("up", "down") and event_id:
        await stage.claim.rate(event_id, verdict)
        stage.context.metrics.ratings.labels(stage.platform.name, verdict).inc()
    await stage.commit()
    return Report("rated")


async def _retry(stage: Stage) -> Report:
    """Ask one's last question again, or that under whose answer the button was pressed.

    Its exchange is replaced when the new one is committed.
    """
    under = stage.first.under
    pressed = (one for one in stage.turn.history if under and under in one.posts)
    last = next(pressed, stage.past)
    if last is None:
        return await stage.close("rejected", say("nothing_to_retry", stage.language))
    if stage.first.under and not stage.owns(last):
        return await stage.close("rejected", say("retry_is_theirs", stage.language))
    history, replaces = _before(stage, last), last.event_id
    if last.question.startswith(COMMAND):
        return await paint_again(stage, "again")
    if last.question.startswith(COMPARISON):
        asked = last.question.removeprefix(COMPARISON)
        return await compare(stage, asked, history, last.attachments, replaces=replaces)
    again = last if stage.first.under in last.posts else None
    return await answer(
        stage, last.question, history, last.attachments, replaces=replaces, again=again
    )


async def _go_on(stage: Stage) -> Report:
    """Go on with one's last answer, if it was cut; its exchange then holds all of it."""
    last = stage.past
    whole = last is None or not last.cut or not last.answer
    if last is None or whole or last.question.startswith((COMMAND, COMPARISON)):
        return await stage.close("rejected", say("nothing_to_continue", stage.language))
    return await answer(
        stage,
        last.question,
        _before(stage, last),
        last.attachments,
        replaces=last.event_id,
        before=last.answer,
    )


async def _ask_again_as_edited(stage: Stage) -> Report:
    """Answer the new wording of one's last question; edits of older ones are left alone."""
    last = stage.past
    if last is None or last.message != stage.first.message or stage.first.command:
        await stage.commit()
        return Report("nothing")
    history = _before(stage, last)
    question = asked_text(stage.mail, history[-1] if history else None)
    if last.question == question:
        await stage.commit()
        return Report("nothing")
    return await answer(stage, question, history, _attached(stage), replaces=last.event_id)


def _before(stage: Stage, exchange: Exchange) -> Sequence[Exchange]:
    """What had been said when *exchange* was asked."""
    return stage.turn.history[: stage.turn.history.index(exchange)]


def _attached(stage: Stage) -> list[Attachment]:
    return [attached for incoming in stage.mail for attached in incoming.attachments]


def _looks(stage: Stage) -> Sequence[float]:
    """After which waits to look for what is passed on behind the question of *stage*.

    What may be a remark on something to come is answered at once, as all else is, but in private
    it is not committed before the last look. In a group others may ask at once about the answer.
    """
    first = stage.first
    if first.command or first.burst or first.edited or not stage.platform.limits.passes_on:
        stage.whole.set()
        return ()
    short = len(first.text) <= REMARK_CHARS and not (first.quote or first.attachments)
    if not (first.private and short) or time.time() - first.sent_at > OLD_S:
        stage.whole.set()
    return (QUIET_S, REMARK_S - QUIET_S)


def _joined(stage: Stage, passed_on: Sequence[Incoming]) -> Stage:
    """*stage* for its mail and *passed_on*, with the posts that it made, and none of its words."""
    reached = stage.checkpoints.newest
    posts = reached.pages if reached is not None else stage.checkpoint.pages
    began = Checkpoint(stage.first.event_id, pages=posts)
    stage.checkpoints.save(began, now=True)
    return dataclasses.replace(
        stage,
        mail=(*stage.mail, *passed_on),
        turn=msgspec.structs.replace(stage.turn, checkpoint=began),
    )


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
