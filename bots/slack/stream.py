"""Slack's native streams: a message that grows by appends, in direct messages.

Source: docs.slack.dev, chat.startStream, chat.appendStream, chat.stopStream. In channels a
stream is live for one person only, so there we edit. Streams die after about five minutes
(python-slack-sdk#1859): before that we go on in a new message. Where Slack refuses, we go on by
editing the same one.
"""

import math
import time
from collections import deque
from collections.abc import Sequence

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.markup import render
from bots.slack.surface import SlackSurface, actions, slack_errors
from core.errors import Full, Gone, Rejected
from core.messages import Button, ConversationId, split_conversation
from core.platform import Bucket

STREAM_S = 240.0
# Tiers per method and workspace: startStream and stopStream 20 and more a minute, appendStream
# 100. (calls, seconds), as in bots.slack.surface.
START = (20, 61.5)
APPEND = (100, 61.5)
START_PATIENCE_S = 0.5
"""How long a new answer waits for the token of a start, before it is posted instead."""
MOST_STARTS = 15
"""Begun by one process in a minute; beyond that, waiting for a start would be slower than edits."""

_NOT_HERE = frozenset(
    (
        "unknown_method",
        "method_deprecated",
        "method_not_supported_for_channel_type",
        "feature_not_enabled",
        "not_allowed_token_type",
        "channel_type_not_supported",
        "missing_recipient_team_id",
        "missing_recipient_user_id",
        "not_authorized",
        "missing_scope",
    )
)


def start_budget(team: str) -> tuple[Bucket, ...]:
    return (Bucket(f"slack:{team}:start", *START, reserve=0),)


def append_budget(team: str) -> tuple[Bucket, ...]:
    return (Bucket(f"slack:{team}:append", *APPEND, reserve=3),)


class Streams:
    """Whether streams work in this workspace, and how many were begun lately."""

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._begun: deque[float] = deque()

    def wanted(self, conversation: ConversationId) -> bool:
        """Whether a new answer in *conversation* should be streamed."""
        _, channel, thread = split_conversation(conversation)
        while self._begun and self._begun[0] < time.monotonic() - 60:
            self._begun.popleft()
        return self._on and channel[:1] == "D" and bool(thread) and len(self._begun) < MOST_STARTS

    def began(self) -> None:
        self._begun.append(time.monotonic())

    def refused(self, code: str) -> None:
        """Slack refused with *code*: for good, if it says so."""
        if code in _NOT_HERE:
            self._on = False


class StreamSurface(SlackSurface):
    """One streamed message, for `STREAM_S`; if its stream ends before, it is edited."""

    def __init__(
        self, client: AsyncWebClient, team: str, conversation: ConversationId, streams: Streams
    ) -> None:
        super().__init__(client, team, conversation)
        self._streams = streams
        self._streaming = True
        self._sent = ""
        self._until = 0.0
        self._asked_at = math.inf

    @property
    def grows(self) -> bool:
        return self._streaming

    @property
    def budget(self) -> Sequence[Bucket]:
        if not self._ts and time.monotonic() - self._asked_at > START_PATIENCE_S:
            self._streaming = False  # Others have begun too many: an edit is sooner there.
        if not self._streaming:
            return super().budget
        if not self._ts:
            self._asked_at = min(self._asked_at, time.monotonic())
        return append_budget(self._team) if self._ts else start_budget(self._team)

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._streaming:
            try:
                await self._grow(render(text))
            except (Rejected, Gone) as error:
                self._streams.refused(str(error))
                self._streaming = False
        if not self._streaming:
            await super().show(text, buttons)

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        whole = False
        if self._streaming and self._ts:
            rendered = render(text)
            whole = rendered.startswith(self._sent)
            try:
                await self._stop(rendered[len(self._sent) :] if whole else "", buttons)
            except (Rejected, Gone):
                whole = False
        self._streaming = False
        if not whole:
            await super().finish(text, buttons)

    async def _grow(self, rendered: str) -> None:
        if not rendered.startswith(self._sent):
            raise Rejected("another text than was streamed")
        more = rendered[len(self._sent) :]
        if not self._ts:
            with slack_errors():
                started = await self._client.chat_startStream(
                    channel=self._channel, thread_ts=self._thread, markdown_text=more
                )
            self._ts, self._until = str(started["ts"]), time.monotonic() + STREAM_S
            self._streams.began()
        elif time.monotonic() > self._until:
            raise Full("the stream is too old")
        elif more:
            with slack_errors():
                await self._client.chat_appendStream(
                    channel=self._channel, ts=self._ts, markdown_text=more
                )
        self._sent = rendered

    async def _stop(self, more: str, buttons: Sequence[Button]) -> None:
        with slack_errors():
            await self._client.chat_stopStream(
                channel=self._channel,
                ts=self._ts,
                markdown_text=more or None,
                blocks=[actions(buttons)] if buttons else None,
                # Its own status stays at work otherwise, and Slack's Stop button with it.
                session_status="active",
            )
