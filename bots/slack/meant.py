"""Whose an event is, where many workspaces have installed the app. Pure."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from bots.slack.fields import items, mapping, string

_MENTIONED = re.compile(r"<@([UW][A-Z0-9]+)")


class Shared(NamedTuple):
    """A message in a channel that several workspaces share.

    *thread*: which thread it is in, or begins. *mentioned*: the users whom it names.
    """

    channel: str
    thread: str
    mentioned: tuple[str, ...]


def teams_of(payload: Mapping[str, Any]) -> list[str]:
    """The ids under which *payload* may be known, the likeliest first.

    An event tells for which installation it is (docs.slack.dev/apis/events-api#authorizations); of
    an organisation's there is no team in it. What a person does tells it by a flag, in slash
    commands as a text (docs.slack.dev/enterprise/organization-ready-apps). A dialog that somebody
    of another workspace fills in tells where the app is installed.
    """
    first = next(iter(items(payload, "authorizations")), {})
    team, enterprise = payload.get("team"), payload.get("enterprise")
    team = string(team, "id") if isinstance(team, Mapping) else string(payload, "team_id")
    enterprise = (
        string(enterprise, "id")
        if isinstance(enterprise, Mapping)
        else string(payload, "enterprise_id")
    )
    installed = string(mapping(payload, "view"), "app_installed_team_id")
    whole = True in (payload.get("is_enterprise_install"), first.get("is_enterprise_install"))
    whole = whole or payload.get("is_enterprise_install") == "true"
    found = [
        *((string(first, "enterprise_id"), enterprise) if whole else ()),
        string(first, "team_id"),
        installed,
        team,
        string(first, "enterprise_id"),
        enterprise,
    ]
    return list(dict.fromkeys(filter(None, found)))


def shared(payload: Mapping[str, Any]) -> Shared | None:
    """What is to know of a message in a shared channel; None if it is in none.

    Source: docs.slack.dev/apis/slack-connect: `is_ext_shared_channel`. The app is another user in
    each workspace.
    """
    event = mapping(payload, "event")
    channel = string(event, "channel")
    if payload.get("is_ext_shared_channel") is not True or not channel:
        return None
    # What was deleted is only in `previous_message`.
    message = mapping(event, "message") or mapping(event, "previous_message") or event
    root = string(message, "thread_ts") or string(message, "ts")
    if not root:
        return None
    mentioned = tuple(_MENTIONED.findall(string(message, "text")))
    return Shared(channel, f"{channel}:{root}", mentioned)


def is_gone(payload: Mapping[str, Any]) -> bool:
    """Whether the app was taken out of the workspace, or its token was revoked.

    Source: docs.slack.dev/reference/events/tokens_revoked: `tokens.bot` lists our own.
    """
    event = mapping(payload, "event")
    kind = string(event, "type")
    return kind == "app_uninstalled" or (
        kind == "tokens_revoked" and bool(mapping(event, "tokens").get("bot"))
    )
