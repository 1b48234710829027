"""Web addresses in a text: which become links, and where they lead. Pure."""

import re

_ADDRESS = re.compile(
    r"(?:https?://|www\.)\S+|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:/\S*)?", re.IGNORECASE
)
_WEB = re.compile(
    r"https?://(?P<host>[\w-]+(?:\.[\w-]+)+)(?::(?P<port>\d{1,5}))?(?:[/?#][^\s\x00-\x20]*)?",
    re.IGNORECASE,
)
"""The addresses that become links: TDLib refuses the whole message for a bad one."""


def host(address: str) -> str:
    """The host of a web address; empty for what Telegram does not link to."""
    found = _WEB.fullmatch(address)
    if found is None or int(found["port"] or 80) not in range(1, 65536):
        return ""
    return found["host"].lower().removeprefix("www.")


def misnames(said: str, target: str) -> bool:
    """Whether *said*, the text of a link to *target*, names another site."""
    shown = _ADDRESS.fullmatch(said)
    return bool(shown) and host(said if "://" in said else f"https://{said}") != host(target)
