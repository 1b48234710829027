"""The tags around thinking, as models and their templates write them; pure.

Sources: the model cards and chat templates of DeepSeek R1, QwQ and Qwen3, Magistral, Kimi,
Seed-OSS, Command A Reasoning, gpt-oss (cookbook.openai.com, "harmony"), OpenThinker, LongCat,
Gemma 4 and MedGemma; autumn 2026.
"""

import re
import string
from typing import NamedTuple

BLANK = string.whitespace + "\u0085\u00a0\u200b\u200c\u200d\u2060\u3000\ufeff"
"""What may stand before a tag: space, and what nobody sees."""


_LOW = {ord(letter): letter.lower() for letter in string.ascii_uppercase}


def low(text: str) -> str:
    """*text* with small letters, those of tags; it stays as long as it is."""
    return text.translate(_LOW)


class Tag(NamedTuple):
    """*closing* ends what *opening* begins; *marks* are left out of the thinking and the answer."""

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
    # Cohere's, and gpt-oss's, where a server does not read them itself.
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
"""How a template begins an answer: who speaks."""
ORPHANS = ("</think>", "</thinking>", "</thought>", "</reasoning>", "[/THINK]", "◁/think▷")
_QUOTES = tuple("`'\"“”「」«»")
_ENDS = tuple(".!?…。！？")
_SPEAKERS = ("assistant", "model", "ai", "助手")
_PREFACE_CHARS = 200


def preface_of(before: str, orphan: str) -> tuple[str, str]:
    """What was said *before* a closing tag: what stands before the opening one, and the thought.

    Where the opening one does not stand on a line of its own, behind a whole sentence near the
    beginning, all of it is the thought, and the opening one is in it.
    """
    opening = re.escape(orphan.replace("/", ""))
    found = re.match(
        rf"(.{{1,{_PREFACE_CHARS}}}?)\n[ ]{{0,3}}{opening}", before, re.IGNORECASE | re.DOTALL
    )
    if found is None:
        return "", before
    preface, thought = found[1].strip(BLANK), before[found.end() :]
    if preface.lower() in ("", *_SPEAKERS):
        return "", thought
    shows = preface.count("`") % 2 or preface.count("~~~") % 2
    return ("", before) if shows or preface[-1] not in _ENDS else (preface, thought)


def is_end(before: str, after: str, orphan: str) -> bool:
    """Whether *orphan* between them ends a thought; else somebody writes about such tags."""
    opening = low(orphan.replace("/", ""))
    shows = before.count("`") % 2 or before.count("~~~") % 2
    if not after or opening in low(before) or shows:
        return False
    line = before[before.rfind("\n") + 1 :]
    if not line.strip(BLANK):
        # A line of its own; indented, it is code.
        return len(line.expandtabs()) < 4
    # Behind words, a quote's or a list's mark: somebody shows the tag. To lose what was said is
    # worse than to show a thought.
    if line[-1] == " " and after[:1] in ("\n", "\r"):
        words = line.rstrip()
        return words[-1] in _ENDS and any(map(str.isalpha, words))
    return line[-1] not in (" ", "(", "*", "_", "|", *_QUOTES) and after[:1] not in _QUOTES
