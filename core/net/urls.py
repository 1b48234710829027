"""Addresses that come from outside, read strictly: one that is odd in any way is none.

Of the operator's own it is only asked whether anything can be sent there.
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
    """Whom a request is sent to."""

    scheme: str
    host: str
    port: int


def read_url(text: str, schemes: tuple[str, ...] = SCHEMES) -> URL:
    """*text* as an absolute address of one of *schemes*.

    Raises:
        AddressRefused: it is too long or no address; it names a user, a zone or an odd host; or
            it has characters that two readers may read in two ways.
    """
    if len(text) > MOST_CHARS:
        raise AddressRefused("the address is too long")
    # Among what cannot be printed are controls, line ends, and halves of surrogate pairs.
    if not text.isprintable() or " " in text or "\\" in text:
        raise AddressRefused("the address has characters that do not belong there")
    try:
        url = URL(text)
        origin = origin_of(url)
    except (ValueError, TypeError, IndexError) as error:
        # What `yarl` and `idna` raise; both of theirs are kinds of `ValueError`.
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


def fault_of(text: str, *, user: bool = False) -> str:
    """What keeps *text*, which the operator named, from being asked; empty where nothing does.

    It is never quoted: it may hold a password. *user*: whether it may name one.
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
    if not user and url.raw_user is not None:
        return "holds a user or a password, which cannot be sent there"
    return ""


def joined(url: URL, location: str) -> str:
    """Where a redirect from *url* leads; as text, to be read as strictly as the first.

    Raises:
        AddressRefused: it cannot be said.
    """
    if not location or len(location) > MOST_CHARS:
        raise AddressRefused("the redirect leads nowhere")
    try:
        return str(url.join(URL(location)))
    except (ValueError, TypeError) as error:
        raise AddressRefused("the redirect leads nowhere") from error


def origin_of(url: URL) -> Origin:
    """Raises `ValueError` where *url* names none."""
    if not url.raw_host or url.port is None:
        raise ValueError("no host")
    return Origin(url.scheme, url.raw_host.lower(), url.port)


def _plain(host: str) -> bool:
    """Whether *host* is a name, or an IPv4 address as everybody writes it."""
    last = host.rstrip(".").rpartition(".")[2]
    return not _NUMBER.fullmatch(last) or bool(_IPV4.fullmatch(host))
