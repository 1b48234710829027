"""Slack's settings, and how it is built from them."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from bots.finding import Finding
from bots.plugin import Lent, Plugin, Shared
from core.errors import ConfigError
from core.fields import Key, Names, address
from core.platform import Platform
from core.tenant_names import own_name_of

if TYPE_CHECKING:
    from bots.slack.adapter import SlackPlatform

ROOT = "https://slack.com/api/"
EVENTS = "/slack/events"


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
    slack_client_id: str = Field(
        "",
        description="many workspaces: each installs the app at PUBLIC_URL/slack/install; needs "
        "ACCOUNTS_KEY",
    )
    slack_client_secret: Key = Field(SecretStr(""), description="its secret")
    slack_workspaces: Names = Field(
        (),
        description="which may install it and are served, by id (T…, E…), comma-separated; "
        "unset: any",
    )
    slack_follow_threads: bool = Field(
        True, description="answer in a thread one was asked in without a new mention"
    )
    slack_stream: Literal["auto", "edits"] = Field(
        "auto", description="auto: Slack's native streams in direct messages; edits: never"
    )


def _on(settings: SlackSettings, shared: Shared) -> bool:
    return bool(settings.slack_bot_token.get_secret_value() or settings.slack_client_id)


def _build(settings: SlackSettings, lent: Lent) -> Platform:
    # With several workspaces, the first one gets its events as they do.
    name = lent.shared.tenant
    first = bool(settings.slack_client_id) and not own_name_of(name)
    return _platform(settings, lent, name, settings.slack_bot_token, installed=first)


def _platform(
    settings: SlackSettings, lent: Lent, name: str, token: SecretStr, *, installed: bool = False
) -> "SlackPlatform":
    from bots.slack.adapter import SlackPlatform  # noqa: PLC0415 - only if on

    return SlackPlatform(
        token.get_secret_value(),
        settings.slack_api_url,
        lent.spare,
        name=name,
        known=lent.known,
        installed=installed,
        events_path=lent.shared.path(EVENTS),
        commands=lent.commands,
        standing=lent.standing,
        speak=lent.speak,
        app_token="" if installed else settings.slack_app_token.get_secret_value(),
        signing_secret="" if installed else settings.slack_signing_secret.get_secret_value(),
        follow_threads=settings.slack_follow_threads,
        streams=settings.slack_stream == "auto",
        overhears=lent.overhears,
        way=lent.shared.way,
    )


def _host(settings: SlackSettings, lent: Lent) -> None:
    """Let workspaces install the app, and serve those that did."""
    hosting = lent.hosting
    if not settings.slack_client_id or hosting is None:
        return
    if lacking := _lacking(settings, lent.shared):
        raise ConfigError(*lacking)
    from bots.slack.install import Install  # noqa: PLC0415 - only if on
    from bots.slack.installation import Installation, OAuth  # noqa: PLC0415 - only if on
    from bots.slack.workspaces import Workspaces  # noqa: PLC0415 - only if on

    def build(name: str, made: Installation) -> "SlackPlatform":
        return _platform(settings, lent, name, SecretStr(made.token), installed=True)

    root, secret = settings.slack_api_url, settings.slack_client_secret.get_secret_value()
    oauth, safe = OAuth(settings.slack_client_id, secret, root, lent.shared.way), lent.safe()
    workspaces = Workspaces(
        oauth,
        safe,
        hosting,
        build,
        wanted=settings.slack_workspaces,
        app_token=settings.slack_app_token.get_secret_value(),
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        events_path=EVENTS,
        api_url=root,
        way=lent.shared.way,
    )
    install = Install(oauth, safe, root, lent.shared.public_url, lent.speak, workspaces.keep)
    hosting.also([*install.routes(), *workspaces.routes()], workspaces.jobs())


def _lacking(settings: SlackSettings, shared: Shared) -> tuple[str, str] | None:
    """The setting that many workspaces need and is not set, and why."""
    if not settings.slack_client_secret.get_secret_value():
        return "SLACK_CLIENT_SECRET", "is needed with SLACK_CLIENT_ID"
    if not shared.public_url:
        return "PUBLIC_URL", "is needed with SLACK_CLIENT_ID: workspaces install the app there"
    if not (settings.slack_app_token or settings.slack_signing_secret).get_secret_value():
        return "SLACK_SIGNING_SECRET", "is needed with SLACK_CLIENT_ID (or SLACK_APP_TOKEN)"
    if not shared.keeps:
        return "ACCOUNTS_KEY", "is needed with SLACK_CLIENT_ID: it encrypts the tokens"
    return None


async def _of_many(settings: SlackSettings, shared: Shared) -> AsyncIterator[Finding]:
    if lacking := _lacking(settings, shared):
        yield Finding("FAIL", " ".join(lacking))
    else:
        yield Finding("ok", f"workspaces install the app at {shared.public_url}/slack/install")


def _check(settings: SlackSettings, shared: Shared) -> AsyncIterator[Finding]:
    if not settings.slack_bot_token.get_secret_value():
        return _of_many(settings, shared)
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
    tenant="slack_bot_token",
    host=_host,
)
