"""Which credential goes to which host is decided here, and nowhere else.

A secret is sent only to the origin for which the operator set it, and to the hosts that the
platform's documentation names. Requests to other hosts go without it.
"""

import os
from collections.abc import Mapping

import msgspec
from yarl import URL

from core.errors import ConfigError
from core.net.urls import Origin, origin_of
from core.secret import keep_secret, unsendable


class Credential(msgspec.Struct, frozen=True):
    """Headers that hold a secret.

    Args:
        headers: the headers to send.
        named: an address that the operator set. Its scheme, host and port must match.
        domains: hosts that get the headers too, with all their subdomains: by https, at port 443.
    """

    headers: tuple[tuple[str, str], ...]
    named: str
    domains: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Credential(named={self.named!r})"

    def to(self, url: str) -> dict[str, str]:
        """The headers for a request to *url*; none if the secret may not go there."""
        origin = origin_at(url)
        if origin is None or not (origin == origin_at(self.named) or within(origin, self.domains)):
            return {}
        return dict(self.headers)


def within(origin: Origin, domains: tuple[str, ...]) -> bool:
    """Whether *origin* is one of *domains* or a subdomain, by https at the usual port."""
    return (
        origin.scheme == "https"
        and origin.port == 443
        and any(origin.host == one or origin.host.endswith(f".{one}") for one in domains)
    )


def origin_at(url: str) -> Origin | None:
    """Where a request to *url* goes, as the HTTP client reads it; None if it is no address."""
    try:
        return origin_of(URL(url))
    except (ValueError, TypeError):
        return None


STORED = "stored:"
"""Before the name of a secret that is kept in the store, where others have the variable's name."""
_stored: dict[str, str] = {}


def keep_stored(secrets: Mapping[str, str]) -> None:
    """Let `secret_in` find these *secrets* of the store, by name, and hide them from logs."""
    _stored.clear()
    _stored.update(secrets)
    keep_secret(*secrets.values())


def secret_in(variable: str, who: str) -> str:
    """The secret in *variable*, for *who*; empty if no variable is named.

    Raises:
        ConfigError: the variable is not set, or its value cannot be sent.
    """
    if not variable:
        return ""
    kept = variable.startswith(STORED)
    value = _stored.get(variable.removeprefix(STORED), "") if kept else os.environ.get(variable, "")
    if not value:
        raise ConfigError(variable, f"is not set, and {who} needs it")
    value = value.strip()
    keep_secret(value)
    if fault := unsendable(value):
        raise ConfigError(variable, fault)
    return value
