"""The calls: posting and updating one message, and Slack's errors in our words."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.markup import SECTION_CHARS, fallback, plain, render
from core.errors import Gone, PlatformError, RateLimited, Rejected, Revoked
from core.messages import Button, ConversationId, split_conversation
from core.platform import Bucket

GROWING = "▍"

_LOST = frozenset(
    (
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "thread_not_found",
        "message_not_found",
        "cant_update_message",
        "restricted_action",
        "user_not_found",
        "user_not_in_channel",
    )
)
_NO_POST = frozenset(("message_not_found", "cant_update_message"))
_REVOKED = frozenset(
    (
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "team_access_not_granted",
    )
)
_AWAY = frozenset(("internal_error", "fatal_error", "service_unavailable", "request_timeout"))

# Slack's rate limits count per method and workspace (docs.slack.dev, rate limits): chat.update
# is Tier 3, 50 and more a minute; chat.postMessage about one a second in a channel, with short
# bursts. (calls, seconds): a little longer than Slack's minute, for calls that arrive late.
UPDATE = (50, 61.5)
POST = (3, 3.2)


@contextmanager
def slack_errors(setting: str = "SLACK_BOT_TOKEN") -> Iterator[None]:
    """Turn what `AsyncWebClient` raises into the errors of the port; *setting* names the token."""
    try:
        yield
    except SlackApiError as error:
        raise _typed(error, setting) from error
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise PlatformError(f"{type(error).__name__}: {error}") from error


def _typed(error: SlackApiError, setting: str) -> PlatformError:
    response: Any = error.response
    status = getattr(response, "status_code", 0)
    try:
        code = str(response["error"])
    except (KeyError, TypeError, ValueError):
        code = f"status {status}"
    if code == "ratelimited" or status == 429:
        headers = {k.lower(): v for k, v in getattr(response, "headers", {}).items()}
        return RateLimited(code, float(headers.get("retry-after", 30)))
    if code in _REVOKED:
        return Revoked(f"Slack does not accept {setting} ({code})")
    if code in _LOST:
        return Gone(code)
    if code in _AWAY or status >= 500 or code.startswith("status"):
        return PlatformError(code)
    return Rejected(code)


def post_budget(team: str, channel: str) -> tuple[Bucket, ...]:
    return (Bucket(f"slack:{team}:post:{channel}", *POST, reserve=0),)


def update_budget(team: str) -> tuple[Bucket, ...]:
    return (Bucket(f"slack:{team}:update", *UPDATE, reserve=3),)


class SlackSurface:
    """One message in a thread; its handle is its ts.

    *to_user*: shown to this person alone, once, when it is final.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        team: str,
        conversation: ConversationId,
        ts: str = "",
        to_user: str = "",
    ) -> None:
        self._client = client
        self._team = team
        _, self._channel, self._thread = split_conversation(conversation)
        self._ts = ts
        self._to_user = to_user

    @property
    def handle(self) -> str:
        return self._ts

    @property
    def grows(self) -> bool:
        return False

    @property
    def budget(self) -> Sequence[Bucket]:
        return update_budget(self._team) if self._ts else post_budget(self._team, self._channel)

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._to_user:
            return
        # A mark of its own line where the text ends with a fence or a table.
        space = "\n\n" if text.rpartition("\n")[2][:1] in ("`", "~", "|") else " "
        await self._put(f"{text}{space}{GROWING}", buttons)

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._to_user:
            with slack_errors():
                await self._client.chat_postEphemeral(
                    channel=self._channel, user=self._to_user, **_content(text, ())
                )
            return
        try:
            await self._put(text, buttons)
        except Gone as error:
            if not self._ts or str(error) not in _NO_POST:
                raise
            # Somebody deleted the growing post: the answer is still owed.
            self._ts = ""
            await self._put(text, buttons)

    async def delete(self) -> None:
        if not self._ts:
            return
        with slack_errors():
            await self._client.chat_delete(channel=self._channel, ts=self._ts)
        self._ts = ""

    async def _put(self, text: str, buttons: Sequence[Button]) -> None:
        try:
            await self._call(_content(text, buttons))
        except Rejected:
            # Better without its formatting than not at all.
            await self._call(_plain_content(text, buttons))

    async def _call(self, content: dict[str, Any]) -> None:
        with slack_errors():
            if self._ts:
                try:
                    await self._update(content)
                except SlackApiError as error:
                    if error.response.get("error") != "streaming_state_conflict":
                        raise
                    # Streamed by a process that died: its stream still stands open.
                    await self._client.chat_stopStream(channel=self._channel, ts=self._ts)
                    await self._update(content)
                return
            posted = await self._client.chat_postMessage(
                channel=self._channel,
                thread_ts=self._thread or None,
                unfurl_links=False,
                unfurl_media=False,
                **content,
            )
        self._ts = str(posted["ts"])

    async def _update(self, content: dict[str, Any]) -> None:
        # `parse` is `client` by default here, which would link names.
        await self._client.chat_update(channel=self._channel, ts=self._ts, parse="none", **content)


def _content(text: str, buttons: Sequence[Button]) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [{"type": "markdown", "text": render(text)}]
    if buttons:
        blocks.append(actions(buttons))
    return {"text": fallback(text), "blocks": blocks}


def _plain_content(text: str, buttons: Sequence[Button]) -> dict[str, Any]:
    shown = plain(text)
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "plain_text", "text": shown[at : at + SECTION_CHARS]}}
        for at in range(0, len(shown), SECTION_CHARS)
    ]
    return {"text": fallback(text), "blocks": [*blocks, *([actions(buttons)] if buttons else [])]}


def actions(buttons: Sequence[Button]) -> dict[str, Any]:
    """The block of *buttons*."""
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": button.command,
                "value": button.command,
                "text": {"type": "plain_text", "text": button.label},
            }
            for button in buttons
        ],
    }
