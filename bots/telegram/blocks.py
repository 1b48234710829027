"""Where Markdown can be cut into blocks that mean the same alone. Pure.

After an empty line, a line that begins with a word ends what stood before it: a paragraph, list,
quote or table (CommonMark, "Precedence"). A text is not cut at all if something in it may reach
further: raw HTML, definitions of links, and code fences inside something else.
"""

import re
from collections.abc import Sequence

_FENCE = re.compile(r"(`{3,}|~{3,})([^\n]*)")
_BEGINS = re.compile(r"[^\W\d_]|#{1,6} |\*\*\w")
_HTML = re.compile(r"^ {0,3}<(?:!|\?|pre|script|style|textarea)", re.MULTILINE | re.IGNORECASE)


def blocks(markdown: str) -> Sequence[str]:
    """*markdown* in pieces. Rendered one by one they give the same as the whole."""
    if "]:" in markdown or ("<" in markdown and _HTML.search(markdown)):
        return [markdown]
    fences = "```" in markdown or "~~~" in markdown
    lines = markdown.split("\n")
    found: list[str] = []
    start, fence, empty = 0, "", False
    for number, line in enumerate(lines):
        if fences and (match := _FENCE.match(line)):
            marker, info = match.groups()
            if not fence:
                fence = "" if marker[0] == "`" and "`" in info else marker
            elif marker[0] == fence[0] and len(marker) >= len(fence) and not info.strip():
                fence = ""
        elif fences and ("```" in line or "~~~" in line):
            return [markdown]
        elif empty and not fence and _BEGINS.match(line):
            found.append("\n".join(lines[start : number - 1]))
            start = number
        empty = not line or line.isspace()
    found.append("\n".join(lines[start:]))
    return found
