"""Which credential goes to which host: decided here, and nowhere else.

A secret is sent to the origin that the operator named it for, and to the hosts that the platform's
own documentation names; whoever else asks for a request gets it without.
"""

import msgspec
from yarl import URL

from core.net.urls import Origin, origin_of


class Credential(msgspec.Struct, frozen=True):
    """Headers that hold a secret.

    Args:
        headers: what is sent.
        named: an address that the operator named; its scheme, host and port are the place.
        domains: hosts, with all below them, that get it too: by https, at port 443.
    """

    headers: tuple[tuple[str, str], ...]
    named: str
    domains: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Credential(named={self.named!r})"

    def to(self, url: str) -> dict[str, str]:
        """The headers for a request to *url*; none where it is not the place."""
        origin = origin_at(url)
        if origin is None or not (origin == origin_at(self.named) or within(origin, self.domains)):
            return {}
        return dict(self.headers)


def within(origin: Origin, domains: tuple[str, ...]) -> bool:
    """Whether *origin* is one of *domains*, or below one, by https and at its usual port."""
    return (
        origin.scheme == "https"
        and origin.port == 443
        and any(origin.host == one or origin.host.endswith(f".{one}") for one in domains)
    )


def origin_at(url: str) -> Origin | None:
    """Where a request to *url* goes, as the client reads it; None where that is nowhere."""
    try:
        return origin_of(URL(url))
    except (ValueError, TypeError):
        return None
