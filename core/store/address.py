"""What `REDIS_URL` says: the servers to ask, and how to speak to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import SSLConnection
from redis.asyncio.connection import parse_url

from core.errors import ConfigError

Host = tuple[str, int]

SENTINEL = "+sentinel"
PORTS = {"redis": 6379, "rediss": 6379, f"redis{SENTINEL}": 26379, f"rediss{SENTINEL}": 26379}
OPTIONS = frozenset(("db", "username", "password", "client_name"))
"""Those of the query. How long a connection waits, and what it answers, is ours to say."""
SENTINEL_OPTIONS = frozenset(("sentinel_username", "sentinel_password"))
TLS_OPTIONS = frozenset(
    [
        *("ssl_keyfile", "ssl_certfile", "ssl_password", "ssl_cert_reqs", "ssl_ca_certs"),
        *("ssl_ca_path", "ssl_ca_data", "ssl_check_hostname", "ssl_min_version", "ssl_ciphers"),
    ]
)
WRONG = "is no redis://, rediss://, unix:// or redis+sentinel:// address"


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """One server, or several *hosts* that know where the primary is.

    *group*: the name by which Sentinels know the primary; empty if *hosts* are no Sentinels.
    *options*: what each connection is made with: user, password, database, TLS.
    *asking*: the same for a connection to a Sentinel, which has passwords of its own.
    """

    hosts: Sequence[Host]
    group: str
    options: Mapping[str, Any]
    asking: Mapping[str, Any]

    @property
    def tls(self) -> bool:
        return self.options.get("connection_class") is SSLConnection


def read_address(url: str) -> StoreAddress:
    """*url* as `redis://user:password@host:6379/0` (`rediss://` with TLS), also with several hosts
    of one cluster between commas; `unix:///path`; or `redis+sentinel://host1,host2/group/0`, with
    `?sentinel_password=…` where the Sentinels want one.

    Raises:
        ConfigError: it is none of these.
    """
    try:
        parts = urlsplit(url)
        if parts.fragment:
            # A password's own `#` cuts the address.
            raise ValueError("cut")
        sentinel = parts.scheme.endswith(SENTINEL)
        _check_query(parts.query, tls=parts.scheme.startswith("rediss"), sentinel=sentinel)
        if parts.scheme == "unix":
            return StoreAddress((), "", parse_url(url), {})
        if parts.scheme not in PORTS:
            raise ValueError(parts.scheme)
        user, at, named = parts.netloc.rpartition("@")
        hosts = tuple(_host(one, PORTS[parts.scheme]) for one in named.split(","))
        scheme = parts.scheme.removesuffix(SENTINEL)
        group, path = "", parts.path
        if sentinel:
            group, _, path = unquote(path.strip("/")).partition("/")
            if not group:
                raise ConfigError(
                    "REDIS_URL",
                    "does not say which primary the Sentinels watch: redis+sentinel://hosts/name",
                )
        if (database := path.strip("/")) and not database.isdecimal():
            raise ConfigError("REDIS_URL", "names no database by a number behind its host")
        options: dict[str, Any] = {
            **parse_url(f"{scheme}://{user}{at}host/{database}?{parts.query}")
        }
    except ValueError:
        # The error's text may quote a part of the password, taken for a port.
        raise ConfigError("REDIS_URL", WRONG) from None
    del options["host"]
    own = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    tls = {name: value for name, value in options.items() if name.startswith("ssl")}
    if "connection_class" in options:
        tls["connection_class"] = options["connection_class"]
    return StoreAddress(hosts, group, options, {**tls, **own} if sentinel else {**options, "db": 0})


def _check_query(query: str, *, tls: bool, sentinel: bool) -> None:
    """Raises `ConfigError` for an option that the client does not know, or that is ours."""
    taken = OPTIONS | (TLS_OPTIONS if tls else set()) | (SENTINEL_OPTIONS if sentinel else set())
    for name in parse_qs(query):
        if name not in taken and "@" in query:
            # A password's own `?` cuts the address: this is the rest of it.
            raise ValueError("cut")
        if name not in taken:
            only = " without rediss://" if name in TLS_OPTIONS else ""
            only = " without redis+sentinel://" if name in SENTINEL_OPTIONS else only
            raise ConfigError("REDIS_URL", f"has an option that is not taken{only}: {name[:40]}")


def _host(text: str, port: int) -> Host:
    """The host and port of *text*; an address of IPv6 stands between brackets."""
    parts = urlsplit(f"//{text or 'localhost'}")
    if parts.hostname is None:
        raise ValueError("no host")
    return unquote(parts.hostname), parts.port or port
