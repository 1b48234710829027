"""Slack's errors in our words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from core.errors import (
    Barred,
    ChatLost,
    ContentRefused,
    PlatformError,
    PostLost,
    RateLimited,
    Revoked,
)

_LOST = frozenset(
    (
        "channel_not_found",
        "not_in_channel",
        "thread_not_found",
        "user_not_found",
        "user_not_in_channel",
        "cannot_reply_to_message",
        "team_access_not_granted",  # To an organisation's token: only this workspace is lost.
    )
)
_BARRED: Mapping[str, Literal["channel", "archived", "tab"]] = {
    "restricted_action": "channel",
    "restricted_action_read_only_channel": "channel",
    "restricted_action_thread_only_channel": "channel",
    "restricted_action_non_threadable_channel": "channel",
    "restricted_action_thread_locked": "channel",
    "is_archived": "archived",
    "messages_tab_disabled": "tab",
}
"""An admin forbids us to write there (docs.slack.dev/reference/methods/chat.postMessage)."""
_NO_POST = frozenset(("message_not_found", "cant_update_message", "edit_window_closed"))
"""The post cannot be changed any more. Its text must be shown in another one."""
_REVOKED = frozenset(
    (
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
    )
)
_AWAY = frozenset(("internal_error", "fatal_error", "service_unavailable", "request_timeout"))


@contextmanager
def slack_errors(setting: str = "SLACK_BOT_TOKEN") -> Iterator[None]:
    """Turn `AsyncWebClient`'s errors into the errors of the port. *setting* names the token."""
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
        code = ""
    return refusal(code, status, getattr(response, "headers", {}), setting)


def refusal(
    code: str, status: int, headers: Mapping[str, Any], setting: str = "SLACK_BOT_TOKEN"
) -> PlatformError:
    """The error of an answer that is not `ok`. *code*: what it says; empty if it says nothing."""
    code = code or f"status {status}"
    if code in ("ratelimited", "rate_limited") or status == 429:
        named = {name.lower(): value for name, value in headers.items()}
        return RateLimited(code, _seconds(named.get("retry-after")))
    if code in _REVOKED:
        return Revoked(f"Slack does not accept {setting} ({code})")
    if code in _NO_POST:
        return PostLost(code)
    if code in _BARRED:
        return Barred(code, _BARRED[code])
    if code in _LOST:
        return ChatLost(code)
    if code in _AWAY or status >= 500 or code.startswith("status"):
        return PlatformError(code)
    return ContentRefused(code)


def _seconds(value: object) -> float:
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return 30.0
