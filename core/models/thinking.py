"""Separates a model's thinking from its answer: `<think> … </think>` and similar tags.

Thinking comes only at the beginning of an answer. Deltas may cut the tags anywhere, and their
letters may be large or small. Some templates write the opening tag themselves, so only the closing
one comes. Then the text before it is taken back, because it was thinking.
`core.models.thinking_tags` knows the tags.
"""

from collections.abc import Sequence
from typing import Literal

from core.models.chunks import Delta, Finished, ReasoningDelta, TextDelta, Withdrawn
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
from core.words import join_many

_State = Literal["begin", "thinking", "answer"]

LAST = ">", "]", "▷"
"""One of these ends each tag."""
MOST_BEGINS = 100
"""After so many thoughts and speakers at the beginning, all text is the answer."""
LOOKS = 20
"""How many closing tags are looked at. An answer about such tags may have very many."""


class ThinkSplitter:
    """Takes pieces of text in order, and returns deltas of thinking and of answer.

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
        """Whether text without one of `LAST` is only more of the answer, and belongs in `said`."""

    def told(self, delta: Delta) -> Sequence[Delta]:
        """*delta*, told apart if it is text. At the end, what was held back comes before it."""
        if isinstance(delta, TextDelta):
            return self.take(delta.text)
        return [*self.rest(), delta] if isinstance(delta, Finished) else (delta,)

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
        # Blanks between two thoughts, or before the answer, are not shown.
        begun = self._held.lstrip(BLANK)
        lowered = low(begun)
        lead = next((one for one in LEADS if lowered.startswith(one)), None)
        if lead is not None and self._begins < MOST_BEGINS:
            # Words of the template. The server should not have sent them.
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
        """The stream has ended: release what was held back."""
        held, self._held = self._held, ""
        orphaned = self._orphaned("") if self._orphan else []
        for mark in self._marks:
            held = held.replace(mark, "")
        if not held.strip(BLANK):
            return orphaned
        return [ReasoningDelta(held)] if self._state == "thinking" else [TextDelta(held)]

    def say(self, text: str) -> None:
        """Note *text* as said."""
        self.said.append(text)
        join_many(self.said)

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
        self.say(text)
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
        """Decide what a closing tag without an opening one was. *text* follows it."""
        orphan, self._orphan = self._orphan, ""
        before, _, after = "".join(self.said).rpartition(orphan)
        after += text
        preface, thought = preface_of(before, orphan)
        if not is_end(thought, after, orphan):
            self.say(text)
            return [TextDelta(text)] if text else []
        self._looks = 0
        self.said.clear()
        # An opening tag inside the thought is left out.
        thought = thought.strip(BLANK)
        after = after.lstrip(BLANK)
        self._state, self._held = ("answer" if after else "begin"), ""
        parts: list[Delta] = [Withdrawn()]
        if thought:
            parts.append(ReasoningDelta(thought))
        answer = f"{preface}\n\n{after}" if preface else after
        return [*parts, TextDelta(answer)] if answer else parts
