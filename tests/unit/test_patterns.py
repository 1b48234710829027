"""Patterns over what comes from outside cannot explode: no repetition in or beside another.

Each `re.compile` in the program is parsed by Python's own parser. Refused are an unbounded
repetition within a repetition whose rounds can be told apart in several ways, and two unbounded
repetitions side by side that may match the same characters. (`core/models/filter.py` compiles
what the operator wrote: those have a bound of time.)
"""

import ast
import importlib
import re
import re._constants as c
import re._parser as parser
from collections.abc import Mapping
from pathlib import Path

import pytest

from bots.registry import found

ROOT = Path(__file__).parents[2]
FUNCTIONS = {
    "compile",
    "match",
    "fullmatch",
    "search",
    "sub",
    "subn",
    "split",
    "findall",
    "finditer",
}
COMPILED_LATER = (
    "core/models/filter.py",  # What the operator wrote; bounded in time.
    "bots/spelling.py",  # Of each platform's ids: `in_plugins` looks at them.
)
CATEGORY = re.compile(r"\\p\{\w{1,20}\}")
"""A kind of characters that only the package `regex` knows: an accent stands for all of it."""
REPEATS = (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT)
MANY = 100
"""What may come more often than this is unbounded here."""
EVERYTHING = frozenset(
    map(chr, [*range(0x250), 0x300, 0x3B1, 0x4E2D, 0x3002, 0xFF0C, 0x1F600, 0x2028])
)
"""Characters that stand for all: of each kind that a pattern can tell apart there are some."""


def faults(pattern, flags=0):
    """What is wrong with *pattern*, in words."""
    parsed = parser.parse(CATEGORY.sub("\u0300", pattern), flags)
    return [*_in(parsed, parsed.state.flags)]


def _in(items, flags):
    items = list(_flat(items))
    for place, (kind, value) in enumerate(items):
        if kind in REPEATS:
            _, most, body = value
            if most is c.MAXREPEAT or most > MANY:
                if _loose(body, flags):
                    yield f"repetition within a repetition: {body}"
                if clash := _beside(items[place + 1 :], _all(body, flags), flags):
                    yield f"two repetitions of the same characters: {clash}"
            yield from _in(body, flags)
        else:
            for part in _parts(kind, value):
                yield from _in(part, flags)


def _flat(items):
    """*items* without groups that only group."""
    for kind, value in items:
        if kind is c.SUBPATTERN:
            yield from _flat(value[3])
        else:
            yield kind, value


def _parts(kind, value):
    if kind is c.BRANCH:
        return value[1]
    if kind in (c.ASSERT, c.ASSERT_NOT):
        return [value[1]]
    return []


def _least(items):
    """The length of the shortest text that *items* match."""
    return parser.SubPattern(parser.State(), list(items)).getwidth()[0]


def _unbounded(kind, value):
    return kind in REPEATS and (value[1] is c.MAXREPEAT or value[1] > MANY)


def _loose(body, flags):
    """Whether a round of *body* may end and the next begin at several places of one text."""
    items = list(_flat(body))
    if not items or _least(items) == 0:
        return bool(items)
    for place, (kind, value) in enumerate(items):
        if kind is c.BRANCH:
            firsts = [_first(branch, flags) for branch in value[1]]
            if sum(not _least(branch) for branch in value[1]) > 1:
                return True
            if any(one & other for n, one in enumerate(firsts) for other in firsts[n + 1 :]):
                return True
            if any(_loose_end(list(_flat(branch)), items, flags) for branch in value[1]):
                return True
        if kind in REPEATS and value[0] != value[1]:
            follows = [*items[place + 1 :], *items[: place + 1]]
            if _first(value[2], flags) & _first(follows, flags):
                return True
    return False


def _loose_end(branch, items, flags):
    return any(
        _unbounded(kind, value) and _all(value[2], flags) & _first(items, flags)
        for kind, value in branch[-1:]
    )


def _beside(items, characters, flags):
    """The unbounded repetition that meets *characters* with nothing certain between."""
    for kind, value in items:
        if _unbounded(kind, value) and _first(value[2], flags) & characters:
            return f"{kind} {value}"
        if kind in (c.AT, c.ASSERT, c.ASSERT_NOT):
            continue
        inside = value[1] if kind is c.BRANCH else [value[2]] if kind in REPEATS else []
        for part in inside:
            if clash := _beside(list(_flat(part)), characters, flags):
                return clash
        # What may be missing keeps nothing apart.
        if _least([(kind, value)]):
            characters = characters & _all([(kind, value)], flags)
            if not characters:
                return ""
    return ""


def _first(items, flags):
    """The characters that *items* may begin with."""
    found = frozenset()
    for kind, value in _flat(items):
        if kind in (c.AT, c.ASSERT, c.ASSERT_NOT):
            continue
        if kind is c.BRANCH:
            found |= frozenset().union(*(_first(branch, flags) for branch in value[1]))
        elif kind in REPEATS:
            found |= _first(value[2], flags)
        else:
            found |= _all([(kind, value)], flags)
        if _least([(kind, value)]):
            break
    return found


