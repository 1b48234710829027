"""Slow mode: a group where each member, and so a bot too, may post only once in a while.

Sources: core.telegram.org/bots/api#chatfullinfo (`slow_mode_delay`). A bot that is no admin gets
the same error 429 as for any other limit (levlam, tdlib/td#715 and tdlib/telegram-bot-api#75). Only
new posts wait; edits do not. So after a refused post we ask once what the group's delay is. From
then on, posts there take a token of a bucket of their own, and growing answers go on growing.

All processes share what one of them found. While somebody waits, we ask again from time to time,
because slow mode may have ended, or we may have become an admin.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

# PTB's own switch: `RetryAfter.retry_after` as a timedelta, without a deprecation warning.
os.environ.setdefault("PTB_TIMEDELTA", "true")

from telegram.error import RetryAfter, TelegramError

from core.errors import StoreError
from core.lent import Recent
from core.platform import Bucket

ASK_AGAIN_S = 60.0
"""An answer of Telegram, or of the other processes, counts for so long."""
MARGIN_S = 1.0
"""Our calls may arrive late, so we wait a little longer than Telegram does."""
ROUND_S = 2.0
"""Telegram tells whole seconds. A refusal for more than the delay has another reason."""
ADMINS = ("creator", "administrator")
CHATS = 10_000
POSTS = frozenset(
    (
        *("sendMessage", "sendRichMessage", "sendPhoto", "sendDocument", "sendVoice"),
        *("sendMediaGroup", "sendAudio", "sendVideo"),
    )
)
"""The methods that make a new post."""
Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


class SlowModeWait(RetryAfter):
    """A new post must wait, and nothing else. *bucket* is what it waits for."""

    def __init__(self, seconds: int, bucket: Bucket) -> None:
        super().__init__(seconds)
        self.bucket = bucket


def seconds_of(error: RetryAfter) -> float:
    """How many seconds Telegram asks us to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


class _Known(NamedTuple):
    delay_s: int
    at: float


class SlowModes:
    """Which groups of one bot are in slow mode. *call* makes a call of the Bot API."""

    def __init__(self, call: Call, recent: Recent) -> None:
        self._call = call
        self._recent = recent
        self._known: dict[int, _Known] = {}
        self._asking = asyncio.Lock()
        self._again: asyncio.Task[None] | None = None
        self.bot = 0
        """The bot's own id, once it is known."""
        self.tenant = ""
        """The tenant that it is."""

    async def close(self) -> None:
        if self._again is not None:
            self._again.cancel()

    def buckets(self, chat: int) -> Sequence[Bucket]:
        """The bucket of which a new post in *chat* takes a token, if there is slow mode."""
        known = self._known.get(chat)
        if known is None or not known.delay_s:
            return ()
        if self._is_old(known) and (self._again is None or self._again.done()):
            asking = self._ask(chat)
            self._again = asyncio.create_task(asking, name="telegram slow mode")
        return (self._bucket(chat, known.delay_s),)

    async def before(self, chat: int) -> None:
        """Look what other processes found in *chat*. Call it before a post.

        Raises:
            SlowModeWait: they found slow mode, and this process did not know of it.
        """
        known = self._known.get(chat)
        if known is not None and (known.delay_s or not self._is_old(known)):
            return
        with suppress(StoreError, ValueError):
            found = await self._recent.look(self._name(chat))
            if delay_s := int(found[-1]) if found else 0:
                self._note(chat, delay_s)
                raise SlowModeWait(0, self._bucket(chat, delay_s))
            self._note(chat, 0)

    async def refused(self, chat: int, seconds: float) -> Bucket | None:
        """Why a post in *chat* was refused for *seconds*: the bucket of slow mode, or None."""
        known = self._known.get(chat)
        if known is None or not known.delay_s or self._is_old(known):
            await self._ask(chat)
        delay_s = self._known[chat].delay_s if chat in self._known else 0
        slow = delay_s and seconds <= delay_s + ROUND_S
        return self._bucket(chat, delay_s) if slow else None

    async def _ask(self, chat: int) -> None:
        """Ask Telegram for the delay in *chat*. It is 0 for an admin."""
        async with self._asking:
            known = self._known.get(chat)
            if known is not None and known.delay_s and not self._is_old(known):
                return
            try:
                delay_s = await self._delay_s(chat)
            except TelegramError:
                # We keep what we knew, and ask again later.
                delay_s = known.delay_s if known is not None else 0
            self._note(chat, delay_s)
        if delay_s or (known is not None and known.delay_s):
            with suppress(StoreError):
                await self._recent.look(self._name(chat), b"%d" % delay_s)

    async def _delay_s(self, chat: int) -> int:
        full = await self._call("getChat", {"chat_id": chat})
        delay_s = full.get("slow_mode_delay") if isinstance(full, dict) else None
        if type(delay_s) is not int or delay_s <= 0:
            return 0
        us = await self._call("getChatMember", {"chat_id": chat, "user_id": self.bot})
        return 0 if isinstance(us, dict) and us.get("status") in ADMINS else delay_s

    def _note(self, chat: int, delay_s: int) -> None:
        self._known.pop(chat, None)
        self._known[chat] = _Known(delay_s, time.monotonic())
        while len(self._known) > CHATS:
            del self._known[next(iter(self._known))]

    @staticmethod
    def _is_old(known: _Known) -> bool:
        return time.monotonic() - known.at > ASK_AGAIN_S

    def _name(self, chat: int) -> str:
        return f"slow:{self.bot}:{chat}"

    def _bucket(self, chat: int, delay_s: int) -> Bucket:
        key = f"telegram:{self.bot}:{chat}:post"
        return Bucket(key, 1, delay_s + MARGIN_S, reserve=0, why="slow_mode", of=self.tenant)
