"""Thinking that a model writes into its answer, told apart: `<think> … </think>`.

Many local models do so; the tag may be cut anywhere by the deltas.
"""

from typing import Literal

from core.models.chunks import ReasoningDelta, TextDelta

_State = Literal["begin", "thinking", "blank", "answer"]
OPENING, CLOSING = "<think>", "</think>"


class ThinkSplitter:
    """Takes pieces of text in order; only an answer's beginning may be thinking.

    *begun*: the answer has begun already, so no thinking will come.
    """

    def __init__(self, *, begun: bool = False) -> None:
        self._held = ""
        self._state: _State = "answer" if begun else "begin"

    @property
    def over(self) -> bool:
        """Whether the answer has begun, so that all that comes is text."""
        return self._state == "answer"

    def take(self, text: str) -> list[TextDelta | ReasoningDelta]:
        """What *text* adds to the thinking and to the answer."""
        if self._state == "answer":
            return [TextDelta(text)]
        self._held += text
        if self._state == "begin":
            begun = self._held.lstrip()
            if len(begun) < len(OPENING) and OPENING.startswith(begun):
                return []
            if not begun.startswith(OPENING):
                return self._answer(self._held)
            self._state, self._held = "thinking", begun[len(OPENING) :]
        if self._state == "thinking":
            thought, closing, rest = self._held.partition(CLOSING)
            if not closing:
                end = len(thought) - _partial(thought)
                thought, self._held = thought[:end], thought[end:]
                return [ReasoningDelta(thought)] if thought else []
            self._state, self._held = "blank", ""
            return [*([ReasoningDelta(thought)] if thought else []), *self.take(rest)]
        # Between the thinking and the answer nothing is worth showing.
        return self._answer(begun) if (begun := self._held.lstrip()) else []

    def rest(self) -> list[TextDelta | ReasoningDelta]:
        """What is still held back when the stream has ended."""
        held, self._held = self._held, ""
        if not held.strip():
            return []
        return [ReasoningDelta(held)] if self._state == "thinking" else [TextDelta(held)]

    def _answer(self, text: str) -> list[TextDelta | ReasoningDelta]:
        self._state, self._held = "answer", ""
        return [TextDelta(text)]


def _partial(text: str) -> int:
    """How many characters at the end of *text* may be the beginning of the closing tag."""
    for length in range(min(len(CLOSING) - 1, len(text)), 0, -1):
        if CLOSING.startswith(text[-length:]):
            return length
    return 0
