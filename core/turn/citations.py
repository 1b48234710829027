"""Citations: the numbers that a model cites become links, and no link of its own stays. Pure.

The model knows only numbers of messages. So it cannot lead anybody elsewhere, whatever the messages
told it to write.
"""

import re
from collections.abc import Mapping

MOST_AT_ONCE = 10
"""Of a range such as [1-40] only the first and the last are linked."""
_CITED = re.compile(r"\[(\d{1,4}(?: {0,2}[,;–-] {0,2}\d{1,4}){0,9})\]")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\s]{0,2000}(?: [^()\n]{0,300})?\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\[\]\n]{1,300}\]:.{0,2000}$", re.MULTILINE)
_ADDRESS = re.compile(
    r"<?\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s<>()\[\]`]{1,2000}>?", re.IGNORECASE
)
_TAG = re.compile(r"</?[a-z][^<>\n]{0,500}>", re.IGNORECASE)


def cited(text: str, links: Mapping[int, str]) -> str:
    """*text* with a link behind each cited number. *links*: addresses by number; perhaps empty."""
    text = _REFERENCE.sub("", text)
    text = _LINK.sub(lambda match: match[1], text)
    text = _ADDRESS.sub(lambda match: f"`{match[0].strip('<>')}`", _TAG.sub("", text))

    def shown(match: re.Match[str]) -> str:
        numbers = [int(one) for one in re.findall(r"\d+", match[1])][:MOST_AT_ONCE]
        known = [one for one in dict.fromkeys(numbers) if one in links]
        return " ".join(f"[({one})]({links[one]})" if links[one] else "" for one in known).strip()

    return _CITED.sub(shown, text).strip()
