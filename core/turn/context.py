"""The context of one turn: what it serves, what it may use, and how it speaks and ends."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Unpack

from msgspec import UNSET
from msgspec.structs import replace

from core.errors import LeaseLost, StoreError
from core.languages.catalogue import Language, say
from core.live.delivery import delete
from core.live.reply import Reply
from core.live.shown import Shown
from core.messages import Attachment, Button, Exchange, Incoming
from core.models.request import ChatMessage
from core.people.budgets import Account
from core.people.personas import place_at
from core.people.rights import at_home
from core.people.roles import Act, Role
from core.platform import Platform
from core.store.claim import Claim
from core.store.turns import Checkpoint, Ending, Turn
from core.tasks import Flag
from core.turn.attachments import ReadAttachments
from core.turn.checkpointer import Checkpointer
from core.turn.choices import Choices, one_line
from core.turn.foreign import Taint, brought
from core.turn.journal import Journal
from core.turn.lease_renewer import LeaseRenewer
from core.turn.prompt import build_prompt, parts_of
from core.turn.services import Services
from core.turn.spending import Spending
from core.turn.stop import StopSignal

STORE_TIMEOUT_S, COMMIT_AGAIN_S = 600.0, 0.5


class Report(NamedTuple):
    """How a turn ended, for the worker to record."""

    outcome: str
    shown: Shown | None = None


@dataclass(frozen=True, slots=True)
class TurnContext:
    """One turn. *mail* is the burst that it serves; the first mail gives the turn its name.

    *role* is what the sender is everywhere; `may` also knows the admins of the place. *whole* is
    set once the turn waits for no more mail of the burst. The commit waits for it. *memory*: what
    the sender wants used in answers to them. *replies* and the posts *painted*: all that it says.
    """

    claim: Claim
    platform: Platform
    services: Services
    lease: LeaseRenewer
    checkpoints: Checkpointer
    stop: StopSignal
    turn: Turn
    mail: Sequence[Incoming]
    language: Language
    spending: Spending
    journal: Journal
    role: Role = Role.MEMBER
    memory: Sequence[str] = ()
    whole: Flag = field(default_factory=Flag)
    replies: list[Reply] = field(default_factory=list)
    painted: list[str] = field(default_factory=list)

    @property
    def first(self) -> Incoming:
        return self.mail[0]

    @property
    def checkpoint(self) -> Checkpoint:
        """What an interrupted try of this turn left; else the post that told the person to wait."""
        saved = self.turn.checkpoint
        if saved is None or saved.event_id != self.first.event_id:
            pages = (self.turn.placeholder,) if self.turn.placeholder else ()
            return Checkpoint(self.first.event_id, pages=pages)
        return saved

    @property
    def posts(self) -> Sequence[str]:
        """The posts of this turn on the screen, from this try or an interrupted one."""
        return (self.checkpoints.newest or self.checkpoint).pages

    @property
    def choices(self) -> Choices:
        """What holds for this turn: persona, model, its parameters, and the time."""
        place = place_at(self.services.places, self.claim.conversation)
        chosen = self.turn.preferences
        if not chosen.name and not self.first.private:
            chosen = replace(chosen, name=one_line(self.first.place_name))
        local = at_home(self.platform, self.first.sender.id)
        role = self.services.rights.payer(self.first.sender.id, self.role)
        return Choices(self.services, chosen, place, role, local)

    @property
    def accounts(self) -> Sequence[Account]:
        """The budgets that this turn spends from."""
        return self.spending.accounts(self.choices.now)

    def owns(self, exchange: Exchange) -> bool:
        """Whether *exchange* was asked by the person who asks now. In private: always."""
        first = self.first
        # Older versions wrote only the name.
        named = exchange.person or exchange.speaker
        return first.private or named == (first.sender.id if exchange.person else first.sender.name)

    @property
    def pressed(self) -> Exchange | None:
        """The exchange with the post whose button was pressed, if the history has it."""
        under = self.first.under
        return next((one for one in self.turn.history if under and under in one.posts), None)

    @property
    def past(self) -> Exchange | None:
        """The last exchange of the person who asks. Others may have asked since."""
        return next(filter(self.owns, reversed(self.turn.history)), None)

    def before(self, exchange: Exchange) -> Sequence[Exchange]:
        """The history before *exchange*."""
        return self.turn.history[: self.turn.history.index(exchange)]

    @property
    def attachments(self) -> Sequence[Attachment]:
        """The attachments of all the mail."""
        return [one for incoming in self.mail for one in incoming.attachments]

    def button(self, command: str) -> Button:
        return Button(command, say(command, self.language))

    def prompt(
        self,
        question: str,
        history: Sequence[Exchange],
        attached: ReadAttachments,
        heard: Sequence[ChatMessage],
    ) -> tuple[ChatMessage, ...]:
        """The messages that ask *question* about *attached*, with *history* as context.

        *heard*: what was said here to others (`core.turn.hearing`).
        """
        settings, choices, first = self.services.settings, self.choices, self.first
        question = "\n\n".join([*attached.notes, question])
        *before, last = build_prompt(
            settings.system_prompt,
            self.turn.preferences,
            [one for one in history if one.at > self.turn.summary.until and not one.refused],
            question if first.private else f"{first.sender.name}: {question}",
            history_tokens=settings.history_tokens,
            private=first.private,
            person=first.sender.id,
            today=choices.now.date(),
            instructions="\n\n".join(filter(None, (choices.about, choices.persona.text))),
            summary=self.turn.summary.text,
            memory=self.memory,
        )
        last = replace(last, images=attached.pictures, sounds=attached.sounds or UNSET)
        return (*before, *heard, last)

    def reply(
        self,
        *,
        buttons: Sequence[Button] = (),
        handles: Sequence[str] = (),
        shown_chars: int = 0,
        reached: Callable[[], Checkpoint] | None = None,
        aside: bool = False,
    ) -> Reply:
        """A reply to the question.

        *reached* gives the checkpoint to save when a post appears. Without it, only the posts are
        saved.
        """

        def posts_alone() -> Checkpoint:
            return Checkpoint(self.first.event_id, pages=reply.handles)

        def on_post() -> None:
            self.checkpoints.save((reached or posts_alone)(), now=True)

        reply = Reply(
            self.platform,
            self.claim.conversation,
            (self.first.aside if aside else "") or self.first.reply_to,
            self.services.pacer,
            buttons=buttons,
            handles=handles,
            shown_chars=shown_chars,
            on_post=on_post,
            may_show=self.lease.may_show,
            # An admin may have pressed what somebody else was asked.
            suspended=any(one.token for one in (self.past, self.pressed) if one is not None),
        )
        self.replies.append(reply)
        return reply

    async def say(self, text: str, buttons: Sequence[Button] = (), *, aside: bool = False) -> Shown:
        """Post a sentence of our own. If this turn already has a post, it is used.

        *aside*: only the person who asked needs to read the sentence.
        """
        await (reply := self.reply(handles=self.posts, aside=aside)).finish(text, buttons)
        return reply.shown

    @property
    def choosable(self) -> list[str]:
        """The models to show to the person who asks."""
        return self.choices.choosable

    def may_choose(self, model: str) -> bool:
        """Whether the person who asks may choose *model*."""
        return self.choices.may_choose(model)

    async def may(self, act: Act) -> bool:
        """Whether the person who asks may do *act* here (`core.people.roles`)."""
        return await self.services.rights.may(self.platform, self.first, act, self.role)

    async def refuse(self, act: Act) -> Report:
        """Say to the person alone who may do *act*, and end the turn."""
        name = self.services.rights.who_may(act, self.first.sender.id, self.role)
        return await self.close("refused", say(name, self.language))

    async def close(self, outcome: str, text: str, buttons: Sequence[Button] = ()) -> Report:
        """Say *text* and end the turn."""
        shown = await self.say(text, buttons, aside=True)
        await self.commit()
        return Report(outcome, shown)

    def exchange(
        self,
        question: str,
        answer: str,
        *,
        notes: str = "",
        cut: bool = False,
        attachments: Sequence[Attachment] = (),
        posts: Sequence[str] = (),
        pictures: Sequence[Attachment] = (),
        refused: bool = False,
    ) -> Exchange:
        """The exchange of this turn, for history."""
        taint = brought(self.mail)
        return Exchange(
            event_id=self.first.event_id,
            message=self.first.message,
            speaker=self.first.sender.name,
            person=self.first.sender.id,
            question=question,
            answer=answer,
            at=time.time(),
            notes=notes,
            cut=cut,
            attachments=tuple(attachments),
            posts=tuple(posts or self.painted),
            pictures=tuple(pictures),
            refused=refused,
            tainted=taint > Taint.NONE,
            by_pictures=taint is Taint.PICTURES,
            parts=parts_of(self.mail),
        )

    async def take_away(self, handles: Sequence[str]) -> None:
        """Delete posts that are not needed any more, as far as the platform allows."""
        for handle in handles:
            surface = self.platform.reopen_surface(self.claim.conversation, handle)
            await delete(surface, self.claim.conversation, self.services.pacer.budget)

    async def commit(self, exchange: Exchange | None = None, **ending: Unpack[Ending]) -> None:
        """End the turn, as soon as the store is there; see `core.store.turns.Ending`.

        Raises:
            LeaseLost: another worker has the lane now.
            StoreError: the store stayed away for `STORE_TIMEOUT_S`.
        """
        self.lease.ending = True
        await self.whole.wait()
        until = time.monotonic() + STORE_TIMEOUT_S
        await self.lease.rest()
        ending["spent"] = self.spending.bill(ending.get("spent", {}))
        ending["accounts"] = self.accounts
        ending["posts"] = [one for reply in self.replies for one in reply.handles] + self.painted
        while True:
            try:
                await self.claim.commit(len(self.mail), exchange, **ending)
            except LeaseLost:
                raise
            except StoreError:
                # The person has read the answer. Without a commit it would be written again.
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(COMMIT_AGAIN_S)
            else:
                return
