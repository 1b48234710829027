"""Reads addresses strictly. An odd address from outside is refused.

An address that the operator set is only checked for whether a request can be sent there.
"""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from yarl import URL

from core.errors import AddressRefused

MOST_CHARS = 4_000
SCHEMES = ("https", "http")
_HOST = re.compile(r"[a-z0-9_.-]{1,253}", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", re.ASCII)


class Origin(NamedTuple):
    """The server that a request is sent to."""

    scheme: str
    host: str
    port: int


def read_url(text: str, schemes: tuple[str, ...] = SCHEMES) -> URL:
    """*text* as an absolute address of one of *schemes*.

    Raises:
        AddressRefused: it is too long or no address. Or it names a user, a zone or an odd host.
            Or two programs may read its characters differently.
    """
    if len(text) > MOST_CHARS:
        raise AddressRefused("the address is too long")
    # Not printable are control characters, line ends and halves of surrogate pairs.
    if not text.isprintable() or " " in text or "\\" in text:
        raise AddressRefused("the address has characters that do not belong there")
    try:
        url = URL(text)
        origin = origin_of(url)
    except (ValueError, TypeError, IndexError) as error:
        # The errors of `yarl` and `idna`. Their own are subclasses of `ValueError`.
        raise AddressRefused("the address is none") from error
    if origin.scheme not in schemes:
        raise AddressRefused(f"the address is not {' or '.join(schemes)}")
    if url.raw_user is not None or "@" in re.split("[/?#]", text.partition("//")[2])[0]:
        raise AddressRefused("the address names a user")
    host = origin.host
    if ":" not in host and not (_HOST.fullmatch(host) and _plain(host)):
        raise AddressRefused("the address has an odd host")
    if "%" in host or not 0 < origin.port < 65536:
        raise AddressRefused("the address has an odd host")
    return url


def fault_of(text: str, *, user: bool = False, query: bool = True) -> str:
    """Why no request can be sent to *text*, an address that the operator set; empty if it can.

    The sentence never quotes *text*, which may hold a password. *user*: whether it may name a user
    or a password. *query*: whether it may have a query or a fragment; these may hold a key, so what
    is shown again has none.
    """
    if not text.isprintable() or " " in text or "\\" in text:
        return "holds blanks or characters that no address has"
    try:
        url = URL(text)
        host, port = origin_of(url)[1:]
        urlsplit(text)
    except (ValueError, TypeError, IndexError):
        return "is no address with a host, and a port that is one"
    if not 0 < port < 65536 or (":" not in host and not _HOST.fullmatch(host)) or "%" in host:
        return "is no address with a host, and a port that is one"
    if not user and (url.raw_user is not None or url.raw_password is not None):
        return "holds a user or a password, which cannot be sent there"
    if not query and ("?" in text or "#" in text):
        return "holds a ? or a #: a key may stand behind that, and a path cannot"
    return ""


def joined(url: URL, location: str) -> str:
    """Where a redirect from *url* leads. It is text, because `read_url` must check it too.

    Raises:
        AddressRefused: *location* is empty, too long or no address.
    """
    if not location or len(location) > MOST_CHARS:
        raise AddressRefused("the redirect leads nowhere")
    try:
        return str(url.join(URL(location)))
    except (ValueError, TypeError) as error:
        raise AddressRefused("the redirect leads nowhere") from error


def origin_of(url: URL) -> Origin:
    """The origin of *url*. Raises `ValueError` if it has no host or port."""
    if not url.raw_host or url.port is None:
        raise ValueError("no host")
    return Origin(url.scheme, url.raw_host.lower(), url.port)


def _plain(host: str) -> bool:
    """Whether *host* is a name, or an IPv4 address of four decimal numbers."""
    last = host.rstrip(".").rpartition(".")[2]
    return not _NUMBER.fullmatch(last) or bool(_IPV4.fullmatch(host))
