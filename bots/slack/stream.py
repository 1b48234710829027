"""Slack's native streams: a message that grows by appends, in direct messages.

Source: docs.slack.dev, chat.startStream, chat.appendStream, chat.stopStream. In channels only one
person sees a stream grow, so we edit there. A stream dies after about five minutes
(python-slack-sdk#1859), so we begin a new message before that. If Slack refuses to stream, we edit
the same message.
"""

import math
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.cards import Cards, Chunk, display_mode
from bots.slack.failures import slack_errors
from bots.slack.fields import mapping, string
from bots.slack.limits import App, tier_budget
from bots.slack.markup import render, settled
from bots.slack.posts import controls
from bots.slack.streamed import added, bytes_of, reads
from bots.slack.surface import MARK, Rest, SlackSurface
from core.activity import Activity
from core.errors import ChatLost, ContentRefused, Full, Impossible, PlatformError, PostLost
from core.messages import Button, ConversationId, split_conversation
from core.platform import Bucket

STREAM_S = 240.0
# Tiers per method and workspace: startStream and stopStream 20 and more a minute, appendStream
# 100. Each pair is (calls, seconds), as in `bots/slack/limits.py`.
START = (20, 61.0)
START_BURST = (3, 9.15)
APPEND = (100, 61.0)
APPEND_BURST = (3, 1.83)
START_TIMEOUT_S = 0.5
"""If a new answer cannot start a stream within this time, it is posted instead."""
ANEW_S = 2.0
"""Who has not looked at the budget for so long did not wait for it."""
MOST_STARTS = 15
"""Streams that one process begins in a minute. Waiting for more would be slower than edits."""

AGAIN_S = 300.0
"""After so long we try again to stream in a workspace that could not."""
STREAM_BYTES = 9_000
"""A stream of this size is safe. Slack refuses more than some 10,600 bytes for good, and counts
mark-up characters as entities (openclaw#143882, CopilotKit#6063)."""
LAST_BYTES = 10_200
"""The last piece may make it a little longer."""

_NOT_HERE = frozenset(
    (
        "unknown_method",
        "method_deprecated",
        "method_not_supported_for_channel_type",
        "feature_not_enabled",
        "feature_disabled",
        "messages_tab_disabled",
        "not_allowed_token_type",
        "channel_type_not_supported",
        "not_authorized",
        "missing_scope",
    )
)
"""Refusals that hold for a whole workspace or app. Other refusals concern one message."""


_OF_STREAM = frozenset(("stopped_by_user", "message_not_in_streaming_state", "msg_too_long"))
"""Refusals that are not about cards."""


def cannot(code: str) -> bool:
    """Whether *code* says that this workspace or app cannot stream at all, for now."""
    return code in _NOT_HERE


def start_budget(app: App) -> tuple[Bucket, ...]:
    return tier_budget(app, "start", START, START_BURST)


def append_budget(app: App) -> tuple[Bucket, ...]:
    return tier_budget(app, "append", APPEND, APPEND_BURST)


def stop_budget(app: App) -> tuple[Bucket, ...]:
    return tier_budget(app, "stop", START, START_BURST)


class Streams:
    """Knows whether streams work in this workspace, and how many began lately."""

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._off_until = self._cards_off_until = 0.0
        self._begun: deque[float] = deque()

    def wanted(self, conversation: ConversationId) -> bool:
        """Whether to stream a new answer in *conversation*."""
        _, channel, thread = split_conversation(conversation)
        while self._begun and self._begun[0] < time.monotonic() - 60:
            self._begun.popleft()
        works = self._on and time.monotonic() >= self._off_until
        return works and channel[:1] == "D" and bool(thread) and len(self._begun) < MOST_STARTS

    @property
    def cards(self) -> bool:
        """Whether this workspace takes cards, as far as we know."""
        return time.monotonic() >= self._cards_off_until

    def cards_refused(self) -> None:
        self._cards_off_until = time.monotonic() + AGAIN_S

    def began(self) -> None:
        self._begun.append(time.monotonic())

    def refused(self, code: str) -> None:
        """Note Slack's refusal *code*. If the workspace cannot stream, pause for some minutes."""
        if cannot(code):
            self._off_until = time.monotonic() + AGAIN_S


