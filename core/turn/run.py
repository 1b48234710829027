"""One turn, from the mail to the commit.

What the person sees is final before the commit, and the commit is what makes
it count: a turn that dies in between is done again, on the same posts.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from msgspec.structs import replace

from core.border import set_aside
from core.errors import (
    Barred,
    ChatLost,
    Impossible,
    LeaseLost,
    PlatformError,
    StoreError,
)
from core.languages.catalogue import Language, say
from core.languages.detection import language_of, says_something
from core.live.delivery import deliver
from core.messages import ConversationId, Incoming
from core.platform import Platform
from core.store.claim import Claim
from core.store.turns import Turn
from core.tasks import end
from core.telemetry import logger
from core.turn.bursts import QUIET_S, answering, first_burst, joined, looks
from core.turn.checkpointer import Checkpointer
from core.turn.commands import COMMANDS
from core.turn.commands.start import UNKNOWN
from core.turn.context import Report, TurnContext
from core.turn.lease_renewer import LeaseRenewer
from core.turn.prompt import BYTES_PER_TOKEN
from core.turn.serve import serve
from core.turn.services import Services
from core.turn.stop import StopSignal

log = logger(__name__)

BARRED_TRIES = 3
LAST_WORDS_S = 4.0
"""How long a turn that is cancelled has to say its last words."""
NEWS_S = 1.0
"""A chat that is lost may be one that moved: so long its platform's news of that is waited for."""


def _language_for(first: Incoming, turn: Turn) -> Language:
    """The language that who wrote *first* is spoken to in.

    A command says nothing of it but by its prompt; then what they asked here before does.
    """
    takes_prose = not first.command or COMMANDS.get(first.command, UNKNOWN).takes == "prompt"
    written = first.text if takes_prose else ""
    if not says_something(written):
        theirs = (
            one.question
            for one in reversed(turn.history)
            if first.private or one.person == first.sender.id
        )
        written = next(filter(says_something, theirs), "")
    return language_of(written, turn.preferences.language, first.sender.language)


class TurnRun:
    """The turn of one claim; `lease` is there to be poked while it runs, `ended` is its end."""

    def __init__(self, claim: Claim, platform: Platform, services: Services) -> None:
        self._claim = claim
        self._platform = platform
        self._services = services
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
        turn = answering(turn, mail)
        language = _language_for(first, turn)
        posts = {turn.placeholder, *(turn.checkpoint.posts if turn.checkpoint is not None else ())}
        checkpoints, stop = Checkpointer(posts), StopSignal()
        self.lease = lease = LeaseRenewer(self._claim, first.event_id, checkpoints, stop)
        if turn.stop == first.event_id:
            stop.give()
        context = TurnContext(
            self._claim,
            self._platform,
            self._services,
            lease,
            checkpoints,
            stop,
            turn,
            mail,
            language,
        )
        try:
            async with lease:
                return await self._serve_whole(context)
        except LeaseLost:
            # Whoever goes on cannot know these, and makes others.
            await context.take_away(await lease.orphans())
            raise

    async def _serve_whole(self, context: TurnContext) -> Report:
        """Serve *context*; begun anew, on the same posts, where it was a remark on what follows."""
        serving = self._start(context)
        try:
            for wait_s in looks(context):
                await asyncio.wait([serving], timeout=wait_s)
                if serving.done() or context.lease.resting:
                    break
                passed_on = await self._passed_on(context)
                if passed_on and not context.lease.resting and not serving.done():
                    await end([serving], again_s=LAST_WORDS_S)
                    context = joined(context, passed_on)
                    serving = self._start(context)
            context.whole.set()
            return await serving
        finally:
            await end([serving], again_s=LAST_WORDS_S)

    def _start(self, context: TurnContext) -> asyncio.Task[Report]:
        return asyncio.create_task(self._serve(context), name=f"serve {context.claim.conversation}")

    async def _passed_on(self, context: TurnContext) -> Sequence[Incoming]:
        """What was passed on behind the mail of *context*, if that is a remark on it."""
        try:
            behind = await self._claim.behind(len(context.mail))
        except StoreError:
            return ()
        return first_burst([*context.mail, *behind])[len(context.mail) :]

    async def _serve(self, context: TurnContext) -> Report:
        try:
            return await serve(context)
        except Barred as error:
            await _tell_barred(context, error)
            await context.commit()
            return Report("gone")
        except ChatLost as error:
            if to := await self._became():
                await self._claim.move(to, said=False)
                return Report("moved")
            # Nobody can read an answer here; the question must not be asked for ever.
            log.warning("chat lost", conversation=self._claim.conversation, reason=str(error))
            await context.commit()
            return Report("gone")
        except Impossible as error:
            # The chat is there, but does not take this answer.
            log.warning("answer refused", conversation=self._claim.conversation, reason=str(error))
            with suppress(Impossible):
                await context.say(say("not_shown", context.language))
            await context.commit()
            return Report("refused")

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
        history_bytes = self._services.settings.history_tokens * BYTES_PER_TOKEN
        turn = await self._claim.load(history_bytes, again=again)
        while turn is not None and turn.mail and turn.mail[0].burst:
            pieces = len(first_burst(turn.mail))
            await asyncio.sleep(QUIET_S)
            turn = await self._claim.load(history_bytes, again=True)
            if turn is not None and len(first_burst(turn.mail)) == pieces:
                break
        return turn


async def _tell_barred(context: TurnContext, error: Barred) -> None:
    """Say to who asked why nothing comes where they asked, in case something reaches them."""
    log.warning("not let in", conversation=context.claim.conversation, why=error.why)
    if not context.first.aside:
        return
    surface = context.platform.open_surface(context.claim.conversation, context.first.aside)
    text = say(f"barred_{error.why}", context.language)
    with suppress(PlatformError):
        await deliver(
            lambda: surface.finish(text),
            lambda: surface.final_budget,
            context.claim.conversation,
            context.services.pacer.budget,
            tries=BARRED_TRIES,
        )


def _findable(turn: Turn, conversation: ConversationId, platform: Platform) -> Turn:
    """*turn* without the handles of posts that are none: who wrote them was not this platform."""

    def is_handle(handle: str) -> bool:
        try:
            platform.reopen_surface(conversation, handle)
        except ValueError as error:
            set_aside("store.handle", error)
            return False
        return True

    placeholder, saved = turn.placeholder, turn.checkpoint
    if placeholder and not is_handle(placeholder):
        turn = replace(turn, placeholder="")
    if saved is not None and not all(map(is_handle, saved.posts)):
        picture = saved.picture if saved.picture and is_handle(saved.picture) else ""
        pages = tuple(filter(is_handle, saved.pages))
        turn = replace(turn, checkpoint=replace(saved, pages=pages, picture=picture))
    return turn
