"""Healing of half-finished Markdown, so that no frame shows a dangling marker.

`heal` looks only at what a cut can leave open: a fence, a table row, and the
inline marks of the last block. The text of a whole answer passes unchanged
where nothing is open.
"""

import re

FENCE = re.compile(r"^ {0,3}(?:> ?)*(?:[-*+] +|\d{1,9}[.)] +)?(`{3,}|~{3,})([^\n]*)$")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-*:?\s*)*\|?\s*$")
_BLOCK_START = re.compile(r"^\s*(?:#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s|>)")
_PARTIAL_START = re.compile(r"^\s*(?:#{1,6}|[-*+_=>]|\d{1,9}[.)]|`{1,2}|~{1,2}|[-*_=~`]{2,})\s*$")
_INLINE = re.compile(r"\\.|`+|\*+|_+|~~|\|\||!?\[|\]\(|\]")


class OpenFence:
    """A code fence that is open: its marker (such as three backticks) and its whole line."""

    def __init__(self, marker: str, line: str) -> None:
        self.marker = marker
        self.line = line


def open_fence(text: str) -> OpenFence | None:
    """The fence that is still open where *text* ends, if any."""
    fence: OpenFence | None = None
    if "```" not in text and "~~~" not in text:
        return None
    for line in text.split("\n"):
        match = FENCE.match(line)
        if match is None:
            continue
        marker, rest = match.group(1), match.group(2)
        if fence is None:
            # CommonMark: an info string after backticks holds no backtick.
            if not (marker[0] == "`" and "`" in rest):
                fence = OpenFence(marker, line)
        elif marker[0] == fence.marker[0] and len(marker) >= len(fence.marker) and not rest.strip():
            fence = None
    return fence


def heal(text: str) -> str:
    """*text*, cut anywhere, with what is open closed and what is half hidden."""
    fence = open_fence(text)
    if fence is not None:
        body, _, last = text.rpartition("\n")
        if last == fence.line and FENCE.match(last):
            # The opening line itself, perhaps still without its language.
            return heal(body) if body else ""
        if last.strip() and set(last.strip()) <= {fence.marker[0]}:
            text = body
        if text.rstrip().endswith(fence.line.rstrip()):
            return heal(text.rstrip().removesuffix(fence.line.rstrip()).rstrip("\n"))
        return f"{text.rstrip()}\n{_indent(fence.line)}{fence.marker}"
    text = _without_half_table(text)
    body, _, last = text.rpartition("\n")
    if last and _PARTIAL_START.match(last) and open_fence(body) is None:
        text = body
    start = _last_block(text)
    return text[:start] + _close_inline(text[start:])


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))]


def _without_half_table(text: str) -> str:
    lines = text.split("\n")
    first = len(lines)
    while first > 0 and lines[first - 1].lstrip().startswith("|"):
        first -= 1
    rows = lines[first:]
    if not rows:
        return text
    if len(rows) < 3 or not _TABLE_RULE.match(rows[1]):
        # Without its rule and a first row, a head reads as a line of pipes.
        return "\n".join(lines[:first]).rstrip("\n") if len(rows) < 3 else text
    if not rows[-1].rstrip().endswith("|") or rows[-1].count("|") < rows[0].count("|"):
        return "\n".join(lines[:-1])
    return text


def _last_block(text: str) -> int:
    """Where the last paragraph, list item, heading or quote begins."""
    end = len(text)
    while end >= 0:
        start = text.rfind("\n", 0, end) + 1
        line = text[start:end]
        if not line.strip() or FENCE.match(line):
            return min(end + 1, len(text))
        if _BLOCK_START.match(line):
            return start
        end = start - 1
    return 0


def _close_inline(block: str) -> str:
    opened: list[tuple[str, int, int]] = []
    position = 0
    while (match := _INLINE.search(block, position)) is not None:
        mark, start, end = match.group(), match.start(), match.end()
        position = end
        if mark[0] == "\\":
            continue
        if mark[0] == "`":
            close = re.compile(rf"(?<!`){mark}(?!`)").search(block, end)
            if close is None:
                opened.append((mark, start, end))
                break
            position = close.end()
        elif mark in ("[", "!["):
            opened.append((mark, start, end))
        elif mark == "](":
            close_at = block.find(")", end)
            index = _last(opened, ("[", "!["))
            if close_at >= 0:
                if index is not None:
                    del opened[index:]
                position = close_at + 1
            elif index is not None:
                return _half_link(block, opened, index, start)
        elif mark == "]":
            index = _last(opened, ("[", "!["))
            if index is not None:
                if end == len(block):
                    return _half_link(block, opened, index, start)
                del opened[index:]
        else:
            _mark(opened, mark, block, start, end)
    return _closed(block, opened)


def _last(opened: list[tuple[str, int, int]], marks: tuple[str, ...]) -> int | None:
    return next((i for i in range(len(opened) - 1, -1, -1) if opened[i][0] in marks), None)


def _half_link(block: str, opened: list[tuple[str, int, int]], index: int, close: int) -> str:
    """Show the text of a link whose address is not whole yet, and nothing of an image."""
    mark, start, end = opened[index]
    shown = "" if mark == "![" else block[end:close]
    return _closed(block[:start] + shown, opened[:index])


def _mark(opened: list[tuple[str, int, int]], mark: str, block: str, start: int, end: int) -> None:
    """Open or close emphasis, strikethrough or a spoiler, by CommonMark's flanking rule."""
    before = block[start - 1] if start else " "
    after = block[end] if end < len(block) else " "
    can_open = not after.isspace()
    can_close = not before.isspace()
    if mark[0] == "_":
        can_open = can_open and not before.isalnum()
        can_close = can_close and not after.isalnum()
    rest = len(mark)
    while rest and can_close and opened:
        top = opened[-1][0]
        if top[0] != mark[0] or len(top) > rest or top[0] in "[!`":
            break
        opened.pop()
        rest -= len(top)
    if rest and (can_open or end == len(block)):
        if mark[0] in "*_" and rest >= 3:
            opened += [(mark[0] * 2, start, end), (mark[0], start, end)]
        else:
            opened.append((mark[0] * rest, start, end))


def _closed(block: str, opened: list[tuple[str, int, int]]) -> str:
    closing = ""
    for mark, start, end in opened:
        if mark in ("[", "!["):
            continue
        if not block[end:].strip(" *_~|`["):
            # Nothing stands behind the mark yet: hide it, and all that follows.
            block = block[:start]
            break
        closing = mark + closing
    for mark, start, end in reversed(opened):
        if mark in ("[", "![") and start < len(block):
            block = block[:start] + block[end:]
    if closing[:2] in ("~~", "||"):
        block = block.removesuffix(closing[0])  # Half of the closing mark.
    # Behind a space a mark would not close.
    return block.rstrip() + closing if closing else block
