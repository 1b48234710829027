"""The pages that an answer is based on, as links under it. Pure."""

import re
from collections.abc import Sequence

from core.languages.catalogue import Language, say
from core.models.chunks import Source

MOST = 12
TITLE_CHARS = 70
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)
_MARK = re.compile(r"\[(\d{1,2})\](?![(\[:])")


def with_links(text: str, sources: Sequence[Source]) -> str:
    """*text*, with `[1]` as a link to the first of *sources*. Code is not changed."""
    if not sources:
        return text

    def link(mark: re.Match[str]) -> str:
        number = int(mark[1])
        source = sources[number - 1] if 0 < number <= len(sources) else None
        return f"[{number}]({_address(source)})" if source and source.url else mark[0]

    parts = _CODE.split(text)
    return "".join(part if at % 2 else _MARK.sub(link, part) for at, part in enumerate(parts))


def listed(text: str, sources: Sequence[Source], language: Language) -> str:
    """*sources* as a list. If *text* names some by number, only those."""
    used = {int(number) for number in _MARK.findall(_CODE.sub("", text))}
    numbered = [(number, one) for number, one in enumerate(sources, 1) if one.url]
    named = [(number, one) for number, one in numbered if number in used]
    lines = [f"{number}. [{_title(one)}]({_address(one)})" for number, one in (named or numbered)]
    return "\n".join([say("sources", language), *lines[:MOST]]) if lines else ""


def _title(source: Source) -> str:
    title = source.title or source.url.split("//", 1)[1].removeprefix("www.")
    title = re.sub(r"[\[\]`*_~<>|\\]", " ", title)
    return title if len(title) <= TITLE_CHARS else f"{title[:TITLE_CHARS]}…"


def _address(source: Source) -> str:
    return source.url.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
