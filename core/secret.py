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