def _all(items, flags):
    """The characters that *items* may match, anywhere."""
    found = set()
    for kind, value in _flat(items):
        if kind in (c.LITERAL, c.NOT_LITERAL, c.IN, c.ANY, c.CATEGORY):
            found |= _characters(kind, value, flags)
        elif kind is c.BRANCH:
            found |= set().union(*(_all(branch, flags) for branch in value[1]))
        elif kind in REPEATS:
            found |= _all(value[2], flags)
        elif kind is c.GROUPREF:
            found |= EVERYTHING
    return frozenset(found)


def _characters(kind, value, flags):
    body = parser.SubPattern(parser.State(), [(kind, value)])
    body.state.flags = flags
    body.state.str = ""
    one = re._compiler.compile(body, flags)
    return {character for character in _near(kind, value) if one.fullmatch(character)}


def _near(kind, value):
    """All that stand for the rest, and those that the pattern names."""
    named = [value] if kind is c.LITERAL else []
    if kind is c.IN:
        for what, how in value:
            named += [how] if what is c.LITERAL else how if what is c.RANGE else []
    return EVERYTHING | set(map(chr, named))


def in_modules():
    """(where, pattern, flags) of what the modules hold, alone or in tables."""
    for path in sorted([*ROOT.glob("bots/**/*.py"), *ROOT.glob("core/**/*.py")]):
        where = path.relative_to(ROOT)
        name = ".".join(where.with_suffix("").parts).removesuffix(".__init__")
        if not name.endswith("__main__"):
            for held, value in vars(importlib.import_module(name)).items():
                for one in _patterns_in(value):
                    yield f"{where}:{held}", one.pattern, one.flags & ~re.UNICODE


def _patterns_in(value):
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Mapping):
        yield from _patterns_in([*value.keys(), *value.values()])
    elif isinstance(value, tuple | list | set | frozenset):
        for one in value:
            yield from _patterns_in(one)


def in_calls():
    """(where, pattern, flags) of what is written in a call; what is filled in is a word."""
    for path in sorted([*ROOT.glob("bots/**/*.py"), *ROOT.glob("core/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if _compiles(node) and isinstance(node.args[0], ast.Constant | ast.JoinedStr):
                pieces = getattr(node.args[0], "values", [node.args[0]])
                words = (getattr(piece, "value", "") for piece in pieces)
                pattern = "".join(word if isinstance(word, str) else "word" for word in words)
                yield f"{path.relative_to(ROOT)}:{node.lineno}", pattern, 0


def in_plugins():
    """(where, pattern, flags) of what each platform's ids look like."""
    for plugin in found():
        yield f"{plugin.name}:ids", plugin.ids, 0
        yield f"{plugin.name}:bare_ids", plugin.bare_ids, 0


def _compiles(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("re", "regex")
        and node.func.attr in FUNCTIONS
    )


@pytest.mark.parametrize(
    ("pattern", "flags"),
    [pytest.param(*one, id=where) for where, *one in [*in_modules(), *in_calls(), *in_plugins()]],
)
def test_no_pattern_of_the_program_can_explode(pattern, flags):
    if isinstance(pattern, str):
        assert faults(pattern, flags) == []


def test_every_pattern_is_looked_at():
    """One that is neither written in its call nor held by its module would be overlooked."""
    hidden = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted([*ROOT.glob("bots/**/*.py"), *ROOT.glob("core/**/*.py")])
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if _compiles(node) and not isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    ]
    assert [place for place in hidden if not place.startswith(COMPILED_LATER)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+b",
        r"(\w*)*x",
        r"(a|a)*b",
        r"(?:a|ab|b)+c",
        r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-*:?\s*)*\|?\s*$",
        r"\s*\s*x",
        r"\d+\w*x",
        r".*.*x",
        r"[\w.]+\.[\w.]+x",
        r"(?:\s*,?\s*)*x",
        r"\s*(?:a|\s+)b",
        r"(?:[\w-]+\.?)+@",
        r"a{0,500}a{0,500}b",
        r"\s*(?:x)?\s*y",
        r"\s*x?\s*$",
        r"\w+(?:-|,)?\w+!",
        r"\d*(?:\.|)\d*e",
        r"a*(?:b?c?)a*d",
        r"a+(?:b{0,3})(?:c|)a+d",
        r"[^a]*(?:a{0,2})[^b]*c",
        r"\s*(?:x?\s*)y",
        r"\s*(?:x\s*|y?)\s*z",
        r"a*(?=b?)a*c",
        r"a*?b?a*?c",
    ],
)
def test_a_pattern_that_can_explode_is_found(pattern):
    assert faults(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"a+b+",
        r"(?:ab)+",
        r"\w+(?:\.\w+)*",
        r"[^|]+\|",
        r"\s*[a-z]+\s*",
        r"`+|\*+",
        r"(?:> ?)*x",
        r"\s*(?:x\s*)?y",
        r"\s*x\s*y",
        r"a*b?c+",
        r"\d+(?:\.\d+)?(?:e\d+)?",
    ],
)
def test_a_pattern_that_is_linear_passes(pattern):
    assert faults(pattern) == []
