"""Finding the authorization server of an MCP server, and asking it.

Sources: modelcontextprotocol.io/specification, basic/authorization · RFC 9728 (which authorization
server is the resource's) · RFC 8414 and OpenID Connect Discovery (its endpoints).

All addresses but those of the operator are a stranger's: `core.net.outside` guards each of them. No
error quotes what a server said.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from yarl import URL

from core.errors import FetchError, PalaverError
from core.mcp.entry import ServerEntry
from core.net.outside import Answer, Outside
from core.net.urls import origin_of

MOST_BYTES, MOST_S = 200_000, 15.0
_PARAMETER = re.compile(
    # Only a whole name: else each letter of a long one would be a beginning to try.
    r'(?<![a-zA-Z0-9_-])([a-zA-Z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))'
)


class SignInFailed(PalaverError):
    """Nobody can sign in now. The text says why, and quotes no secret and no server."""


class Provider(msgspec.Struct, frozen=True, omit_defaults=True):
    """An authorization server. *scope*: what to ask it for. *says_iss*: it names itself."""

    issuer: str
    authorize: str
    token: str
    register: str = ""
    revoke: str = ""
    methods: tuple[str, ...] = ()
    scope: str = ""
    documents: bool = False
    says_iss: bool = False


def challenge(header: str) -> Mapping[str, str]:
    """The parameters of a `WWW-Authenticate: Bearer`."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        return {}
    found = _PARAMETER.findall(rest[:4_000])
    return {name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in found}


class Authorization:
    """Asks authorization servers."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def provider(self, entry: ServerEntry, scope: str = "") -> Provider:
        """The authorization server of *entry*. *scope*: what the server last said it wants.

        Raises:
            SignInFailed: there is none that can be used.
        """
        resource, wanted = await self._resource(entry)
        known = _texts(resource.get("authorization_servers"))
        names = {one.rstrip("/") for one in known}
        if entry.issuer and known and entry.issuer.rstrip("/") not in names:
            raise SignInFailed("the server names another authorization server than its entry")
        issuer = entry.issuer or (known[0] if known else str(URL(entry.url).origin()))
        told = await self._metadata(entry, issuer)
        if told is None and (known or entry.issuer):
            raise SignInFailed("its authorization server says nothing of itself")
        if told is None:
            # The specification of 2025-03-26: without metadata, these paths hold.
            told = {
                f"{name}_endpoint": f"{issuer}{path}"
                for name, path in (
                    ("authorization", "/authorize"),
                    ("token", "/token"),
                    ("registration", "/register"),
                )
            } | {"issuer": issuer, "code_challenge_methods_supported": ["S256"]}
        scopes = (
            " ".join(entry.scope)
            or scope
            or wanted
            or " ".join(_texts(resource.get("scopes_supported")))
        )
        return self._read(entry, told, issuer, scopes)

    async def _resource(self, entry: ServerEntry) -> tuple[Mapping[str, Any], str]:
        """The protected resource metadata (RFC 9728), and the scope that the server asks for."""
        url = URL(entry.url)
        refused = await self.ask(
            entry,
            "POST",
            entry.url,
            headers={
                "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
            },
            data=b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
        )
        asked = challenge(refused.headers.get("www-authenticate", "")) if refused else {}
        places = [f"{url.origin()}/.well-known/oauth-protected-resource{_path(url)}"]
        places.append(f"{url.origin()}/.well-known/oauth-protected-resource")
        if named := asked.get("resource_metadata"):
            places = [named]
        for place in dict.fromkeys(places):
            told = read_json(await self.ask(entry, "GET", place))
            if told is None:
                continue
            # RFC 9728, 3.3: metadata for another resource must not be used.
            if not _covers(str(told.get("resource", "")), url):
                raise SignInFailed("the server's metadata is of another server")
            return told, asked.get("scope", "")
        return {}, asked.get("scope", "")

    async def _metadata(self, entry: ServerEntry, issuer: str) -> Mapping[str, Any] | None:
        try:
            url = URL(issuer)
            origin, path = url.origin(), _path(url)
        except ValueError as error:
            raise SignInFailed("the name of its authorization server is no address") from error
        places = [
            f"{origin}/.well-known/oauth-authorization-server{path}",
            f"{origin}/.well-known/openid-configuration{path}",
            f"{origin}{path}/.well-known/openid-configuration",
        ]
        for place in dict.fromkeys(places):
            if (told := read_json(await self.ask(entry, "GET", place))) is not None:
                # RFC 8414, 3.3: else it speaks for somebody else.
                if str(told.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
                    raise SignInFailed("its authorization server gives itself another name")
                return told
        return None

    def _read(
        self, entry: ServerEntry, told: Mapping[str, Any], issuer: str, scope: str
    ) -> Provider:
        if "S256" not in _texts(told.get("code_challenge_methods_supported")):
            raise SignInFailed("its authorization server does not know PKCE (S256)")
        ends = {
            name: str(told.get(f"{name}_endpoint") or "")
            for name in ("authorization", "token", "registration", "revocation")
        }
        if not ends["authorization"] or not ends["token"]:
            raise SignInFailed("its authorization server lacks an endpoint")
        for end in filter(None, ends.values()):
            # People are sent to the first, and secrets to the others.
            if URL(end).scheme != "https" and not _named(entry, end):
                raise SignInFailed("an endpoint of its authorization server is not https")
        return Provider(
            issuer=str(told["issuer"]),
            authorize=ends["authorization"],
            token=ends["token"],
            register=ends["registration"],
            revoke=ends["revocation"],
            methods=tuple(_texts(told.get("token_endpoint_auth_methods_supported"))),
            scope=scope[:2_000],
            documents=told.get("client_id_metadata_document_supported") is True,
            says_iss=told.get("authorization_response_iss_parameter_supported") is True,
        )

    async def ask(
        self,
        entry: ServerEntry,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer | None:
        """What is answered at *address*, for *entry*; None if nothing can be read there.

        Raises:
            SignInFailed: something was to be sent to an address that cannot be reached.
        """
        try:
            return await self._outside.ask(
                method,
                address,
                most_bytes=MOST_BYTES,
                most_s=MOST_S,
                named=_named(entry, address),
                headers=headers or {"Accept": "application/json"},
                data=data,
            )
        except FetchError as error:
            if method == "POST" and address != entry.url:
                raise SignInFailed(f"its authorization server: {error}") from error
            return None


def _named(entry: ServerEntry, address: str) -> str:
    """The operator's own address of the origin of *address*, or empty."""
    for named in (entry.url, entry.issuer):
        try:
            if named and origin_of(URL(named)) == origin_of(URL(address)):
                return named
        except (ValueError, TypeError):
            continue
    return ""


def read_json(answer: Answer | None, good: Sequence[int] = (200,)) -> Mapping[str, Any] | None:
    if answer is None or answer.status not in good:
        return None
    try:
        told = msgspec.json.decode(answer.data)
    except (msgspec.DecodeError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _path(url: URL) -> str:
    return url.raw_path.rstrip("/")


def _covers(resource: str, url: URL) -> bool:
    """Whether *resource* is *url*, or stands above it on the same server."""
    try:
        above = URL(resource)
        same = origin_of(above) == origin_of(url)
    except (ValueError, TypeError):
        return False
    return same and f"{_path(url)}/".startswith(f"{_path(above)}/")
