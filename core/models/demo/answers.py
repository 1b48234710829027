"""
The answers of the demo model, in English or Chinese. They say that it is a demo.

It is not a language model. It looks for words in the last question. It knows earlier messages only
from the history that it is sent, as any model does.
"""

import re
from collections.abc import Sequence

from core.models.demo import texts

_CJK = re.compile(r"[\u3400-\u9fff]")
_PIECE = re.compile(r"\s*[A-Za-z0-9]{1,12}|\s+|.", re.DOTALL)
_LENGTH = re.compile(
    r"(\d[\d,.]{2,7})\s*(?:[-–]\s*)?"
    r"(?:char|字|zeichen|cara[ck]ter|caractère|символ|karakter|حرف|نویسه)",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?:my name is|i am called|call me|i'm|我叫|我的名字(?:是|叫))\s*([A-Z][\w-]{1,20}|[\u3400-\u9fff]{1,4})"
)
_NUMBER = re.compile(
    r"(?:my (?:favou?rite|lucky) number is|remember(?: the number)?|记住(?:数字)?)\s*(\d+)",
    re.IGNORECASE,
)
_SPEAKER = re.compile(r"[^:\n\[]{1,80}: (?=\[)")
"""In a group, the name of who speaks is before the notes about files."""
_NOTE = re.compile(r"\[[^\n]*\]\n\n")
MOST_CHARS = 60_000


def pieces(text: str) -> list[str]:
    """*text* in pieces like tokens. Joined, they are the text again."""
    return _PIECE.findall(text)


def spoken(text: str) -> str:
    """*text* without the notes about files that Palaver puts before what somebody said."""
    return text[_notes_end(text) :]


def earlier(text: str) -> int:
    """How many pictures of earlier messages the notes of *text* name."""
    return text[: _notes_end(text)].count(" is from earlier: ")


def _notes_end(text: str) -> int:
    speaker = _SPEAKER.match(text)
    first = end = speaker.end() if speaker else 0
    while note := _NOTE.match(text, end):
        end = note.end()
    return end if end > first else 0


def unseen(question: str) -> str:
    """The demo's answer to a *question* that comes with a picture."""
    return texts.UNSEEN[bool(_CJK.search(question))]


def answer(messages: Sequence[tuple[str, str]]) -> str:
    """The demo's answer to the last user message of (role, content) *messages*."""
    said = [text for role, text in messages if role == "user"]
    question = said[-1]
    chinese = bool(_CJK.search(question))
    low = question.lower()

    def asks(*words: str) -> bool:
        return any(word in low for word in words)

    if wanted := _LENGTH.search(low):
        return _long(min(MOST_CHARS, int(re.sub(r"\D", "", wanted.group(1)))), chinese)
    if remembered := _memory(said, low):
        return remembered
    if asks(
        "previous question", "last question", "what did i ask", "just ask", "刚才问", "上一个问题"
    ):
        return _previous(said, chinese)
    if asks("table", "表格"):
        return texts.TABLE[chinese]
    if asks("code", "python", "代码", "示例程序"):
        return texts.CODE[chinese]
    if asks("markdown", "format", "格式"):
        return texts.MARKDOWN[chinese]
    if asks("long", "essay", "story", "长文", "长一点", "故事"):
        return _long(6_000, chinese)
    if asks("telegram", "slack", "set up", "setup", "connect", "token", "接入", "配置", "设置"):
        return texts.SETUP[chinese]
    if asks("model", "deepseek", "openai", "ollama", "api key", "模型", "文心"):
        return texts.MODEL[chinese]
    if asks("crash", "lost", "kill", "restart", "durab", "崩溃", "丢"):
        return texts.DURABLE[chinese]
    if asks("image", "picture", "draw", "paint", "画", "图片"):
        return texts.IMAGE[chinese]
    if asks(
        "what are you",
        "who are you",
        "what is palaver",
        "what can you",
        "help",
        "hello",
        "hi ",
        "你是谁",
        "你好",
        "介绍",
        "帮助",
    ):
        return texts.WHO[chinese]
    return texts.OTHER[chinese].format(question=_short(question))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:119] + "…"


def _memory(said: Sequence[str], low: str) -> str:
    chinese = bool(_CJK.search(said[-1]))
    name = next((m.group(1) for text in reversed(said) if (m := _NAME.search(_as_said(text)))), "")
    number = next((m.group(1) for text in reversed(said) if (m := _NUMBER.search(text))), "")
    if _NAME.search(_as_said(said[-1])):
        return (
            f"很高兴认识你,{name}!我会在这个对话里记住它。"
            if chinese
            else (f"Nice to meet you, **{name}**! I will remember that in this conversation.")
        )
    if _NUMBER.search(said[-1]):
        return f"好的,我记住了 **{number}**。" if chinese else f"I will remember **{number}**."
    if any(words in low for words in ("my name", "who am i", "我叫什么", "我的名字", "我是谁")):
        if name:
            return f"你叫 **{name}**。" if chinese else f"Your name is **{name}**."
        return (
            "你还没有在这个对话里告诉我名字。"
            if chinese
            else "You have not told me your name in this conversation."
        )
    if any(words in low for words in ("number", "数字")):
        if number:
            return f"你让我记住的是 **{number}**。" if chinese else f"Your number is **{number}**."
        return (
            "这个对话里还没有提到数字。"
            if chinese
            else "You have not told me a number in this conversation."
        )
    return ""


def _as_said(text: str) -> str:
    """*text* with "my name is" and the like in small letters. The names keep their letters."""
    return re.sub(
        r"(?i)\b(my name is|i am called|call me|i'm)\b", lambda m: m.group().lower(), text
    )


def _previous(said: Sequence[str], chinese: bool) -> str:
    if len(said) < 2:
        return "这是我们对话里的第一个问题。" if chinese else "This is the first question here."
    before = _short(said[-2])
    return f"你刚才问的是:\n\n> {before}" if chinese else f"Before this you asked:\n\n> {before}"


def _long(chars: int, chinese: bool) -> str:
    """A text of about *chars* characters, in numbered sections with code between them."""
    title = "# 一篇长文\n\n" if chinese else "# A long answer\n\n"
    parts = [title]
    size = len(title)
    section = 0
    while size < chars:
        section += 1
        if section % 4 == 0:
            part = (
                f"```python\n# section {section}\ndef section_{section}(values):\n"
                f'    """Return the mean of the values of section {section}."""\n'
                f"    total = sum(values)\n    return total / max(1, len(values))\n```\n\n"
            )
        elif chinese:
            part = (
                f"## 第 {section} 节\n\n这是演示模型写的第 {section} 节。长回答会被分成几条消息,"
                "每一条都在合适的边界处断开,**格式保持完整**,代码块会在下一条里继续。"
                "模型写多快,屏幕上就出现多快。\n\n"
            )
        else:
            part = (
                f"## Section {section}\n\nThis is section {section} of a text by the demo model. "
                "A long answer is cut into several posts at good places, **its formatting stays "
                "whole**, and a code block goes on in the next post. What the model has written "
                f"is on the screen as soon as the platform allows. (Mark {section:04d}.)\n\n"
            )
        parts.append(part)
        size += len(part)
    return "".join(parts) + ("*全文完。*" if chinese else "*The end.*")
