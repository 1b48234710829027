"""The client, which does not ask again where Slack refused to let us post.

An admin archives a channel, makes it read-only, locks a thread, or takes us out. Until that changes
each post there is refused. So a refusal counts for some minutes, and until somebody writes to us
there, if that shows that it holds no more.

Source: docs.slack.dev/reference/methods/chat.postMessage, the list of errors.
"""

import time
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

REMEMBER_S = 600.0
CHANNELS = 1_000
POSTS = frozenset(("chat.postMessage", "chat.startStream", "chat.postEphemeral"))
OUT = frozenset(("not_in_channel", "channel_not_found", "is_archived", "messages_tab_disabled"))
"""Who can write to us there shows that these hold no more."""
_OF_CHANNEL = OUT | {"restricted_action", "restricted_action_read_only_channel"}
_OF_THREAD = frozenset(
    (
        "cannot_reply_to_message",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
    )
)
"""These hold for one thread, or for posts outside all threads."""
Place = tuple[str, str, str]
"""A method, a channel, and a thread; or "*" for all that the channel holds."""


class SlackClient(AsyncWebClient):
    """Slack's own client."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._refused: dict[Place, tuple[Any, float]] = {}

    async def api_call(self, api_method: str, **options: Any) -> Any:
        """As Slack's own. A post that was refused not long ago is refused again, without a call."""
        sent = options.get("json")
        if api_method not in POSTS or not isinstance(sent, dict):
            return await super().api_call(api_method, **options)
        channel, thread = str(sent.get("channel")), str(sent.get("thread_ts") or "")
        for place in ((api_method, channel, "*"), (api_method, channel, thread)):
            response, at = self._refused.get(place, (None, 0.0))
            if response is not None and time.monotonic() - at < REMEMBER_S:
                raise SlackApiError("refused before", response)  # type: ignore[no-untyped-call]  # Slack's own
        try:
            return await super().api_call(api_method, **options)
        except SlackApiError as error:
            code = error.response.get("error")
            if code in _OF_CHANNEL | _OF_THREAD:
                place = (api_method, channel, thread if code in _OF_THREAD else "*")
                self._refused.pop(place, None)
                self._refused[place] = error.response, time.monotonic()
            while len(self._refused) > CHANNELS:
                del self._refused[next(iter(self._refused))]
            raise

    def heard(self, channel: str) -> None:
        """Somebody wrote to us in *channel*, so we are in it."""
        for place in [one for one in self._refused if one[1] == channel]:
            if self._refused[place][0].get("error") in OUT:
                del self._refused[place]
