"""Finds forbidden words and patterns in a text while it streams. Pure.

A term may be split across deltas. So text that could be the beginning of a term is held back until
more text comes. The time grows in proportion to the text: one Aho-Corasick automaton finds all
words, and patterns look at most `REACH` characters back.
"""

import importlib
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from core.models.folding import fold, last_seen
from core.models.pattern_size import size_of
from core.telemetry import logger
from core.words import joined

if TYPE_CHECKING:
    import regex

log = logger(__name__)

Action = Literal["mask", "stop", "refuse"]
"""What happens to a text with a term in it: the term is blacked out; the text ends before it; the
whole text is taken back."""

MASK = "\N{FULL BLOCK}"
REACH = 256
"""The longest match of a pattern, and the longest word, in characters."""
HELD = 16 * REACH
"""The same limit for a text of mostly invisible characters."""
MOST_SIZE = 100_000
"""Of all patterns together, as `size_of` counts: some 60 MB of memory, and a second to compile."""
MOST_CHARS = 1_000_000
"""Of all words together: about 50 MB."""
PATTERN_S = 0.1
"""If the patterns need longer for a text, it is refused, because its content is not known."""

_STRENGTH: Sequence[Action] = ("mask", "stop", "refuse")


class Rule(NamedTuple):
    """*words* are found in all spellings (see `folding`), but Latin ones only as whole words."""

    action: Action
    words: Sequence[str] = ()
    patterns: Sequence[str] = ()


class Passed(NamedTuple):
    """The part of a text that may be shown, and what ended it (empty: nothing did)."""

    text: str
    ended: Literal["", "stop", "refuse"] = ""


class _Found(NamedTuple):
    start: int
    end: int
    action: Action


class Filter:
    """Searches for *rules*.

    Raises:
        ValueError: a pattern is not valid, or a word is too long, or there is too much of them.
        ImportError: there are words, but this Python has no library to find them.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        actions: dict[str, Action] = {}
        self._patterns: list[tuple[regex.Pattern[str], Action]] = []
        size = 0
        for rule in rules:
            for word in filter(None, map(str.strip, rule.words)):
                if len(word) > REACH:
                    raise ValueError(f"a word of {len(word)} characters is too long")
                actions[fold(word).low] = _stronger(rule.action, actions.get(fold(word).low))
            for pattern in rule.patterns:
                size += size_of(pattern)
                if size > MOST_SIZE:
                    # Found before it is compiled, because that alone could take gigabytes.
                    raise ValueError(f"{_shown(pattern)} makes the patterns too large: repeat less")
                self._patterns.append((_compiled(pattern), rule.action))
        actions.pop("", None)
        if sum(map(len, actions)) > MOST_CHARS:
            raise ValueError(f"the words have more than {MOST_CHARS:,} characters together")
        self._told: set[str] = set()
        self._words = list(actions.items())
        self._sorted = sorted(actions)
        self._longest = max(map(len, actions), default=0)
        self._automaton = (
            importlib.import_module("ahocorasick_rs").AhoCorasick(list(actions))
            if actions
            else None
        )

    @property
    def has_patterns(self) -> bool:
        return bool(self._patterns)

    def __bool__(self) -> bool:
        return bool(self._words or self._patterns)

    def screen(self, text: str) -> Passed:
        """The part of a whole *text* that passes."""
        return Screening(self).take(text, last=True)

    def find(self, text: str, *, last: bool) -> tuple[list[_Found], int]:
        """The terms in *text*, and where a term begins that more text may complete.

        *last*: no more text will come, so the second value is the end of *text*.
        """
        folded = fold(text)
        found: list[_Found] = []
        # Until all is found, places are counted in the folded text.
        open_at = len(folded.low)
        if self._automaton is not None:
            matches = self._automaton.find_matches_as_indexes(folded.low, overlapping=True)
            for index, start, end in matches:
                if _stands_alone(folded.low, start, end):
                    found.append(_Found(start, end, self._words[index][1]))
            open_at -= self._begun(folded.low)
        until = time.monotonic() + PATTERN_S
        for pattern, action in self._patterns:
            try:
                left = max(until - time.monotonic(), PATTERN_S / 100)
                for match in pattern.finditer(
                    folded.plain, partial=not last, timeout=left, concurrent=True
                ):
                    if match.partial:
                        open_at = min(open_at, match.start())
                    elif match.end() > match.start():
                        found.append(_Found(match.start(), match.end(), action))
            except TimeoutError:
                self._tell(pattern)
                return [_Found(0, len(text), "refuse")], len(text)
        at, whole = folded.at, len(folded.low)
        # A term at the end of the text may be longer, or be part of a longer, harmless word.
        open_at = min([open_at, *(one.start for one in found if one.end == whole)])
        found = [_Found(at[one.start], at[one.end], one.action) for one in found]
        if last:
            return found, len(text)
        return found, max(at[max(open_at, whole - REACH)], len(text) - HELD)

    def _tell(self, pattern: "regex.Pattern[str]") -> None:
        if pattern.pattern not in self._told:
            self._told.add(pattern.pattern)
            log.warning(
                "a pattern of the filter takes too long, so what it looks at is refused",
                pattern=pattern.pattern,
            )

    def _begun(self, folded: str) -> int:
        """The length of the longest end of *folded* that is the beginning of a word."""
        for length in range(min(self._longest, len(folded)), 0, -1):
            end = folded[-length:]
            at = bisect_left(self._sorted, end)
            if at < len(self._sorted) and self._sorted[at].startswith(end):
                return length
        return 0


class Screening:
    """Passes one text through a filter. *before* is the text that it continues."""

    def __init__(self, rules: Filter, before: str = "") -> None:
        self._rules = rules
        self._before = last_seen(before, len(before))
        self._held = ""

    def take(self, text: str, *, last: bool = False) -> Passed:
        """What passes after *text*, the next piece. The *last* one releases what was held back."""
        if not self._rules:
            return Passed(text)
        known = len(self._before)
        held = self._before + self._held + text
        found, open_at = self._rules.find(held, last=last)
        decided = [one for one in found if known <= one.start and (one.start < open_at or last)]
        open_at = max([known, open_at, *(one.end for one in decided)])
        shown = list(held[:open_at])
        end, ended = open_at, ""
        for one in decided:
            for at in range(one.start, one.end):
                shown[at] = MASK
            if one.action == "refuse":
                return Passed("", "refuse")
            if one.action == "stop":
                end, ended = min(end, one.start), "stop"
        self._before, self._held = last_seen(held, open_at), held[open_at:]
        return Passed("".join(shown[known:end]), "stop" if ended else "")


def _compiled(pattern: str) -> "regex.Pattern[str]":
    import regex  # noqa: PLC0415 - a megabyte, for who has patterns

    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise ValueError(f"{_shown(pattern)} is no pattern: {error}") from error


def _shown(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 60 else f"{pattern[:60]}…")


def _stronger(one: Action, other: Action | None) -> Action:
    return max(one, other or one, key=_STRENGTH.index)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no word continues on either side (in scripts with spaces between words)."""
    return not (
        (start > 0 and joined(text[start - 1], text[start]))
        or (end < len(text) and joined(text[end - 1], text[end]))
    )
