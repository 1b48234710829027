"""The calls: posting and updating one message, and Slack's errors in our words."""

import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.cards import Cards, Chunk
from bots.slack.failures import slack_errors
from bots.slack.fields import items, mapping, string
from bots.slack.limits import App, post_budget, update_budget
from bots.slack.posts import content, plain_content, without_thumbs
from core.activity import Activity
from core.errors import ContentRefused, Impossible, PlatformError, PostLost
from core.messages import Button, ConversationId, split_conversation
from core.platform import Bucket

GROWING = "▍"
CLOCKS_S = 30.0
"""How far Slack's clock and ours may be apart."""
LOOK_BACK = 100
"""A lost post is searched for in so many of the newest messages."""

NO_MEMBER = frozenset(("not_in_channel", "channel_not_found", "user_not_in_channel"))
MARK = "palaver_post"
"""The type of our metadata. With it we find a post whose answer was lost."""
Rest = Callable[[str, str], Awaitable[None]]
"""Ends the session of a thread: (channel, thread)."""


class SlackSurface:
    """One message in a thread. Its handle is its ts.

    Slack's calls take no idempotency key. So each post carries a mark of ours. If the answer to a
    call was lost, we look for the mark before we post again.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        app: App,
        conversation: ConversationId,
        ts: str = "",
        thread: str = "",
        rest: Rest | None = None,
    ) -> None:
        self._client = client
        self._app = app
        _, self._channel, self._thread = split_conversation(conversation)
        self._thread = thread or self._thread
        self._ts = ts
        self._rest = rest
        self._mark = uuid.uuid4().hex
        self._lost_at = 0.0
        """Since when there may be a post that we do not know of; 0.0: there is none."""
        self._activity = Activity()

    @property
    def handle(self) -> str:
        return self._ts

    @property
    def grows(self) -> bool:
        return False

    @property
    def budget(self) -> Sequence[Bucket]:
        return update_budget(self._app) if self._ts else post_budget(self._app, self._channel)

    @property
    def final_budget(self) -> Sequence[Bucket]:
        return self.budget

    def take_steps(self, activity: Activity) -> bool:
        """Keep *activity* for a stream that is still open. In other messages its line is text."""
        self._activity = activity
        return False

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        # After a fence or a table, the mark gets a line of its own.
        space = "\n\n" if text.rpartition("\n")[2][:1] in ("`", "~", "|") else " "
        await self._put(f"{text}{space}{GROWING}", buttons)

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        try:
            await self._put(text, buttons)
        except PostLost:
            if not self._ts:
                raise
            # Somebody deleted the growing post, or it is too old. The answer must still be shown.
            self._ts = ""
            await self._put(text, buttons)

    async def delete(self) -> None:
        if not self._ts:
            return
        with slack_errors():
            await self._client.chat_delete(channel=self._channel, ts=self._ts)
        self._ts = ""
        if self._channel.startswith("D"):
            await self._end_session()  # The post may have been a stream.

    async def _end_session(self) -> None:
        if self._rest is not None and self._thread:
            await self._rest(self._channel, self._thread)

    async def _put(self, text: str, buttons: Sequence[Button]) -> None:
        others = without_thumbs(buttons)
        tries = [content(text, buttons)]
        if others != tuple(buttons):
            tries.append(content(text, others))  # A workspace may not know thumbs yet.
        for one in tries:
            with suppress(ContentRefused):
                await self._call(one)
                return
        # Slack refused the formatting. Send the plain text.
        await self._call(plain_content(text, others))

    async def _call(self, content: dict[str, Any]) -> None:
        if not self._ts and self._lost_at:
            await self._find_lost()
        if self._ts:
            with slack_errors():
                await self._change(content)
            return
        metadata = {"event_type": MARK, "event_payload": {"post": self._mark}}
        began = time.time()
        try:
            with slack_errors():
                posted = await self._client.chat_postMessage(
                    channel=self._channel,
                    thread_ts=self._thread or None,
                    unfurl_links=False,
                    unfurl_media=False,
                    metadata=metadata,
                    **content,
                )
        except PlatformError as error:
            self._note_lost(error, began)
            raise
        self._ts = str(posted["ts"])

    def _note_lost(self, error: PlatformError, began: float) -> None:
        """Note that the call which *began* then may have worked in spite of *error*."""
        if type(error) is PlatformError and not self._lost_at:
            self._lost_at = began

    async def _find_lost(self) -> None:
        """Look for the post of a call whose answer was lost."""
        answer: Any
        since = f"{self._lost_at - CLOCKS_S:.6f}"
        try:
            with slack_errors():
                if self._thread:
                    answer = await self._client.conversations_replies(
                        channel=self._channel,
                        ts=self._thread,
                        oldest=since,
                        include_all_metadata=True,
                        limit=LOOK_BACK,
                    )
                else:
                    answer = await self._client.conversations_history(
                        channel=self._channel,
                        oldest=since,
                        include_all_metadata=True,
                        limit=LOOK_BACK,
                    )
        except Impossible:
            # We may not look. A double post is better than none.
            self._lost_at = 0.0
            return
        self._lost_at = 0.0
        for message in reversed(items(answer.data, "messages")):
            if self._is_ours(message):
                self._ts = string(message, "ts")
                return

    def _is_ours(self, message: dict[str, Any]) -> bool:
        payload = mapping(mapping(message, "metadata"), "event_payload")
        return string(payload, "post") == self._mark

    async def _change(self, content: dict[str, Any]) -> None:
        try:
            await self._update(content)
        except SlackApiError as error:
            if error.response.get("error") != "streaming_state_conflict":
                raise
            # A process that died had streamed it, and the stream is still open.
            try:
                await self._end_stream(Cards().news(self._activity, ended=True))
            except SlackApiError:
                await self._end_stream(())
            await self._update(content)

    async def _end_stream(self, cards: Sequence[Chunk]) -> None:
        await self._client.chat_stopStream(
            channel=self._channel, ts=self._ts, session_status="active", chunks=cards or None
        )

    async def _update(self, content: dict[str, Any]) -> None:
        # Here the default of `parse` is `client`, which would link names.
        await self._client.chat_update(channel=self._channel, ts=self._ts, parse="none", **content)
