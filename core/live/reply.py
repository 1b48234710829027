"""The live reply: one answer that grows on the screen.

The model's stream only sets the newest text. One task per answer shows it, one call at a time,
when `core.live.pace` gives it a turn. A full post is finished for good and the next one begins.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from core.activity import Activity
from core.budget import Grant
from core.errors import Full
from core.live.delivery import Strikes, Typing, delete, deliver, reporting
from core.live.pace import FIRST_WAIT_S, Pacer, Turn, worth_showing
from core.live.posts import Posts
from core.live.progress import Progress, clock
from core.live.screen import Screen
from core.live.shown import Showing, Shown
from core.messages import Button, ConversationId
from core.platform import Bucket, Platform, Surface
from core.tasks import Flag, end, see_through

LAST_WORDS_S = 3.0
"""How long a turn that ends early waits for the call that is under way."""
HIDDEN_S = 1.0
"""If nothing comes for so long, the hidden end is looked at again."""


async def _always(new_post: bool) -> None:
    """Nothing to wait for."""


class Reply:
    """One answer's posts. Use as a context manager: its updater runs inside.

    Args:
        handles: the posts of an interrupted try, in order. They are filled again from the first.
            Their text stays until the new text is longer than *shown_chars*.
        on_post: called when a new post stands, so that its handle can be kept.
        may_show: awaited before each call to the platform, before its token is taken. Its argument
            says whether the call makes a new post.
        suspended: whether an earlier answer waits for a person, and the platform may show that.
    """

    def __init__(
        self,
        platform: Platform,
        conversation: ConversationId,
        reply_to: str,
        pacer: Pacer,
        *,
        buttons: Sequence[Button] = (),
        handles: Sequence[str] = (),
        shown_chars: int = 0,
        on_post: Callable[[], None] = lambda: None,
        may_show: Callable[[bool], Awaitable[None]] = _always,
        suspended: bool = False,
    ) -> None:
        self._platform = platform
        self._conversation = conversation
        self._pacer = pacer
        self._buttons = tuple(buttons)
        self._posts = Posts(platform, conversation, reply_to, handles, on_post)
        self._text = self._posts.text
        self._keep_until_chars = shown_chars
        self._may_show = may_show
        self._changed = Flag()
        self._closing = Flag()
        self._updater: asyncio.Task[None] | None = None
        self._screen = Screen(platform, self._posts)
        self._showing = Showing(self._screen.progress)
        self._strikes = Strikes(conversation, self._closing.wait)
        self._typing = Typing(platform, conversation, pacer.budget, suspended=suspended)

    @property
    def handles(self) -> tuple[str, ...]:
        """The posts of this answer so far, for a checkpoint."""
        return self._posts.handles

    @property
    def progress(self) -> Progress:
        return self._screen.progress

    @property
    def shown(self) -> Shown:
        return self._showing.told(self._strikes.refusals)

    @property
    def waits_for(self) -> str:
        """Why there is no post yet although there is text: the name of a sentence, or empty."""
        text = self.progress.written_chars or self._closing.is_set()
        if self._showing.first_text_s is not None or self.handles or not text:
            return ""
        return next((bucket.why for bucket in self.budget if bucket.why), "")

    @property
    def budget(self) -> Sequence[Bucket]:
        return self._posts.last.budget

    async def __aenter__(self) -> "Reply":
        self._updater = asyncio.create_task(self._update(), name=f"reply {self._conversation}")
        return self

    async def __aexit__(self, *_: object) -> None:
        updater = self._updater
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(LAST_WORDS_S):
                await self.settle()
        if updater is not None:
            await end([updater])

    def say(self, text: str) -> None:
        """Set the newest full text. Never waits."""
        self.grow(len(text), lambda: text)

    def grow(self, chars: int, text: Callable[[], str]) -> None:
        """As `say`, but *text* builds the *chars* characters only when they are needed."""
        self._posts.look(chars)
        self._text.write(text)
        self._changed.set()
        if self.progress.note_written(chars, clock()):
            self._pacer.pause_ended(self)

    def tell(self, activity: Activity) -> None:
        """Set what the steps of the answer are now. Never waits."""
        if activity != self._screen.status.activity:
            self._showing.note_step()
        self._screen.status.set(activity, self.progress.written_chars, clock())
        self._changed.set()

    async def finish(
        self, text: str, buttons: Sequence[Button] = (), *, most_wait_s: float = math.inf
    ) -> None:
        """Show the whole of *text*, for good, with *buttons* under its last post.

        Raises:
            Silenced: no call may be made for longer than *most_wait_s*. The posts stay as they are.
            Impossible, Revoked: no call can succeed.
            PlatformError: the platform was unreachable for too long (see `deliver`).
        """
        await self.settle()
        self._posts.look(len(text))
        self._posts.tell_anew()
        self._text.whole = self._screen.with_steps(text)
        while (page := self._text.cut()) is not None:
            await self._finish_page(page.head, (), most_wait_s)
            self._posts.turn(page)
        self._screen.takes_steps(self._posts.last)
        await self._finish_page(self._text.page, buttons, most_wait_s)
        self._showing.note_whole()
        if self.progress.written_chars:
            self._pacer.length_model.note(len(text))
        for surface in self._posts.left:
            await delete(surface, self._conversation, self._pacer.budget)
        self._posts.left.clear()
        self._posts.end()
        await self._typing.end(asked=self._screen.status.activity.asks)

    async def settle(self) -> None:
        """Show nothing more. Wait for the call under way, or we would not know its post."""
        self._closing.set()
        self._changed.set()
        self._pacer.leave(self)
        updater, self._updater = self._updater, None
        if updater is not None:
            await asyncio.shield(updater)

    async def _update(self) -> None:
        """Show the newest text again and again, until closed, lost, or refused too often."""
        await self._wait_for_first_text()
        while not self._closing.is_set():
            self._changed.clear()
            if not await self._strikes.bear(self._show_newest, self._show_status):
                return
            await self._closing.wait(self._platform.limits.interval_s)
            if not self._closing.is_set():
                unseen = self.progress.unseen_chars > 0
                await self._wait_for_change(HIDDEN_S if unseen else math.inf)

    async def _wait_for_first_text(self) -> None:
        first_at: float | None = None
        # In a task of its own: the first text must not wait for it.
        typing = asyncio.create_task(self._typing.keep(), name="typing")
        try:
            while not self._closing.is_set():
                now = clock()
                text = self._text.whole
                if text and first_at is None:
                    first_at = now
                waited_s = now - first_at if first_at else 0.0
                if len(text) > self._keep_until_chars and worth_showing(text, waited_s):
                    return
                self._changed.clear()
                if not await self._strikes.bear(self._show_status):
                    return
                left = FIRST_WAIT_S - waited_s
                await self._wait_for_change(left if first_at is not None and left > 0 else math.inf)
        finally:
            await end([typing])

    async def _show_newest(self) -> None:
        # The newest text is chosen after the wait for the turn.
        while self._screen.has_news and (turn := await self._take()) is not None:
            async with reporting(self._pacer.budget, turn.buckets, turn.grant):
                if await self._show_some():
                    return

    async def _show_some(self) -> bool:
        """Show the newest text. False if this ended a page and there is more to show."""
        self._posts.tell_anew()
        surface, page = self._posts.last, self._text.cut()
        if page is None:
            if not self._screen.frame:
                return True
            try:
                await self._screen.show(surface, self._buttons)
            except Full:
                page = self._text.cut_early()
            else:
                self._note_update(surface)
                return True
        await surface.finish(page.head)
        self._note_update(surface)
        self._posts.turn(page)
        # The model may have taken text of that page back in the meantime.
        self._posts.look(len(self._text.whole))
        return False

    async def _show_status(self) -> None:
        """Show the status of the steps, if it is due and a call is to spare."""
        surface, screen = self._posts.last, self._screen
        if screen.status_due_in_s > 0 or self._closing.is_set():
            return
        buckets = surface.budget
        screen.status.asked(clock(), costs=bool(buckets))
        # What an interrupted try had shown is not taken back for it.
        if not screen.tells(surface) or len(self._text.whole) < self._keep_until_chars:
            return
        await self._may_show(not surface.handle)
        grant = await self._pacer.budget.take(buckets, "nicety") if buckets else Grant(0.0)
        if grant.wait_s or self._closing.is_set():
            return
        self._typing.enough()
        async with reporting(self._pacer.budget, buckets, grant):
            with suppress(Full):  # The next text will go on in another post.
                await screen.show(surface, self._buttons)
        self._posts.note(surface)

    async def _finish_page(self, text: str, buttons: Sequence[Button], most_wait_s: float) -> None:
        surface = self._posts.last
        await self._may_show(not surface.handle)

        async def finish() -> None:
            await self._may_show(False)
            try:
                await see_through(surface.finish(text, buttons), LAST_WORDS_S)
            finally:
                self._posts.note(surface)

        await deliver(
            finish,
            lambda: surface.final_budget,
            self._conversation,
            self._pacer.budget,
            most_wait_s=most_wait_s,
        )
        self._note_update(surface)

    async def _take(self) -> Turn | None:
        """Take a token for a preview; None if the answer ended in the meantime."""
        await self._may_show(not self._posts.last.handle)
        turn = None if self._closing.is_set() else await self._pacer.turn(self)
        if turn is not None:
            await self._may_show(False)
        return None if self._closing.is_set() else turn

    def _note_update(self, surface: Surface) -> None:
        self._showing.note_update()
        self._posts.note(surface)

    async def _wait_for_change(self, seconds: float) -> None:
        await self._changed.wait(min(seconds, max(0.0, self._screen.status_due_in_s)))
