"""What the demo model calls tools for, and how it tells what came of that.

Like its answers, this follows from words in the question, in English or Chinese. It calls only what
it was offered, as any model.
"""

import datetime
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from core.languages.catalogue import Language
from core.times.spoken import NotUnderstoodError, PastError, TooFarError, understand
from core.times.zones import zone_meant


class Wanted(NamedTuple):
    """A call of the tool *name*."""

    name: str
    arguments: Mapping[str, Any]


_ANY = re.DOTALL | re.IGNORECASE
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_TIME = re.compile(r"\b(?:what(?:'s| is)? the time|what time|time is it|time in)\b|几点|时间", _ANY)
_WHERE = re.compile(r"\bin ([a-z][a-z /_'-]{1,40})", re.IGNORECASE)
_WHERE_ZH = {
    "东京": "Asia/Tokyo",
    "北京": "Asia/Shanghai",
    "上海": "Asia/Shanghai",
    "纽约": "America/New_York",
    "伦敦": "Europe/London",
    "柏林": "Europe/Berlin",
}
MOST_CHARS = 500
"""Nobody asks the demo for something in a longer text."""
_ASKS_SUM = re.compile(
    r"(?:calculate|compute|what is|what's|how much is|计算|算一下|算) ?[:：]? ?", re.IGNORECASE
)
_SUM = re.compile(r"(?:[\d.,() +*/^×÷−%-]|of|sqrt|pi)+", re.IGNORECASE)
_SUM_ENDS = ("?", "？", ".", "。", "=", "是多少", "等于多少")
_PERCENT_OF = re.compile(r"(\d[\d.]{0,20}) ?% ?(?:of )?(?=[\d(])", re.IGNORECASE)
_NOTE = re.compile(r"(?:please )?(?:add a note|take a note|note)(?: that)?\b[:： ]{0,2}(.+)", _ANY)
_NOTE_ZH = re.compile(r"请?(?:记一下|记下|添加笔记|笔记)[:：,， ]{0,2}(.+)", _ANY)
_NOTES = re.compile(r"\b(?:list|show|which|what)\b.*\bnotes\b|(?:列出|显示|有哪些).*笔记", _ANY)
_DICE = re.compile(r"\broll (?:a |the |(\d{1,2}) )?(?:dice|die)\b|掷(\d{1,2})?[个颗]?骰子", _ANY)
_DRAW = re.compile(r"(?:please )?(?:draw|paint)(?: me)?(?: a picture of)? (.+)", _ANY)
_DRAW_ZH = re.compile(r"请?(?:帮我)?画(?:一[张幅只个])?(.+)", _ANY)
_CHANGE = re.compile(
    r"make (?:it|the picture|that) (.+)|"
    r"((?:a bit |much )?(?:warmer|colder|cooler|darker|brighter|lighter))(?:,? please)?[.!]?|"
    r"(?:让它|把它|改成|变得?)(.+)",
    _ANY,
)
_REMIND = re.compile(r"(?:please )?remind me (.+)", _ANY)
_REMIND_ZH = "提醒我"
_KEEP = re.compile(r"(?:please )?remember that (i .+|my .+)|记住[,，:：]?(我.+)", _ANY)
_SAID = re.compile(r"(?:what|when|where) did i say (?:about )?(.+)|我说过(.+)", _ANY)


def wanted(question: str, offered: Collection[str]) -> Wanted | None:
    """What the demo calls to answer *question*, of the *offered* tools; None for nothing."""
    if len(question) > MOST_CHARS:
        return None
    text = " ".join(question.split())
    # In a group, the name of who speaks is before the question.
    _, _, unnamed = text.partition(": ")
    for call in (*_calls(text), *_calls(unnamed)):
        if call.name in offered:
            return call
    return None


