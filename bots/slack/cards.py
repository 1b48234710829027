"""Task cards: the steps of an answer in a native stream, as chunks of its calls. Pure.

Sources: docs.slack.dev, chat.appendStream and chat.startStream (`task_update`, `plan_update`,
`task_display_mode`). Measured by others: a later chunk of the same id replaces title and status and
adds to `details`; each text has at most 256 characters; what is open when the stream stops is shown
as failed; details count twice in the size of the message (openclaw#143882).
"""

from collections.abc import Sequence
from typing import Any

from core.activity import MARKS, Activity, ShownStep, StepState

MOST_CARDS = 20
"""A message has at most 50 blocks. Further steps only change the plan's title."""
MOST_BYTES = 3_000
"""The rest of a stream's message is for the text."""
FIELD_CHARS = 256
_STATUS: dict[StepState, str] = {
    "running": "in_progress",
    "done": "complete",
    # The question stands below. Nothing goes on here until it is answered.
    "asking": "complete",
    "failed": "error",
    "unsure": "error",
}

Chunk = dict[str, Any]


class Cards:
    """The cards of one stream: what Slack has of them, and what is new."""

    def __init__(self) -> None:
        self._plan = ""
        self._known: dict[str, Chunk] = {}

    @property
    def any(self) -> bool:
        """Whether the stream has cards."""
        return bool(self._known)

    @property
    def open(self) -> bool:
        """Whether a card shows that it goes on."""
        return any(one["status"] == "in_progress" for one in self._known.values())

    @property
    def bytes(self) -> int:
        """What the cards take of the message's size."""
        return len(self._plan.encode()) + sum(map(_bytes, self._known.values()))

    def news(self, activity: Activity, *, ended: bool = False) -> Sequence[Chunk]:
        """The chunks that tell what is new. *ended*: no card stays open."""
        cards = {step.id: self._of(step) for step in activity.steps}
        cards |= {id_: one for id_, one in self._known.items() if id_ not in cards}
        known_bytes, room = self.bytes, MOST_CARDS - len(self._known)
        chunks: list[Chunk] = []
        for id_, told in cards.items():
            card = _closed(told) if ended else told
            known = self._known.get(id_)
            if known is not None:
                if _differ(known, card):
                    chunks.append(_without_details(card))
                continue
            if known_bytes + _bytes(card) > MOST_BYTES:
                card = _without_details(card)
            known_bytes, room = known_bytes + _bytes(card), room - 1
            if room >= 0 and known_bytes <= MOST_BYTES:
                chunks.append(card)
        plan = _text(activity.plain)
        if chunks and plan and plan != self._plan:
            chunks.insert(0, {"type": "plan_update", "title": plan})
        return chunks

    def note(self, chunks: Sequence[Chunk]) -> None:
        """Slack has *chunks*."""
        for chunk in chunks:
            if chunk["type"] == "plan_update":
                self._plan = chunk["title"]
            elif chunk["type"] == "task_update":
                self._known[chunk["id"]] = {**self._known.get(chunk["id"], {}), **chunk}

    @staticmethod
    def _of(step: ShownStep) -> Chunk:
        mark = f" {MARKS[step.state]}" if step.state in ("asking", "unsure") else ""
        said = f" – {step.progress}" if step.progress else ""
        took = f" ({step.seconds:.1f} s)" if step.seconds >= 0.1 else ""
        card = {
            "type": "task_update",
            "id": step.id,
            "title": _text(f"{step.title}{said}{took}{mark}"),
            "status": _STATUS[step.state],
        }
        return {**card, "details": _text(step.detail)} if step.detail else card


def display_mode(activity: Activity) -> str:
    """`plan`: the cards fold into one line. `timeline`: each is to be seen."""
    return "timeline" if activity.verbose else "plan"


def _bytes(card: Chunk) -> int:
    return len(card["title"].encode()) + 2 * len(card.get("details", "").encode())


def _closed(card: Chunk) -> Chunk:
    return {**card, "status": "error"} if card["status"] == "in_progress" else card


def _differ(known: Chunk, card: Chunk) -> bool:
    return (known["title"], known["status"]) != (card["title"], card["status"])


def _without_details(card: Chunk) -> Chunk:
    """A known card's details would be added to those that it has."""
    return {name: value for name, value in card.items() if name != "details"}


def _text(text: str) -> str:
    """*text* that mentions nobody, as long as a card's text may be."""
    text = text.replace("<", "‹").replace(">", "›")
    return text if len(text) <= FIELD_CHARS else f"{text[: FIELD_CHARS - 1]}…"
