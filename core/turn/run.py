"""The run of one turn, from the mail to the commit.

The final text is shown first, and the commit follows. If the worker dies between them, another
worker does the turn again, on the same posts.
"""

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from contextlib import suppress

from msgspec.structs import replace

from core.border import set_aside
from core.errors import (
    Barred,
    ChatLost,
    Impossible,
    LeaseLost,
    Silenced,
    StoreError,
)
from core.languages.catalogue import Language, say
from core.languages.detection import language_of, says_something
from core.messages import ConversationId, Incoming
from core.people.roles import Role
from core.platform import Platform
from core.store.claim import Claim
from core.store.turns import Turn
from core.tasks import Flag, end
from core.telemetry import logger
from core.turn.alone import WaitTeller, note_lost, tell_barred, tell_of_wait
from core.turn.bursts import (
    MOST_WAIT_S,
    REMARK_S,
    answering,
    belongs,
    first_burst,
    joined,
    may_be_remark,
    quiet_s,
)
from core.turn.checkpointer import Checkpointer
from core.turn.commands import COMMANDS
from core.turn.commands.start import UNKNOWN
from core.turn.context import Report, TurnContext
from core.turn.due import end_lost
from core.turn.journal import Journal
from core.turn.lease_renewer import LeaseRenewer
from core.turn.prompt import BYTES_PER_TOKEN
from core.turn.serve import serve
from core.turn.services import Services
from core.turn.spending import Spending
from core.turn.stop import StopSignal

log = logger(__name__)

LAST_WORDS_S = 4.0
"""How long a cancelled turn may take to end."""
NEWS_S = 1.0
"""A lost chat may have moved. How long the turn waits for the platform's news of the move."""
MOST_RESTARTS = 5
"""So often an answer is begun anew for what its asker adds. What is more waits for its own turn."""


def _language_for(mail: Sequence[Incoming], turn: Turn) -> Language:
    """The language in which we speak to the sender of *mail*.

    It is guessed from the text. Only the prompt of a command is such a text. If there is none, the
    sender's earlier questions here are used.
    """
    first = mail[0]
    takes_prose = not first.command or COMMANDS.get(first.command, UNKNOWN).takes == "prompt"
    written = "\n".join(one.text for one in mail) if takes_prose else ""
    if not says_something(written):
        theirs = (
            one.question
            for one in reversed(turn.history)
            if first.private or one.person == first.sender.id
        )
        written = next(filter(says_something, theirs), "")
    return language_of(written, turn.preferences.language, first.sender.language)


