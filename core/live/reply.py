"""The live reply: one answer that grows on the screen.

The model's stream only sets the newest text. One task per answer shows it, one call at a time,
when `core.live.pace` gives it a turn. A full post is finished for good and the next one begins.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from core.errors import ChatLost, Full, NoRight, PlatformError, PostLost, RateLimited, Revoked
from core.live.delivery import Typing, delete, deliver, report_refusal, reporting
from core.live.pace import FIRST_WAIT_S, Pacer, Turn, worth_showing
from core.live.posts import Posts
from core.live.progress import Progress, clock
from core.messages import Button, ConversationId
from core.platform import Bucket, Platform, Surface
from core.tasks import end, see_through

LAST_WORDS_S = 3.0
"""How long a turn that ends early waits for the call that is under way."""
HALF = 0.08
"""A half word, sentence or line at the end is hidden if it is at most this part of what is new."""
HIDDEN_S = 1.0
"""If nothing comes for so long, the hidden end is looked at again."""
WORTH = 0.25
"""An update must show at least this part of what is new."""
STRIKES, FLOODS = 3, 2
"""Previews end after so many failed calls, or so many 429s. The final text is sent all the same."""


async def _always(new_post: bool) -> None:
    """Nothing to wait for."""


class Shown(NamedTuple):
    """How a reply went: seconds to its first text (None: none was shown), updates, refusals."""

    first_text_s: float | None
    updates: int
    refusals: int


class Reply:
    """One answer's posts. Use as a context manager: its updater runs inside.

    Args:
        handles: the posts of an interrupted try, in order. They are filled again from the first.
            Their text stays until the new text is longer than *shown_chars*.
        on_post: called when a new post stands, so that its handle can be kept.
        may_show: awaited before each call to the platform, before its token is taken. Its argument
            says whether the call makes a new post.
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
    ) -> None:
        self._platform = platform
        self._conversation = conversation
        self._pacer = pacer
        self._buttons = tuple(buttons)
        self._posts = Posts(platform, conversation, reply_to, handles, on_post)
        self._text = self._posts.text
        self._keep_until_chars = shown_chars
        self._may_show = may_show
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._updater: asyncio.Task[None] | None = None
        self._began = clock()
        self.progress = Progress(self._began)
        self._first_text_s: float | None = None
        self._updates = 0
        self._refusals = 0
        self._typing = Typing(platform, conversation, pacer.budget)

    @property
    def handles(self) -> tuple[str, ...]:
        """The posts of this answer so far, for a checkpoint."""
        return self._posts.handles

    @property
    def shown(self) -> Shown:
        return Shown(self._first_text_s, self._updates, self._refusals)

    @property
    def waits_for(self) -> str:
        """Why there is no post yet although there is text: the name of a sentence, or empty."""
        text = self.progress.written_chars or self._closing.is_set()
        if self._first_text_s is not None or self.handles or not text:
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
        self._text.whole = text
        while (page := self._text.cut()) is not None:
            await self._finish_page(page.head, (), most_wait_s)
            self._posts.turn(page)
        await self._finish_page(self._text.page, buttons, most_wait_s)
        if self.progress.written_chars:
            self._pacer.length_model.note(len(text))
        for surface in self._posts.left:
            await delete(surface, self._conversation, self._pacer.budget)
        self._posts.left.clear()
        await self._typing.end()

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
        floods = 0
        await self._wait_for_first_text()
        while not self._closing.is_set():
            self._changed.clear()
            try:
                await self._show_newest()
            except RateLimited as error:
                self._refusals += 1
                floods += 1
                report_refusal(error, self._conversation)
            except (ChatLost, PostLost, NoRight, Revoked):
                # The final text meets the same error, and `finish` decides what follows.
                return
            except PlatformError as error:
                self._refusals += 1
                report_refusal(error, self._conversation)
                await self._sleep(1.0)
            if self._refusals >= STRIKES or floods >= FLOODS:
                return
            await self._sleep(self._platform.limits.interval_s)
            if not self._closing.is_set():
                await self._wait_for_change(HIDDEN_S if self.progress.unseen_chars > 0 else None)

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
                left = FIRST_WAIT_S - waited_s
                self._changed.clear()
                await self._wait_for_change(left if first_at is not None and left > 0 else None)
        finally:
            await end([typing])

    async def _show_newest(self) -> None:
        # The newest text is chosen after the wait for the turn.
        while self._has_news() and (turn := await self._take()) is not None:
            async with reporting(self._pacer.budget, turn.buckets, turn.grant):
                if await self._show_some():
                    return

    async def _show_some(self) -> bool:
        """Show the newest text. False if this ended a page and there is more to show."""
        self._posts.tell_anew()
        surface, page = self._posts.last, self._text.cut()
        if page is None:
            frame = self._frame()
            chars = len(self._text.whole) - max(0, len(self._text.page) - len(frame))
            if not frame:
                return True
            try:
                await surface.show(frame, self._buttons)
            except Full:
                page = self._text.cut_early()
            else:
                self._posts.on_screen = frame
                self.progress.shown_chars = chars
                self._note_update(surface)
                return True
        await surface.finish(page.head)
        self._note_update(surface)
        self._posts.turn(page)
        # The model may have taken text of that page back in the meantime.
        self._posts.look(len(self._text.whole))
        return False

    def _has_news(self) -> bool:
        frame, unseen = self._frame(), self.progress.unseen_chars
        if not frame or frame == self._posts.on_screen:
            return False
        if self.progress.shown_chars is None or unseen <= 0:
            return True
        # Half a row of a table or half a link is hidden. Wait for its other half.
        return len(frame) - len(self._posts.on_screen) >= unseen * WORTH

    def _frame(self) -> str:
        """The part of the page that the screen may show now."""
        if self._posts.last.grows:
            return self._text.page
        return self._text.frame(self.progress.unseen_chars * HALF).rstrip()

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
        self._updates += 1
        if self._first_text_s is None:
            self._first_text_s = clock() - self._began
        self._posts.note(surface)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _wait_for_change(self, seconds: float | None = None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
