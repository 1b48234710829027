"""What the app asks of Slack. `deploy/slack-manifest.yaml` is written from this file.

`python -m bots.slack.manifest > deploy/slack-manifest.yaml` writes it. Tests compare the two, and
compare this list with what the code calls and hears.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

COMMANDS = {
    "/palaver": ("Ask a question, or a command such as help", "your question"),
    "/image": ("Paint a picture", "a red fox in the snow --size 1024x1024"),
}
ASK_ABOUT = "ask_about"
SUMMARISE = "summarise_thread"
SHORTCUTS = {
    ASK_ABOUT: ("Ask about this", "Ask Palaver a question about this message"),
    SUMMARISE: ("Summarise thread", "Palaver tells in short what was said in this thread"),
}
SCOPES = {
    "app_mentions:read": "hear mentions",
    "assistant:write": "be an agent: suggested prompts",
    "channels:history": "hear public channels, and read what was said before a question",
    "channels:read": "call channels by their names",
    "chat:write": "answer, stream, show a status",
    "commands": "slash commands and shortcuts",
    "files:read": "read files that come with a question",
    "files:write": "post pictures, sound and exports",
    "groups:history": "the same in private channels",
    "groups:read": "the same in private channels",
    "im:history": "hear direct messages",
    "im:read": "the same in direct messages",
    "im:write": "open direct messages",
    "mpim:history": "the same in group messages",
    "reactions:write": "react to a message that needs no answer",
    "usergroups:read": "call groups of people by their names",
    "users:read": "call people by their names, speak their language",
}
"""Each scope, and what it is for."""
EVENTS = (
    "agent_session_stopped",
    "agent_session_title_changed",
    "app_context_changed",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "tokens_revoked",
)
PROMPTS = (
    ("Summarise a document", "Summarise the document that I send you next, in five points."),
    ("Draft a reply", "Help me draft a short, friendly reply to this message: "),
    ("Turn notes into tasks", "Turn these notes into a table of tasks, owners and dates: "),
)


def manifest() -> dict[str, Any]:
    """The app's manifest, for Socket Mode (docs.slack.dev/reference/app-manifest)."""
    return {
        "display_information": {
            "name": "Palaver",
            "description": "An AI assistant that answers where you talk",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Palaver", "always_online": True},
            "agent_view": {
                "agent_description": "Ask anything, in any language. "
                "Mention me in a channel, or write to me here.",
                "suggested_prompts": [
                    {"title": title, "message": message.strip()} for title, message in PROMPTS
                ],
            },
            "shortcuts": [
                {"name": name, "type": "message", "callback_id": one, "description": about}
                for one, (name, about) in SHORTCUTS.items()
            ],
            "slash_commands": [
                {
                    "command": one,
                    "description": about,
                    "usage_hint": hint,
                    "should_escape": True,
                }
                for one, (about, hint) in COMMANDS.items()
            ],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }


def as_yaml() -> str:
    """The manifest as YAML, for the file in `deploy/`."""
    head = "# Paste this at api.slack.com/apps: Create New App, From a manifest.\n"
    return head + "\n".join(_lines(manifest(), "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield f"{indent}{key}:"
            yield from _lines(inner, f"{indent}  ")
        elif isinstance(inner, list):
            yield f"{indent}{key}:"
            for one in inner:
                lines = _lines(one, "") if isinstance(one, dict) else iter([_plain(one)])
                for number, line in enumerate(lines):
                    yield f"{indent}  {'- ' if not number else '  '}{line}"
        else:
            yield f"{indent}{key}: {_plain(inner)}"


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text, ensure_ascii=False) if ": " in text or text.endswith(":") else text


if __name__ == "__main__":
    sys.stdout.write(as_yaml())
