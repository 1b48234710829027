"""Slack's settings, and how it is built from them."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from bots.finding import Finding
from bots.plugin import Lent, Plugin, Shared
from core.fields import Key, address
from core.platform import Platform

ROOT = "https://slack.com/api/"


def _root(value: str) -> str:
    # slack_sdk joins method names to this, and drops the last part without the slash. It sends its
    # token as a header, beside which no user can be sent.
    return f"{address(value)}/" if value.strip() else ROOT


class SlackSettings(BaseModel):
    slack_bot_token: Key = Field(
        SecretStr(""), description="Slack is on when this is set; starts with xoxb-"
    )
    slack_app_token: Key = Field(
        SecretStr(""), description="Socket Mode: no open port needed; starts with xapp-"
    )
    slack_signing_secret: Key = Field(
        SecretStr(""), description="HTTP events at PUBLIC_URL/slack/events instead of Socket Mode"
    )
    slack_api_url: Annotated[str, AfterValidator(_root)] = Field(
        ROOT, description="root of Slack's Web API"
    )
    slack_follow_threads: bool = Field(
        True, description="answer in a thread one was asked in without a new mention"
    )
    slack_stream: Literal["auto", "edits"] = Field(
        "auto", description="auto: Slack's native streams in direct messages; edits: never"
    )


def _on(settings: SlackSettings, shared: Shared) -> bool:
    return bool(settings.slack_bot_token.get_secret_value())


def _build(settings: SlackSettings, lent: Lent) -> Platform:
    from bots.slack.adapter import SlackPlatform  # noqa: PLC0415 - only if on

    return SlackPlatform(
        settings.slack_bot_token.get_secret_value(),
        settings.slack_api_url,
        lent.spare,
        commands=lent.commands,
        standing=lent.standing,
        speak=lent.speak,
        app_token=settings.slack_app_token.get_secret_value(),
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        follow_threads=settings.slack_follow_threads,
        streams=settings.slack_stream == "auto",
        overhears=lent.overhears,
        way=lent.shared.way,
    )


def _check(settings: SlackSettings, shared: Shared) -> AsyncIterator[Finding]:
    from bots.slack.check import look  # noqa: PLC0415 - only if on

    return look(
        settings.slack_bot_token.get_secret_value(),
        settings.slack_api_url,
        app_token=settings.slack_app_token.get_secret_value(),
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        way=shared.way,
    )


PLUGIN = Plugin(
    "slack",
    SlackSettings,
    "SLACK_BOT_TOKEN",
    _on,
    _build,
    _check,
    ids=r"[A-Z0-9]+",
    bare_ids=r"[UWCGD][A-Z0-9]{7,}",
    aliases={
        "SLACK_TOKEN": "SLACK_BOT_TOKEN",
        "SLACK_API_TOKEN": "SLACK_BOT_TOKEN",
        "SLACK_BASE_URL": "SLACK_API_URL",
    },
)
