"""The known secrets. They must not be in any log line, error or chat."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote, urlsplit

_known: set[str] = set()


def keep_secret(*values: str) -> None:
    """From now on hide *values* (tokens, keys), also in the form that they have in a URL."""
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
    """Why *value* (a token or a key) cannot be sent in a header; empty if it can.

    A line end would begin another header. RFC 9110, 5.5 allows only Latin-1.
    """
    if _CONTROLS.search(value):
        return "holds a line end or a control character: was it pasted whole?"
    if any(character > "\xff" for character in value):
        return "holds characters that no header can carry: was it pasted whole?"
    return ""


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://.+")
_SCHEMES = ("bearer", "basic", "token")
SECRET_NAME = re.compile(r"(?i)auth|cookie|key|password|secret|token")
"""What a header or an option with a secret is called."""


def secrets_of(url: str) -> list[str]:
    """The secrets in *url*: its password, and the values of its query and its fragment.

    A user without a password is a secret, too: some APIs take their key so.
    """
    if not _URL.match(url):
        return []
    try:
        parts = urlsplit(url)
        password = parts.password or parts.username or ""
    except ValueError:
        return []
    pairs = [*parts.query.split("&"), *parts.fragment.split("&")]
    values = [value if equals else name for name, equals, value in map(_halves, pairs)]
    return [one for value in (password, *values) if value for one in {value, unquote(value)}]


def secrets_of_command(command: Sequence[str]) -> Iterator[str]:
    """What the words of *command* seem to hold: passwords of addresses, and what stands behind
    `--token`, `API_KEY=` or `Authorization:`. Programs like to quote that in their errors.
    """
    awaited = False
    for word in (word.strip("'\"") for argument in command for word in argument.split()):
        if address := _ADDRESS.search(word):
            yield from secrets_of(address[0])
        if awaited and word.lower() in _SCHEMES:
            continue
        if awaited:
            yield word
        name, mark, value = word.partition(":" if ":" in word.partition("=")[0] else "=")
        value = "" if value.lower() in _SCHEMES else value.strip("'\"")
        named = bool(SECRET_NAME.search(name)) and "/" not in name
        if named and value:
            yield value
        awaited = named and not value and bool(mark or name.startswith("-"))


def _halves(pair: str) -> tuple[str, str, str]:
    return pair.partition("=")


def shown_url(text: str) -> str:
    """*text*. If it is a URL, even a bad one: without user, password and query."""
    match = _URL.match(text)
    if match is None:
        return text
    rest = text[match.end() :].partition("?")[0].partition("#")[0]
    host, slash, path = rest.rpartition("@")[2].partition("/")
    return f"{match[0]}{host}{slash}{path}"
