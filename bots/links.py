"""Web addresses in a text: which become links, and where they lead. Pure."""

import ipaddress
import re
import unicodedata

_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+")
_WEB = re.compile(
    r"https?://(?P<host>[\w.-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?(?:[/?#][^\s\x00-\x20]*)?",
    re.IGNORECASE,
)
_APART = re.compile(r"[\s,;()<>\[\]\"'|]+")
MOST_SAID = 2_000
"""Only so many characters of a link's text are looked at."""


def host(address: str) -> str:
    """The host of a web address; empty if Telegram would not link to it.

    TDLib refuses a whole message because of one bad address.
    """
    found = _WEB.fullmatch(address)
    if found is None or int(found["port"] or 80) not in range(1, 65536):
        return ""
    name = found["host"].lower()
    if name[0] == "[":
        try:
            ipaddress.IPv6Address(name[1:-1])
        except ValueError:
            return ""
        return name
    return name.removeprefix("www.") if _HOST.fullmatch(name) else ""


def misnames(said: str, target: str) -> bool:
    """Whether *said*, the text of a link to *target*, names another site."""
    if said.isascii() and "." not in said:
        return False
    # Compare what people see: full-width letters look like others, some characters are invisible.
    seen = unicodedata.normalize("NFKC", said[:MOST_SAID])
    seen = "".join(one for one in seen if unicodedata.category(one) != "Cf").replace("。", ".")
    named = {_named(word.strip(".:!?*_`")) for word in _APART.split(seen)} - {""}
    return bool(named) and named != {host(target)}


def _named(word: str) -> str:
    """The site that *word* names; empty if it names none."""
    scheme, has_scheme, rest = word.partition("://")
    name = (rest if has_scheme else scheme).lower()
    for end in "/?#":
        name = name.partition(end)[0]
    name = name.rpartition("@")[2].partition(":")[0]
    ending = name.rpartition(".")[2]
    if not _HOST.fullmatch(name) or not (has_scheme or (ending.isalpha() and len(ending) > 1)):
        return ""
    return name.removeprefix("www.")
