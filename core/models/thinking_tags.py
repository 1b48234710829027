"""The tags around thinking, as models and their templates write them. Pure.

Sources: the model cards and chat templates of DeepSeek R1, QwQ and Qwen3, Magistral, Kimi,
Seed-OSS, Command A Reasoning, gpt-oss (cookbook.openai.com, "harmony"), OpenThinker, LongCat,
Gemma 4 and MedGemma; autumn 2026.
"""

import re
import string
from typing import NamedTuple

BLANK = string.whitespace + "\u0085\u00a0\u200b\u200c\u200d\u2060\u3000\ufeff"
"""Characters that may stand before a tag: space, and invisible ones."""


_LOW = {ord(letter): letter.lower() for letter in string.ascii_uppercase}


def low(text: str) -> str:
    """*text* with the letters of tags made small. Its length stays the same."""
    return text.translate(_LOW)


class Tag(NamedTuple):
    """A pair of tags. *marks* are left out of the thinking and of the answer."""

    opening: str
    closing: str
    marks: tuple[str, ...] = ()


_FINAL = "<|channel|>final"
_CHANNELS = ("<|channel|>analysis", "<|channel|>commentary")
_MARKS = (
    "<|message|>",
    "<|end|>",
    "<|start|>assistant",
    "<|return|>",
    "<|call|>",
    "<|constrain|>json",
)
_NAMES = (
    *("think", "thinking", "thought", "thoughts", "reasoning", "reason", "reflection"),
    *("scratchpad", "antthinking", "seed:think", "longcat_think", "mm:think"),
)
TAGS = (
    *(Tag(f"<{name}>", f"</{name}>") for name in _NAMES),
    Tag("[THINK]", "[/THINK]"),
    Tag("◁think▷", "◁/think▷"),
    Tag(
        "<|begin_of_thought|>",
        "<|end_of_thought|>",
        ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ),
    Tag("<unused94>thought", "<unused95>"),
    Tag("<|channel>thought", "<channel|>"),
    # Cohere's, and gpt-oss's, if the server does not read them itself.
    Tag(
        "<|START_THINKING|>",
        "<|END_THINKING|>",
        ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ),
    *(Tag(channel, _FINAL, (*_CHANNELS, *_MARKS)) for channel in _CHANNELS),
    Tag(_FINAL, "", _MARKS),
)
LEADS = (
    "<|start|>assistant",
    "<|im_start|>assistant",
    "<|start_header_id|>assistant<|end_header_id|>",
    "<|assistant|>",
)
"""Words with which a template begins an answer: they name the speaker."""
_BLANKS = 8
_INSIDE_CHARS = 200
"""How many blanks a closing tag may hold, and how long the attributes of an opening one may be."""


def _any_of(text: str) -> str:
    """The pattern of the opening tag *text*. It allows blanks and attributes."""
    named = re.escape(text[:-1])
    return (
        rf"{named}[\s/][^<>]{{0,{_INSIDE_CHARS}}}>|{re.escape(text)}"
        if _named(text)
        else (re.escape(text))
    )


def _named(text: str) -> bool:
    return text.startswith("<") and text.strip("</>") in _NAMES


_OPENINGS = re.compile("|".join(f"({_any_of(tag.opening)})" for tag in TAGS), re.IGNORECASE)
_OPENS = re.compile(
    rf"<(?:{'|'.join(_NAMES)})[\s/][^<>]{{0,{_INSIDE_CHARS}}}", re.IGNORECASE | re.ASCII
)
_ATTRIBUTE = re.compile(r"[\w:.-]+\s?=")


class Opened(NamedTuple):
    """*tag* was opened with *chars* characters. *closed*: it closes itself (`<think/>`)."""

    tag: Tag
    chars: int
    closed: bool


def opened_by(text: str) -> Opened | None:
    """The tag that the beginning of *text* opens; None if it opens none."""
    found = _OPENINGS.match(text)
    if found is None or found.lastindex is None:
        return None
    tag = TAGS[found.lastindex - 1]
    inside = found[0][len(tag.opening) - 1 : -1].strip() if _named(tag.opening) else ""
    closed = inside.endswith("/")
    inside = inside.rstrip("/").rstrip()
    if inside and not _ATTRIBUTE.match(inside):
        return None  # The brackets hold words, so it is no tag.
    return Opened(tag, found.end(), closed)


