"""Thinking that a model writes into its answer, told apart: `<think> … </think>` and its cousins.

Only an answer's beginning may be thinking; the tags may be cut anywhere by the deltas, and written
in any case. Where a template wrote the opening tag itself, only the closing one comes: then what
was said before it is taken back, and was thinking. `core.models.thinking_tags` knows the tags.
"""

from typing import Literal

from core.models.chunks import Delta, ReasoningDelta, TextDelta, Withdrawn
from core.models.thinking_tags import (
    BLANK,
    LEADS,
    ORPHAN,
    ORPHAN_CHARS,
    TAGS,
    closing_of,
    is_end,
    low,
    may_open,
    opened_by,
    partial,
    preface_of,
)

_State = Literal["begin", "thinking", "answer"]

LAST = ">", "]", "▷"
"""One of these ends each tag."""
MOST_BEGINS = 100
"""So many thoughts and speakers before an answer are looked for; what follows is the answer."""
LOOKS = 20
"""So often a closing tag is looked at; an answer that is about them has many."""


class ThinkSplitter:
    """Takes pieces of text in order.

    *begun*: the answer has begun already, so no thinking will come.
    """

    def __init__(self, *, begun: bool = False) -> None:
        self._held = ""
        self._state: _State = "answer" if begun else "begin"
        self._tag = TAGS[0]
        self._marks: tuple[str, ...] = ()
        self.said: list[str] = []
        """The answer so far, as it came."""
        self._looks = 0 if begun else LOOKS
        self._orphan = ""
        self._begins = 0
        self.flows = begun
        """Whether text without one of `LAST` is just more of the answer, and belongs to `said`."""

    def take(self, text: str) -> list[Delta]:
        """What *text* adds to the thinking and to the answer."""
        parts = self._take(text)
        self.flows = self._state == "answer" and not (self._marks or self._orphan)
        return parts

    def _take(self, text: str) -> list[Delta]:
        if self._state == "answer":
            return self._answer(text)
        self._held += text
        return self._begin() if self._state == "begin" else self._thinking()

    def _begin(self) -> list[Delta]:
        # Between two thoughts, and before an answer, nothing is worth showing.
        begun = self._held.lstrip(BLANK)
        lowered = low(begun)
        lead = next((one for one in LEADS if lowered.startswith(one)), None)
        if lead is not None and self._begins < MOST_BEGINS:
            # A template's own words, which its server should have kept.
            self._begins += 1
            self._held = begun[len(lead) :]
            self._looks = min(self._looks, LOOKS - 1)
            return self._begin()
        opened = opened_by(begun)
        if opened is None or self._begins >= MOST_BEGINS:
            if self._begins < MOST_BEGINS and may_open(lowered):
                return []
            self._state, held, self._held = "answer", self._held, ""
            return self._answer(begun if self._looks < LOOKS else held)
        self._begins += 1
        rest, tag = begun[opened.chars :], opened.tag
        self._tag, self._marks, self._looks = tag, tag.marks, 0
        if opened.closed or not tag.closing:
            self._held = rest
            return self._begin()
        self._state, self._held = "thinking", rest
        return self._thinking()

    def _thinking(self) -> list[Delta]:
        closing = closing_of(self._tag).search(self._held)
        if closing is None:
            end = len(self._held) - partial(self._held, (self._tag.closing, *self._marks))
            thought, self._held = self._held[:end], self._held[end:]
            return self._thought(thought)
        thought, self._held = self._held[: closing.start()], self._held[closing.end() :]
        self._state = "begin"
        return [*self._thought(thought), *self._take("")]

    def rest(self) -> list[Delta]:
        """What is still held back when the stream has ended."""
        held, self._held = self._held, ""
        orphaned = self._orphaned("") if self._orphan else []
        for mark in self._marks:
            held = held.replace(mark, "")
        if not held.strip(BLANK):
            return orphaned
        return [ReasoningDelta(held)] if self._state == "thinking" else [TextDelta(held)]

    def _thought(self, text: str) -> list[Delta]:
        for mark in self._marks:
            text = text.replace(mark, "")
        return [ReasoningDelta(text)] if text else []

    def _answer(self, text: str) -> list[Delta]:
        if self._marks:
            text = self._held + text
            for mark in self._marks:
                text = text.replace(mark, "")
            end = len(text) - partial(text, self._marks)
            text, self._held = text[:end], text[end:]
            return [TextDelta(text)] if text else []
        if self._orphan:
            return self._orphaned(text) if text else []
        before = len(text)
        self.said.append(text)
        if self._looks and any(mark in text for mark in LAST):
            recent = "".join(self.said[-ORPHAN_CHARS:])
            *_, found = [None, *ORPHAN.finditer(recent)]
            if found is not None and found.end() > len(recent) - before:
                self._looks -= 1
                self._orphan = found[0]
                shown: list[Delta] = [TextDelta(text)] if text else []
                return [*shown, *self._orphaned("")] if recent[found.end() :] else shown
        return [TextDelta(text)] if text else []

    def _orphaned(self, text: str) -> list[Delta]:
        """What a closing tag without a beginning was, now that *text* is known to follow it."""
        orphan, self._orphan = self._orphan, ""
        before, _, after = "".join(self.said).rpartition(orphan)
        after += text
        preface, thought = preface_of(before, orphan)
        if not is_end(thought, after, orphan):
            self.said.append(text)
            return [TextDelta(text)] if text else []
        self._looks = 0
        self.said.clear()
        # A beginning that came late, or was no beginning, is left out.
        thought = thought.strip(BLANK)
        after = after.lstrip(BLANK)
        self._state, self._held = ("answer" if after else "begin"), ""
        parts: list[Delta] = [Withdrawn()]
        if thought:
            parts.append(ReasoningDelta(thought))
        answer = f"{preface}\n\n{after}" if preface else after
        return [*parts, TextDelta(answer)] if answer else parts
