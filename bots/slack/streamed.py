"""What is added to a native stream, how large it is, and whether Slack shows it. Pure."""

from collections.abc import Sequence
from typing import Any

from bots.slack.cards import Chunk
from bots.slack.fields import items, string


def added(more: str, cards: Sequence[Chunk]) -> dict[str, Any]:
    """What a call adds to a stream: *more* text alone, or chunks of *cards* and text."""
    if not cards:
        return {"markdown_text": more or None}
    text = [{"type": "markdown_text", "text": more}] if more else []
    return {"chunks": [*cards, *text]}


def reads(message: dict[str, Any], rendered: str, *, among: bool = False) -> bool:
    """Whether *message*, as Slack tells it, may show *rendered*. *among*: beside other text.

    Slack renders Markdown, so only letters and digits are compared. If there are links or other
    marks, only about how many letters there are.
    """
    found = _letters(string(message, "text")) or _letters("".join(_streamed(message)))
    if not found:
        return True  # Slack does not tell.
    wanted = _letters(rendered)
    if among:
        return wanted in found or len(found) > 0.7 * len(wanted)
    if not any(mark in rendered for mark in ("](", "<", "&", "|", "://")):
        return found == wanted
    return 0.7 < len(found) / max(1, len(wanted)) < 1.4


def _streamed(message: dict[str, Any]) -> list[str]:
    return [string(block, "text") for block in items(message, "blocks")]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def bytes_of(text: str) -> int:
    """The size of *text* in a stream."""
    marks = text.count("&") * 4 + (text.count("<") + text.count(">")) * 3
    return len(text.encode()) + marks
