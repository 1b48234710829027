"""What a post of ours holds: its text, the buttons under it, and the thumbs. Pure."""

from collections.abc import Sequence
from typing import Any

from bots.slack.home import thumbs
from bots.slack.markup import SECTION_CHARS, fallback, plain, render
from core.messages import Button

RATE = "rate "
ASKS = "ask:"
"""Stands before the `action_id` of a button that asks for a text."""


def content(text: str, buttons: Sequence[Button]) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [{"type": "markdown", "text": render(text)}]
    blocks += controls(buttons)
    return {"text": fallback(text), "blocks": blocks}


def plain_content(text: str, buttons: Sequence[Button]) -> dict[str, Any]:
    shown = plain(text)
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "plain_text", "text": shown[at : at + SECTION_CHARS]}}
        for at in range(0, len(shown), SECTION_CHARS)
    ]
    return {"text": fallback(text), "blocks": [*blocks, *controls(buttons)]}


def without_thumbs(buttons: Sequence[Button]) -> tuple[Button, ...]:
    return tuple(button for button in buttons if not button.command.startswith(RATE))


def controls(buttons: Sequence[Button]) -> list[dict[str, Any]]:
    """The blocks of *buttons*. The thumbs have a block of their own."""
    rate = [button for button in buttons if button.command.startswith(RATE)]
    others = without_thumbs(buttons)
    blocks = [actions(others)] if others else []
    return [*blocks, *([thumbs(*rate)] if len(rate) == 2 else [])]


def actions(buttons: Sequence[Button]) -> dict[str, Any]:
    """The block of *buttons*."""
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": f"{ASKS if button.asks else ''}{button.command}",
                "value": f"{button.command}\n{button.asks}" if button.asks else button.command,
                "text": {"type": "plain_text", "text": button.label},
            }
            for button in buttons
        ],
    }