class TurnRun:
    """The turn of one claim. While it runs, others may poke its `lease`, or wait for `ended`."""

    def __init__(self, claim: Claim, platform: Platform, services: Services) -> None:
        self._claim = claim
        self._platform = platform
        self._services = services
        self._history_bytes = services.settings.history_tokens * BYTES_PER_TOKEN
        self.lease: LeaseRenewer | None = None
        self.ended = Flag()

    async def run(self) -> Report:
        """Serve the first mail. If it changes meanwhile, serve the changed mail.

        Raises:
            LeaseLost: another worker has the lane now.
            StoreError: Redis is away. The turn will be done again.
            PlatformError: the platform is away, or does not accept our credentials.
        """
        again = False
        while True:
            # `LeaseLost` here: another worker has the lane. In `_take` it may also mean that the
            # mail was edited, taken back or moved. Then the lane is still ours: load anew.
            turn = await self._claim.load(self._history_bytes, again=again)
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
        mail = first_burst(turn.mail, thoughts=turn.preferences.burst)
        first = mail[0]
        role = await self._services.rights.role(self._platform, first)
        if role is Role.BLOCKED:
            # Blocked since it was accepted.
            await self._claim.commit(len(mail), None)
            return Report("blocked")
        turn = answering(turn, mail)
        language = _language_for(mail, turn)
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
            Spending(self._claim, first, [*self._services.budgets.limits, *turn.limits]),
            Journal(self._claim, first, turn.rounds),
            # The ingress let in nobody else; a place may have moved since it was listed.
            max(role, Role.MEMBER),
            await self._remembered(first, turn),
        )
        try:
            async with lease:
                return await self._serve_whole(context)
        except LeaseLost:
            # The next worker does not know these posts, and will make others.
            await context.take_away(await lease.orphans())
            raise

    async def _remembered(self, first: Incoming, turn: Turn) -> Sequence[str]:
        """What the sender wants remembered here. Without the store: nothing."""
        if first.sender.id == self._claim.person:
            return turn.memory.used_for(first)
        try:
            return (await self._claim.memories.of(first.sender.id)).used_for(first)
        except StoreError:
            return ()

    async def _serve_whole(self, context: TurnContext) -> Report:
        """Serve *context*. Begin anew on the same posts if more comes that belongs to its mail."""
        async with WaitTeller(context):
            for restarts_left in reversed(range(MOST_RESTARTS + 1)):
                context = await self._gathered(context)
                name = f"serve {context.claim.conversation}"
                serving = asyncio.create_task(self._serve(context), name=name)
                try:
                    more = await self._more(context, serving)
                    if serving.done() or context.lease.resting or not restarts_left:
                        context.whole.set()
                        return await serving
                finally:
                    await end([serving], again_s=LAST_WORDS_S)
                context = self._joined(context, more)
            raise AssertionError("the last try is served to its end")

    async def _gathered(self, context: TurnContext) -> TurnContext:
        """*context* with all that its sender is still writing. An ordinary question waits not."""
        until = time.monotonic() + MOST_WAIT_S
        while not (context.checkpoint.text or context.stop.given):
            wait_s = quiet_s(context.mail, thoughts=context.turn.preferences.burst)
            wait_s = min(wait_s, until - time.monotonic())
            if wait_s <= 0:
                break
            grown = await context.lease.grows(wait_s)
            # Look in any case: the signal that tells of more may be late or lost.
            if more := await self._behind(context):
                context = self._joined(context, more)
            elif not grown:
                break
        return context

    async def _more(
        self, context: TurnContext, serving: asyncio.Task[Report]
    ) -> Sequence[Incoming]:
        """Wait for mail that belongs to that of *context*, or for the end of *serving*.

        Meanwhile an answer to what may be a remark is not committed before the moment in which
        something may be passed on behind it.
        """
        until = time.monotonic() + (REMARK_S if may_be_remark(context) else 0.0)
        with context.lease.woken_by(serving):
            while not serving.done():
                left = until - time.monotonic()
                if left <= 0:
                    context.whole.set()
                grows = await context.lease.grows(left if left > 0 else None)
                if grows and not serving.done() and (more := await self._behind(context)):
                    return more
        return ()

    async def _behind(self, context: TurnContext) -> Sequence[Incoming]:
        """The mail that came behind that of *context*, and belongs to it."""
        try:
            behind = await self._claim.ledger.behind(self._claim.lane.name, len(context.mail))
        except StoreError:
            return ()
        reached, ended = context.checkpoints.newest, context.lease.ending
        # To what is answered already nothing is added but what was passed on with it.
        ended = ended or (reached is not None and reached.done)
        thoughts = context.turn.preferences.burst and not ended
        burst = list(context.mail)
        for one in behind:
            if not belongs(burst, one, thoughts=thoughts):
                break
            burst.append(one)
        return burst[len(context.mail) :]

    def _joined(self, context: TurnContext, more: Sequence[Incoming]) -> TurnContext:
        context = joined(context, more)
        context.lease.ending = False
        return dataclasses.replace(context, language=_language_for(context.mail, context.turn))

    async def _serve(self, context: TurnContext) -> Report:
        try:
            return await serve(context)
        except Silenced:
            await tell_of_wait(context)
            raise
        except Barred as error:
            await tell_barred(context, error)
            await context.commit()
            return Report("gone")
        except ChatLost as error:
            if to := await self._became():
                await self._claim.move(to, said=False)
                return Report("moved")
            # Nobody can read an answer here. Without a commit the turn would be tried for ever.
            await note_lost(context, "chat lost", error)
            await end_lost(self._services, self._claim.conversation)
            await context.commit()
            return Report("gone")
        except Impossible as error:
            # The chat exists, but does not take this answer.
            log.warning("answer refused", conversation=self._claim.conversation, reason=str(error))
            with suppress(Impossible):
                await context.say(say("not_shown", context.language))
            await context.commit()
            return Report("refused")

    async def _became(self) -> ConversationId:
        """Where the conversation moved during this turn; empty if it did not move."""
        if not self._claim.lane.person or self.lease is None:
            return ConversationId("")
        await self.lease.rest()
        await asyncio.sleep(NEWS_S)
        turn = await self._claim.load(0, again=True)
        return turn.moved_to if turn is not None else ConversationId("")


def _findable(turn: Turn, conversation: ConversationId, platform: Platform) -> Turn:
    """*turn* without handles that the platform cannot read: something else wrote them."""

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