def _calls(text: str) -> Sequence[Wanted]:
    """All that *text* may mean, the likeliest first."""
    found: list[Wanted] = []
    if _NOTES.search(text):
        found.append(Wanted("notes__list_notes", {}))
    if note := _NOTE.fullmatch(text) or _NOTE_ZH.fullmatch(text):
        found.append(Wanted("notes__add_note", {"text": note[1].strip()}))
    if dice := _DICE.search(text):
        found.append(Wanted("notes__roll_dice", {"count": int(dice[1] or dice[2] or 1)}))
    if remind := _REMIND.fullmatch(text):
        found += _reminder(remind[1])
    elif _REMIND_ZH in text:
        found += _reminder(text.removeprefix("请").replace(_REMIND_ZH, "", 1))
    if fact := _KEEP.fullmatch(text):
        found.append(Wanted("memory", {"fact": (fact[1] or fact[2]).strip()[:200]}))
    if said := _SAID.fullmatch(text.rstrip("?？吗 ")):
        found.append(Wanted("search_here", {"query": (said[1] or said[2]).strip()[:200]}))
    if change := _CHANGE.fullmatch(text):
        prompt = (change[1] or change[2] or change[3]).strip()
        found.append(Wanted("image", {"prompt": prompt, "change": True}))
    if draw := _DRAW.fullmatch(text) or _DRAW_ZH.fullmatch(text):
        found.append(Wanted("image", {"prompt": draw[1].strip()}))
    if _TIME.search(text):
        found.append(Wanted("time", _zone(text)))
    if sum_ := _sum(text):
        found.append(Wanted("calculate", {"expression": sum_}))
    return found


def _sum(text: str) -> str:
    """The sum that *text* asks for; empty if it asks for none."""
    opening = _ASKS_SUM.match(text)
    asked = text[opening.end() :] if opening else text
    for end in _SUM_ENDS:
        asked = asked.removesuffix(end).rstrip()
    if not _SUM.fullmatch(asked):
        return ""
    asked = _PERCENT_OF.sub(r"\1/100*", asked.replace(",", "")).strip()
    return asked if re.search(r"\d ?[-+*/^×÷−%(]|sqrt", asked) else ""


def _zone(text: str) -> dict[str, str]:
    here = next((zone for name, zone in _WHERE_ZH.items() if name in text), "")
    if not here and (where := _WHERE.search(text)):
        here = zone_meant(where[1].strip()) or where[1].strip()
    return {"zone": here} if here else {}


def _reminder(text: str) -> Sequence[Wanted]:
    try:
        language = Language("zh" if _CHINESE.search(text) else "en")
        said = understand(text.strip(), datetime.datetime.now(datetime.UTC), (language,))
    except (NotUnderstoodError, PastError, TooFarError):
        return ()
    what = re.sub(r"(?i)^(?:to|that|about)\s+", "", said.text)
    return (Wanted("remind", {"when": said.words, "text": what}),) if what else ()


_TOLD: Mapping[str, tuple[str, str]] = {
    "time": ("It is **{output}**.", "现在是 **{output}**。"),
    "calculate": ("The result is **{output}**.", "结果是 **{output}**。"),
    "image": ("Here it is, by the demo painter.", "画好了,出自演示画师之手。"),
    "remind": ("Done.", "好的。"),
    "memory": ("You decide about that below.", "请在下面决定。"),
    "notes__add_note": ("Noted. {output}", "记下了。{output}"),
    "notes__list_notes": ("The notes:\n\n{output}", "笔记:\n\n{output}"),
    "notes__roll_dice": ("The dice show **{output}**.", "骰子的点数:**{output}**。"),
    "search_here": ("This was said here:\n\n{output}", "这里说过:\n\n{output}"),
}
_ELSE = ("The tool says: {output}", "工具的结果:{output}")
_FRAME = re.compile(r"^=== [0-9a-f]+ ===\n(.*)\n=== [0-9a-f]+ ===$", re.DOTALL)


def told(question: str, name: str, output: str) -> str:
    """What the demo says once the tool *name* has returned *output*."""
    framed = _FRAME.match(output.strip())
    chinese = bool(_CHINESE.search(question))
    # A sentence of ours instead of a result says why there is none.
    words = _TOLD.get(name, _ELSE) if framed else _ELSE
    return words[chinese].format(output=framed[1] if framed else output)
