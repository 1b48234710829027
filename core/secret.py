"""Secrets that are known, and must not stand in any log line, error or chat."""

import re
from urllib.parse import quote, unquote, urlsplit

_known: set[str] = set()


def keep_secret(*values: str) -> None:
    """Never let any of *values* (tokens, keys) out, nor as they stand in an address."""
    for value in values:
        if len(value) >= 6:
            _known.update((value, quote(value, safe="")))


def redact(text: str) -> str:
    """*text* with every known secret replaced."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, "***")
    return text


def unsendable(value: str) -> str:
    """Why no header can carry *value*, a token or a key; empty where one can.

    Line ends would begin headers of their own; RFC 9110, 5.5 knows nothing past Latin-1.
    """
    if _CONTROLS.search(value):
        return "holds a line end or a control character: was it pasted whole?"
    if any(character > "\xff" for character in value):
        return "holds characters that no header can carry: was it pasted whole?"
    return ""


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def secrets_of(url: str) -> list[str]:
    """What stands in *url* that gives entry: its password, and the values of its query."""
    if not _URL.match(url):
        return []
    try:
        parts = urlsplit(url)
        password = parts.password or ""
    except ValueError:
        return []
    values = [pair.partition("=")[2] for pair in parts.query.split("&")]
    return [one for value in (password, *values) if value for one in {value, unquote(value)}]


def shown_url(text: str) -> str:
    """*text*, and if it is a URL, without user, password and query, however badly it is formed."""
    match = _URL.match(text)
    if match is None:
        return text
    rest = text[match.end() :].partition("?")[0].partition("#")[0]
    host, slash, path = rest.rpartition("@")[2].partition("/")
    return f"{match[0]}{host}{slash}{path}"
