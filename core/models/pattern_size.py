"""How large an operator's pattern gets when it is compiled. Pure, and found without compiling it.

The library writes out what must be there: the body of `{1000}` a thousand times and once more, that
of `+` twice, and so on in each other. So `(?:a{9999}){9999}` needs gigabytes, and thirty `+` in one
another do too. This reads only what matters for that: groups, sets, and how often something is
repeated. Where it cannot be sure of what it reads, it takes the larger size.
"""

import re
from typing import NamedTuple

_COUNT = re.compile(r"\{([\s\d][^{}]*)\}")
"""In some patterns there may be blanks and comments between the digits."""
_LOOSE = re.compile(r"\{[\s,\d]*\}")
_CLASS = re.compile(r"\[:\^?\w+:\]")
_VERBOSE = re.compile(r"\(\?[A-Za-z0-9-]*x")
_COMMENT = re.compile(r"#[^\n]*")
_BRACKET = re.compile(r"[][(){}\\]")
_FOLDED = re.compile(r"\(\?[A-Za-z0-9-]*(?:f|V1)")
FOLDED_SET = 100
"""With full case-folding a set holds some hundred letters that are written as several, like ß."""
MOST_DIGITS = 9
MOST_CHARS = 100_000
"""A longer pattern is not read: that alone makes it large."""


class _Level(NamedTuple):
    """A group that is open: its *size* up to *last*, the part that a repetition would repeat."""

    group: bool
    size: int
    last: int

    @property
    def whole(self) -> int:
        return self.size + self.last

    def then(self, size: int) -> "_Level":
        return _Level(self.group, self.whole, size)

    def times(self, factor: int) -> "_Level":
        return _Level(self.group, self.size, self.last * factor)


def size_of(pattern: str) -> int:
    """About how many steps the compiled *pattern* has: at most some hundred bytes each."""
    if len(pattern) > MOST_CHARS:
        return len(pattern)
    if _VERBOSE.search(pattern) and any(map(_BRACKET.search, _COMMENT.findall(pattern))):
        # What stands in a comment only looks like a group. All repetitions in one another, then.
        size = FOLDED_SET * len(pattern)
        for count in (
            *map(_factor, _COUNT.finditer(pattern)),
            *(2 for _ in pattern.split("+")[1:]),
        ):
            size *= count
        return size
    size = _read(pattern, nested=False)
    # Only with this flag sets may stand in sets, and perhaps it only looks like the flag.
    return max(size, _read(pattern, nested=True)) if "V1" in pattern else size


def _read(pattern: str, *, nested: bool) -> int:
    levels, at = [_Level(True, 0, 0)], 0
    a_set = FOLDED_SET if _FOLDED.search(pattern) else 1
    comment = _COMMENT if _VERBOSE.search(pattern) else None
    while at < len(pattern):
        character, top = pattern[at], levels[-1]
        begun, at = at, at + 1
        if character == "\\":
            at += 1
            levels[-1] = top.then(1)
        elif character == "[":
            at = _behind_set(pattern, at, nested=nested)
            levels[-1] = top.then(a_set + (at - begun) // 8)
        elif comment is not None and (found := comment.match(pattern, begun)):
            # Perhaps it is none. It counts, but what stands behind it repeats what is before.
            at = found.end()
            levels[-1] = top._replace(size=top.size + 2 * (at - begun))
        elif pattern.startswith("(?#", begun):
            at = (pattern.find(")", begun) + 1) or len(pattern)
        elif character == "(":
            levels.append(_Level(True, 1, 0))
        elif character == ")":
            _close(levels)
        elif count := _COUNT.match(pattern, begun):
            levels[-1], at = top.times(_factor(count)), _behind_mode(pattern, count.end())
        elif character == "+":
            levels[-1], at = top.times(2), _behind_mode(pattern, at)
        elif character in "*?":
            at = _behind_mode(pattern, at)
        elif character == "{":
            # How fuzzy what stands before it is, or only a brace.
            loose = _LOOSE.match(pattern, begun)
            if loose is None:
                levels[-1] = top.times(0)
                levels.append(_Level(False, top.last, 1))
            else:
                at = _behind_mode(pattern, loose.end())
        elif character == "}" and not top.group:
            levels.pop()
            levels[-1] = levels[-1].then(top.whole)
        elif not character.isspace():
            # In some patterns a blank is none, and what stands behind it repeats what is before.
            levels[-1] = top.then(1)
    return sum(level.whole for level in levels) + len(pattern)


def _close(levels: list[_Level]) -> None:
    """End a group, with the braces in it. If none is open, all that came is one."""
    size = 0
    while len(levels) > 1:
        level = levels.pop()
        size += level.whole
        if level.group:
            levels[-1] = levels[-1].then(size)
            return
    levels[0] = _Level(True, 0, size + levels[0].whole)


def _factor(count: "re.Match[str]") -> int:
    digits = "".join(re.findall(r"\d", re.split("[,<:]", count[1])[0])).lstrip("0")
    least = 10**MOST_DIGITS if len(digits) > MOST_DIGITS else int(digits or 0)
    return least + 1


def _behind_mode(pattern: str, at: int) -> int:
    """Behind the `?` or `+` at *at* that says how a repetition is tried, if there is one."""
    return at + 1 if pattern[at : at + 1] in ("?", "+") else at


def _behind_set(pattern: str, at: int, *, nested: bool) -> int:
    """Where the set ends whose content begins at *at*."""
    depth = 1
    at = _behind_first(pattern, at)
    while at < len(pattern) and depth:
        known = _CLASS.match(pattern, at)
        if known is not None:
            at = known.end()
        elif pattern[at] == "\\":
            at += 2
        elif pattern[at] == "[" and nested:
            depth += 1
            at = _behind_first(pattern, at + 1)
        else:
            depth -= pattern[at] == "]"
            at += 1
    return at


def _behind_first(pattern: str, at: int) -> int:
    """A `]` that is the first of a set does not end it."""
    at += pattern[at : at + 1] == "^"
    return at + (pattern[at : at + 1] == "]")
