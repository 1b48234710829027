"""Thinking that a model writes into its answer, told apart: `<think> … </think>` and its cousins.

Only an answer's beginning may be thinking; the tags may be cut anywhere by the deltas. Where a
template wrote the opening tag itself, only the closing one comes: then what was said before it
is taken back, and was thinking.
"""

from typing import Literal, NamedTuple

from core.models.chunks import Delta, ReasoningDelta, TextDelta, Withdrawn

_State = Literal["begin", "thinking", "answer"]


class _Tag(NamedTuple):
    """*closing* ends what *opening* begins; *marks* are left out of the thinking and the answer."""

    opening: str
    closing: str
    marks: tuple[str, ...] = ()


_TAGS = (
    _Tag("<think>", "</think>"),
    _Tag("<thinking>", "</thinking>"),
    _Tag("<thought>", "</thought>"),
    _Tag("<seed:think>", "</seed:think>"),
    _Tag("[THINK]", "[/THINK]"),
    _Tag("◁think▷", "◁/think▷"),
    # Cohere's, and gpt-oss's, where a server does not read them itself.
    _Tag(
        "<|START_THINKING|>",
        "<|END_THINKING|>",
        ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ),
    _Tag(
        "<|channel|>analysis<|message|>",
        "<|channel|>final<|message|>",
        ("<|end|>", "<|start|>assistant", "<|return|>"),
    ),
    _Tag("<|channel|>final<|message|>", "", ("<|end|>", "<|return|>")),
)
_OPENINGS = tuple(tag.opening for tag in _TAGS)
_ORPHANS = ("</think>", "</thinking>", "</thought>", "[/THINK]", "◁/think▷")
LAST = ">", "]", "▷"
"""One of these ends each tag."""
_LONGEST = max(map(len, _ORPHANS))
_QUOTES = tuple("`'\"“”「」«»")
LOOKS = 20
"""So often a closing tag is looked at; an answer that is about them has many."""


class ThinkSplitter:
    """Takes pieces of text in order.

    *begun*: the answer has begun already, so no thinking will come.
    """

    def __init__(self, *, begun: bool = False) -> None:
        self._held = ""
        self._state: _State = "answer" if begun else "begin"
        self._tag = _TAGS[0]
        self._marks: tuple[str, ...] = ()
        self.said: list[str] = []
        """The answer so far, as it came."""
        self._looks = 0 if begun else LOOKS
        self._orphan = ""
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
        if self._state == "begin":
            begun = self._held.lstrip()
            # Between two thoughts, and before an answer, nothing is worth showing.
            if any(opening.startswith(begun) for opening in _OPENINGS):
                return []
            tag = next((tag for tag in _TAGS if begun.startswith(tag.opening)), None)
            if tag is None:
                self._state, held, self._held = "answer", self._held, ""
                return self._answer(begun if self._looks < LOOKS else held)
            self._marks, self._held = tag.marks, begun[len(tag.opening) :]
            self._looks = 0
            self._state, self._tag = ("thinking" if tag.closing else "answer"), tag
            if self._state == "answer":
                rest, self._held = self._held, ""
                return self._answer(rest)
        thought, closing, rest = self._held.partition(self._tag.closing)
        if not closing:
            end = len(thought) - _partial(thought, (self._tag.closing, *self._marks))
            thought, self._held = thought[:end], thought[end:]
            return self._thought(thought)
        self._state, self._held = "begin", ""
        return [*self._thought(thought), *self._take(rest)]

    def rest(self) -> list[Delta]:
        """What is still held back when the stream has ended."""
        held, self._held = self._held, ""
        orphaned = self._orphaned("") if self._orphan else []
        for mark in self._marks:
            held = held.replace(mark, "")
        if not held.strip():
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
            end = len(text) - _partial(text, self._marks)
            text, self._held = text[:end], text[end:]
            return [TextDelta(text)] if text else []
        if self._orphan:
            return self._orphaned(text) if text else []
        before = len(text)
        self.said.append(text)
        if self._looks and any(mark in text for mark in LAST):
            recent = "".join(self.said[-_LONGEST:])
            at, orphan = max((recent.rfind(one), one) for one in _ORPHANS)
            if at >= 0 and at + len(orphan) > len(recent) - before:
                self._looks -= 1
                self._orphan = orphan
                rest = recent[at + len(orphan) :]
                shown = [TextDelta(text)] if text else []
                return [*shown, *self._orphaned("")] if rest else [*shown]
        return [TextDelta(text)] if text else []

    def _orphaned(self, text: str) -> list[Delta]:
        """What a closing tag without a beginning was, now that *text* is known to follow it."""
        orphan, self._orphan = self._orphan, ""
        before, _, after = "".join(self.said).rpartition(orphan)
        after += text
        if not _is_end(before, after, orphan):
            self.said.append(text)
            return [TextDelta(text)] if text else []
        self._looks = 0
        self.said.clear()
        # A beginning that came late, or was no beginning, is left out.
        thought = before.strip()
        answer = after.lstrip()
        self._state, self._held = ("answer", "") if answer else ("begin", "")
        parts: list[Delta] = [Withdrawn()]
        if thought:
            parts.append(ReasoningDelta(thought))
        return [*parts, TextDelta(answer)] if answer else parts


def _is_end(before: str, after: str, orphan: str) -> bool:
    """Whether *orphan* between them ends a thought; else somebody writes about such tags."""
    opening = orphan.replace("/", "")
    if not after or opening in before or before.count("`") % 2 or before.count("~~~") % 2:
        return False
    line = before[before.rfind("\n") + 1 :]
    if not line.strip():
        # A line of its own; indented, it is code.
        return len(line.expandtabs()) < 4
    # Behind words, a quote's or a list's mark: somebody shows the tag. To lose what was said is
    # worse than to show a thought.
    if line[-1] == " " and after[:1] in ("\n", "\r"):
        words = line.rstrip()
        return words[-1] in ".!?…。！？" and any(map(str.isalpha, words))
    return line[-1] not in (" ", "(", "*", "_", "|", *_QUOTES) and after[:1] not in _QUOTES


def _partial(text: str, tags: tuple[str, ...]) -> int:
    """How many characters at the end of *text* may be the beginning of one of *tags*."""
    longest = max(map(len, tags)) - 1
    for length in range(min(longest, len(text)), 0, -1):
        end = text[-length:]
        if any(tag.startswith(end) for tag in tags):
            return length
    return 0