def may_open(lowered: str) -> bool:
    """Whether all of *lowered* may be the beginning of an opening tag. It has small letters."""
    return any(one.startswith(lowered) for one in _BEGINNINGS) or bool(_OPENS.fullmatch(lowered))


_BEGINNINGS = tuple(low(one) for one in (*LEADS, *(tag.opening for tag in TAGS)))


def closing_of(tag: Tag) -> re.Pattern[str]:
    """The pattern that ends *tag*."""
    return _CLOSINGS[tag.closing]


def _closed(text: str) -> str:
    return rf"{re.escape(text[:-1])}\s{{0,{_BLANKS}}}>" if _named(text) else re.escape(text)


_CLOSINGS = {tag.closing: re.compile(_closed(tag.closing), re.IGNORECASE) for tag in TAGS}
_CLOSES = re.compile(rf"</(?:{'|'.join(_NAMES)})\s{{1,{_BLANKS}}}\Z", re.IGNORECASE)


def partial(text: str, tags: tuple[str, ...]) -> int:
    """How many characters at the end of *text* may be the beginning of one of *tags*."""
    longest = max(map(len, tags)) - 1
    lowered = low(text[-longest - _BLANKS :])
    if closing := _CLOSES.search(lowered):
        return len(closing[0])
    for length in range(min(longest, len(lowered)), 0, -1):
        if any(low(tag).startswith(lowered[-length:]) for tag in tags):
            return length
    return 0


_ORPHANED = ("</think>", "</thinking>", "</thought>", "</reasoning>", "[/THINK]", "◁/think▷")
ORPHAN = re.compile("|".join(map(_closed, _ORPHANED)), re.IGNORECASE)
ORPHAN_CHARS = max(map(len, _ORPHANED)) + _BLANKS


def _opening(orphan: str) -> str:
    """The opening tag that belongs to *orphan*, a closing one."""
    return low("".join(orphan.replace("/", "").split()))


_OPENED = {
    _opening(orphan): re.compile(_any_of(_opening(orphan)), re.IGNORECASE) for orphan in _ORPHANED
}
_QUOTES = tuple("`'\"“”「」«»")
_ENDS = tuple(".!?…。！？")
_SPEAKERS = ("assistant", "model", "ai", "助手")
_PREFACE_CHARS = 200


def preface_of(before: str, orphan: str) -> tuple[str, str]:
    """The text *before* a closing tag, divided: what comes before the opening tag, and the thought.

    The opening tag counts only after a whole sentence near the beginning. Otherwise all the text is
    the thought, with the opening tag in it.
    """
    found = _OPENED[_opening(orphan)].search(before[: _PREFACE_CHARS + _INSIDE_CHARS])
    if found is None or found.start() > _PREFACE_CHARS:
        return "", before
    head, thought = before[: found.start()], before[found.end() :]
    preface, line = head.strip(BLANK), head.rpartition("\n")[2]
    if preface.lower() in ("", *_SPEAKERS):
        # In an indented line the tag is code.
        return ("", thought) if "\n" in head and len(line.expandtabs()) < 4 else ("", before)
    shows = preface.count("`") % 2 or preface.count("~~~") % 2 or _EXAMPLE.search(preface)
    indented = not line.strip() and len(line.expandtabs()) > 3
    return ("", before) if shows or indented or preface[-1] not in _ENDS else (preface, thought)


_EXAMPLE = re.compile(r"\btags?\b|\bexample|标签|例", re.IGNORECASE)
"""A text that speaks of tags probably shows one."""


def is_end(before: str, after: str, orphan: str) -> bool:
    """Whether *orphan*, between both texts, ends a thought. Else the answer is about such tags."""
    shows = before.count("`") % 2 or before.count("~~~") % 2
    if not after or _OPENED[_opening(orphan)].search(before) or shows:
        return False
    line = before[before.rfind("\n") + 1 :]
    if not line.strip(BLANK):
        # The tag has a line of its own. In an indented line it would be code.
        return len(line.expandtabs()) < 4
    # After words, or the mark of a quote or a list, the tag is shown as a text. If in doubt, show
    # a thought: that is better than to lose a part of the answer.
    if line[-1] == " " and after[:1] in ("\n", "\r"):
        words = line.rstrip()
        return words[-1] in _ENDS and any(map(str.isalpha, words))
    return line[-1] not in (" ", "(", "*", "_", "|", *_QUOTES) and after[:1] not in _QUOTES
