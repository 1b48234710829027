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
from contextlib import suppress
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.failures import slack_errors
from bots.slack.fields import items, mapping, string
from bots.slack.limits import tier_budget
from bots.slack.markup import render, settled
from bots.slack.posts import controls
from bots.slack.surface import MARK, Rest, SlackSurface
from core.errors import ChatLost, Full, Impossible, PlatformError, PostLost
from core.messages import Button, ConversationId, split_conversation
from core.platform import Bucket

STREAM_S = 240.0
# Tiers per method and workspace: startStream and stopStream 20 and more a minute, appendStream
# 100. (calls, seconds), as in bots.slack.surface.
START = (20, 61.0)
START_BURST = (3, 9.15)
APPEND = (100, 61.0)
APPEND_BURST = (3, 1.83)
START_PATIENCE_S = 0.5
"""How long a new answer waits for the token of a start, before it is posted instead."""
MOST_STARTS = 15
"""Begun by one process in a minute; beyond that, waiting for a start would be slower than edits."""

AGAIN_S = 300.0
"""A workspace that cannot stream is asked again after so long."""
STREAM_BYTES = 9_000
"""So much of a stream is safe; beyond some 10,600 bytes Slack refuses it for good, and the mark-up
characters count as entities (openclaw#143882, CopilotKit#6063)."""
LAST_BYTES = 10_200
"""A last piece may use a little more of it."""

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
"""What a workspace or an app cannot do; other refusals are about one message alone."""


def cannot(code: str) -> bool:
    """Whether *code* says that this workspace or app cannot do it at all, for now."""
    return code in _NOT_HERE


def start_budget(app: str) -> tuple[Bucket, ...]:
    return tier_budget(f"slack:{app}:start", START, START_BURST)


def append_budget(app: str) -> tuple[Bucket, ...]:
    return tier_budget(f"slack:{app}:append", APPEND, APPEND_BURST)


def stop_budget(app: str) -> tuple[Bucket, ...]:
    return tier_budget(f"slack:{app}:stop", START, START_BURST)


class Streams:
    """Whether streams work in this workspace, and how many were begun lately."""

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._off_until = 0.0
        self._begun: deque[float] = deque()

    def wanted(self, conversation: ConversationId) -> bool:
        """Whether a new answer in *conversation* should be streamed."""
        _, channel, thread = split_conversation(conversation)
        while self._begun and self._begun[0] < time.monotonic() - 60:
            self._begun.popleft()
        works = self._on and time.monotonic() >= self._off_until
        return works and channel[:1] == "D" and bool(thread) and len(self._begun) < MOST_STARTS

    def began(self) -> None:
        self._begun.append(time.monotonic())

    def refused(self, code: str) -> None:
        """Slack refused with *code*: for some minutes, if the workspace cannot."""
        if cannot(code):
            self._off_until = time.monotonic() + AGAIN_S


class StreamSurface(SlackSurface):
    """One streamed message, for `STREAM_S`; if its stream ends before, it is edited."""

    def __init__(
        self,
        client: AsyncWebClient,
        team: str,
        conversation: ConversationId,
        streams: Streams,
        rest: Rest | None = None,
    ) -> None:
        super().__init__(client, team, conversation, rest=rest)
        self._streams = streams
        self._streaming = True
        self._halted = False
        """Somebody pressed Slack's Stop: nothing is added any more."""
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

    @property
    def final_budget(self) -> Sequence[Bucket]:
        if self._streaming and self._ts:
            return stop_budget(self._team)
        return super().budget

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._streaming:
            try:
                await self._grow(render(settled(text)))
            except Impossible as error:
                self._streaming = False
                if str(error) == "stopped_by_user":
                    # Slack has ended the message; the event that says so is on its way.
                    self._halted = True
                self._streams.refused(str(error))
        if not self._streaming and not self._halted:
            await super().show(text, buttons)

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._halted:
            # No new message, where somebody took this one away too.
            with suppress(ChatLost, PostLost):
                await self._put(text, buttons)
            await self._end_session()
            return
        whole = ended = False
        if self._streaming and not self._ts and self._lost_at:
            await self._find_lost()
        if self._streaming and self._ts:
            rendered = render(text)
            whole = rendered.startswith(self._sent) and _bytes(rendered) <= LAST_BYTES
            try:
                shown = await self._stop(rendered[len(self._sent) :] if whole else "", buttons)
            except Impossible:
                whole = False
            else:
                whole, ended = whole and reads(shown, rendered), True
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
                # How much of the text it took is not known: an edit says it for sure.
                raise PostLost("a stream whose begin was lost")
        more = rendered[len(self._sent) :]
        if _bytes(rendered) > STREAM_BYTES or (self._ts and time.monotonic() > self._until):
            raise Full("the stream is too old, or too long")
        began = time.time()
        try:
            if not self._ts:
                await self._start(more)
            elif more:
                with slack_errors():
                    await self._client.chat_appendStream(
                        channel=self._channel, ts=self._ts, markdown_text=more
                    )
        except PlatformError as error:
            if not self._ts:
                self._note_lost(error, began)
            elif type(error) is PlatformError:
                # It may have been added all the same. Adding it again would double it for good;
                # an edit of the whole text does not.
                self._streaming = False
            raise
        self._sent = rendered

    async def _start(self, text: str) -> None:
        with slack_errors():
            started = await self._client.chat_startStream(
                channel=self._channel, thread_ts=self._thread, markdown_text=text
            )
        self._ts, self._until = str(started["ts"]), time.monotonic() + STREAM_S
        self._streams.began()

    def _is_ours(self, message: dict[str, Any]) -> bool:
        # A stream takes no metadata: it is the one in this thread that is still open.
        return string(message, "streaming_state") == "in_progress" or super()._is_ours(message)

    async def _stop(self, more: str, buttons: Sequence[Button]) -> dict[str, Any]:
        """End the stream with *more*; returns the message as Slack has it, if it says so."""
        with slack_errors():
            answer: Any = await self._client.chat_stopStream(
                channel=self._channel,
                ts=self._ts,
                markdown_text=more or None,
                blocks=controls(buttons) or None,
                metadata={"event_type": MARK, "event_payload": {"post": self._mark}},
                # Else the session stays at work, and Slack's Stop button with it. Without
                # buttons the answer goes on in another message.
                session_status="active" if buttons else "processing",
            )
        return mapping(answer.data, "message")


def reads(message: dict[str, Any], rendered: str) -> bool:
    """Whether *message*, as Slack tells it, can be *rendered*.

    Slack renders Markdown, so only letters and digits are compared; and where links were
    rendered, about how many there are, and the last of them.
    """
    found = _letters(string(message, "text")) or _letters("".join(_streamed(message)))
    if not found:
        return True  # It does not say.
    wanted = _letters(rendered)
    if not any(mark in rendered for mark in ("](", "<", "&", "|", "://")):
        return found == wanted
    return 0.7 < len(found) / max(1, len(wanted)) < 1.4


def _streamed(message: dict[str, Any]) -> list[str]:
    return [string(block, "text") for block in items(message, "blocks")]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _bytes(text: str) -> int:
    """What *text* weighs for a stream."""
    marks = text.count("&") * 4 + (text.count("<") + text.count(">")) * 3
    return len(text.encode()) + marks
