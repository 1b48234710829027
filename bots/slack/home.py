"""Views: the Home tab, the dialog of "Ask about this", and the thumbs under answers. Pure."""

import re
from collections.abc import Sequence
from typing import Any

from bots.slack.blocks import escaped
from bots.slack.markup import fallback, render
from core.messages import Button

SECTION_CHARS = 2_900
MOST_BLOCKS = 100
QUESTION = "question"

_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


def home_view(text: str, buttons: Sequence[dict[str, Any]], channel: str) -> dict[str, Any]:
    """The Home tab that shows *text*. Its buttons act on the place *channel*."""
    return {
        "type": "home",
        "private_metadata": channel,
        "blocks": [*_sections(text), *buttons][:MOST_BLOCKS],
    }


def menu_view(
    title: str, text: str, buttons: Sequence[dict[str, Any]], about: str
) -> dict[str, Any]:
    """A dialog that shows *text* and *buttons*. Slack sends *about* back with each press."""
    return {
        "type": "modal",
        "private_metadata": about,
        "title": _plain(title, 24),
        "blocks": [*_sections(text), *buttons][:MOST_BLOCKS],
    }


def _sections(text: str) -> list[dict[str, Any]]:
    """*text* (our own words) as sections, because a view takes no Markdown block."""
    shown = _BOLD.sub(r"*\1*", escaped(render(text))).replace("\n- ", "\n• ")
    parts = [
        part[at : at + SECTION_CHARS]
        for part in shown.split("\n\n")
        if part.strip()
        for at in range(0, len(part), SECTION_CHARS)
    ]
    return [{"type": "section", "text": {"type": "mrkdwn", "text": part}} for part in parts]


def text_dialog(
    title: str, ask: str, cancel: str, label: str, about: str, name: str = QUESTION
) -> dict[str, Any]:
    """A dialog for one text, such as a question. Slack sends *about* and *name* back with it."""
    return {
        "type": "modal",
        "callback_id": name,
        "private_metadata": about,
        "title": _plain(title, 24),
        "submit": _plain(ask, 24),
        "close": _plain(cancel, 24),
        "blocks": [
            {
                "type": "input",
                "block_id": QUESTION,
                "label": _plain(label, 150),
                "element": {
                    "type": "plain_text_input",
                    "action_id": QUESTION,
                    "multiline": True,
                    "max_length": SECTION_CHARS,
                },
            }
        ],
    }


def answer_of(view: dict[str, Any]) -> str:
    """What the person wrote into the dialog."""
    try:
        return str(view["state"]["values"][QUESTION][QUESTION]["value"] or "")
    except (KeyError, TypeError):
        return ""


def thumbs(up: Button, down: Button) -> dict[str, Any]:
    """The block that asks whether an answer was good.

    Source: docs.slack.dev, context actions block and feedback buttons element.
    """
    return {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": "rate",
                "positive_button": {"text": _plain(up.label, 75), "value": up.command},
                "negative_button": {"text": _plain(down.label, 75), "value": down.command},
            }
        ],
    }


def _plain(text: str, most: int) -> dict[str, str]:
    return {"type": "plain_text", "text": fallback(text)[:most]}