class StreamSurface(SlackSurface):
    """One streamed message, for `STREAM_S`. If its stream ends earlier, it is edited."""

    def __init__(
        self,
        client: AsyncWebClient,
        app: App,
        conversation: ConversationId,
        streams: Streams,
        rest: Rest | None = None,
    ) -> None:
        super().__init__(client, app, conversation, rest=rest)
        self._streams = streams
        self._streaming = True
        self._halted = False
        """Whether somebody pressed Slack's Stop button: then nothing is added any more."""
        self._sent = ""
        self._cards = Cards()
        self._until = 0.0
        self._asked_at = math.inf
        self._looked_at = 0.0

    @property
    def grows(self) -> bool:
        return self._streaming

    @property
    def budget(self) -> Sequence[Bucket]:
        now = time.monotonic()
        if now - self._looked_at > ANEW_S:
            self._asked_at = math.inf
        self._looked_at = now
        if not self._ts and now - self._asked_at > START_TIMEOUT_S:
            self._streaming = False  # Too many streams began lately: an edit is faster.
        if not self._streaming:
            return super().budget
        if not self._ts:
            self._asked_at = min(self._asked_at, now)
        return append_budget(self._app) if self._ts else start_budget(self._app)

    @property
    def final_budget(self) -> Sequence[Bucket]:
        if self._streaming and self._ts:
            return stop_budget(self._app)
        return super().budget

    def take_steps(self, activity: Activity) -> bool:
        super().take_steps(activity)
        return self._streaming and self._streams.cards

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._streaming:
            try:
                await self._grow(render(settled(text)))
            except Impossible as error:
                self._streaming = False
                if str(error) == "stopped_by_user":
                    # Slack has ended the message. The event that says so will come.
                    self._halted = True
                self._streams.refused(str(error))
        if not self._streaming and not self._halted:
            await super().show(text or self._activity.text, buttons)

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._halted:
            # Somebody deleted this message too. Make no new one.
            with suppress(ChatLost, PostLost):
                await self._put(text, buttons)
            await self._end_session()
            return
        whole = ended = False
        if self._streaming and not self._ts and self._lost_at:
            await self._find_lost()
        if self._streaming and self._ts:
            rendered = render(text)
            size = bytes_of(rendered) + self._cards.bytes
            whole = rendered.startswith(self._sent) and size <= LAST_BYTES
            try:
                shown = await self._stop(rendered[len(self._sent) :] if whole else "", buttons)
            except Impossible:
                whole = False
            else:
                among = self._cards.any
                whole &= reads(shown, rendered, among=among) and not self._cards.open
                ended = True
        self._streaming = False
        if not whole:
            await super().finish(text, buttons)
        if self._until and buttons and not ended:
            await self._end_session()

    async def _grow(self, rendered: str) -> None:
        if not rendered.startswith(self._sent):
            raise PostLost("another text than was streamed")
        if not self._ts and self._lost_at:
            await self._find_lost()
            if self._ts:
                # Nobody knows how much of the text Slack took. An edit makes it right.
                raise PostLost("a stream whose begin was lost")
        more = rendered[len(self._sent) :]
        cards = self._cards.news(self._activity) if self._streams.cards else ()
        size = bytes_of(rendered) + self._cards.bytes
        if size > STREAM_BYTES or (self._ts and time.monotonic() > self._until):
            raise Full("the stream is too old, or too long")
        began = time.time()
        try:
            try:
                await self._add(more, cards)
            except ContentRefused as error:
                told = cards or not self._ts
                if not told or str(error) in _OF_STREAM or cannot(str(error)):
                    raise
                # This workspace takes no cards. The text goes without them.
                self._streams.cards_refused()
                await self._add(more, ())
        except PlatformError as error:
            if not self._ts:
                self._note_lost(error, began)
            elif type(error) is PlatformError:
                # Slack may have added the text. Adding it again would double it for good. An edit
                # of the whole text does not.
                self._streaming = False
            raise
        self._sent = rendered

    async def _add(self, more: str, cards: Sequence[Chunk]) -> None:
        """Begin the stream, or add to it: *more* text, and what is new of the cards."""
        if not more and not cards:
            return
        if not self._ts:
            display = display_mode(self._activity) if self._streams.cards else None
            await self._start(added(more, cards), display)
        else:
            with slack_errors():
                await self._client.chat_appendStream(
                    channel=self._channel, ts=self._ts, **added(more, cards)
                )
        self._cards.note(cards)

    async def _start(self, first: dict[str, Any], display: str | None) -> None:
        with slack_errors():
            started = await self._client.chat_startStream(
                channel=self._channel, thread_ts=self._thread, task_display_mode=display, **first
            )
        self._ts, self._until = str(started["ts"]), time.monotonic() + STREAM_S
        self._streams.began()

    def _is_ours(self, message: dict[str, Any]) -> bool:
        # A stream takes no metadata. So ours is the one in this thread that is still open.
        return string(message, "streaming_state") == "in_progress" or super()._is_ours(message)

    async def _stop(self, more: str, buttons: Sequence[Button]) -> dict[str, Any]:
        """End the stream with *more*, and return the message as Slack has it, if Slack tells."""
        # No card may stay open: it would be shown as failed.
        cards = self._cards.news(self._activity, ended=True) if self._streams.cards else ()
        status = "suspended" if self._activity.asks else "active"
        with slack_errors():
            answer: Any = await self._client.chat_stopStream(
                channel=self._channel,
                ts=self._ts,
                **added(more, cards),
                blocks=controls(buttons) or None,
                metadata={"event_type": MARK, "event_payload": {"post": self._mark}},
                # Otherwise the session stays at work and shows Slack's Stop button. If there are
                # no buttons, the answer goes on in another message.
                session_status=status if buttons else "processing",
            )
        self._cards.note(cards)
        return mapping(answer.data, "message")
