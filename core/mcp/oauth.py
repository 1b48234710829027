"""Signing in to an MCP server in a person's name: OAuth 2.1, as the MCP specification wants it.

Sources: modelcontextprotocol.io/specification, basic/authorization · RFC 7591 (registration) ·
client ID metadata documents · RFC 7636 (PKCE) · RFC 8707 (a token for one resource) · RFC 6749
(tokens) · RFC 7009 (revocation).

A secret goes only to the token endpoint that it was given for.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from core.mcp.authorization import Authorization, Provider, SignInFailed, read_json
from core.mcp.entry import ServerEntry
from core.net.outside import Answer, Outside

TOKEN_CHARS = 16_000
NAME = "Palaver"
EARLY_S = 30.0
"""So much before its end a token counts as ended."""


class Denied(SignInFailed):
    """The authorization server takes this code or refresh token for invalid: it is used up."""


class Client(msgspec.Struct, frozen=True, omit_defaults=True):
    """What we are to an authorization server. *until*: when its secret ends; 0: never."""

    id: str
    secret: str = ""
    method: str = "none"
    until: float = 0.0

    @property
    def ended(self) -> bool:
        return 0 < self.until < time.time() + 24 * 3600


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person's tokens of one server. They are good for *url*, and go nowhere else."""

    person: str
    server: str
    url: str
    provider: Provider
    client: Client
    access: str
    refresh: str = ""
    until: float = 0.0
    scope: str = ""

    @property
    def fresh(self) -> bool:
        return not self.until or time.time() < self.until - EARLY_S


class Journey(NamedTuple):
    """One walk to the authorization server and back. *verifier* never leaves us before its end."""

    state: str
    verifier: str
    url: str


class OAuth(Authorization):
    """Speaks to authorization servers. *redirect*: where they send people back to.

    *document*: the address of our client metadata document; empty if we can publish none.
    """

    def __init__(self, outside: Outside, redirect: str, document: str = "") -> None:
        super().__init__(outside)
        self.redirect = redirect
        self.document = document

    async def register(self, entry: ServerEntry, provider: Provider) -> Client:
        """Make us known to *provider* (RFC 7591). Raises `SignInFailed`."""
        if not provider.register:
            raise SignInFailed("its authorization server wants a client_id in palaver.toml")
        told = read_json(
            await self.ask(
                entry,
                "POST",
                provider.register,
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                data=json.dumps(self.metadata(provider.scope)).encode(),
            ),
            (200, 201),
        )
        if told is None or not isinstance(told.get("client_id"), str):
            raise SignInFailed("its authorization server did not register us")
        secret = str(told.get("client_secret") or "")
        until = _seconds(told.get("client_secret_expires_at"))
        method = str(told.get("token_endpoint_auth_method") or "")
        return Client(
            told["client_id"],
            secret,
            method or ("client_secret_basic" if secret else "none"),
            until,
        )

    def metadata(self, scope: str = "") -> dict[str, Any]:
        """What we say of ourselves, to be registered or in our document."""
        told: dict[str, Any] = {
            "client_name": NAME,
            "redirect_uris": [self.redirect],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
        return {**told, "scope": scope} if scope else told

    def journey(self, entry: ServerEntry, provider: Provider, client: Client) -> Journey:
        """The way of a person to *provider*."""
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": self.redirect,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "resource": entry.url,
            **({"scope": provider.scope} if provider.scope else {}),
        }
        between = "&" if "?" in provider.authorize else "?"
        return Journey(state, verifier, f"{provider.authorize}{between}{urlencode(asked)}")

    async def redeem(
        self,
        entry: ServerEntry,
        provider: Provider,
        client: Client,
        person: str,
        code: str,
        verifier: str,
    ) -> Account:
        """The tokens for *code*. Raises `SignInFailed`."""
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "code_verifier": verifier,
            "resource": entry.url,
        }
        account = Account(person, entry.name, entry.url, provider, client, "")
        return await self._tokens(entry, account, asked)

    async def renew(self, entry: ServerEntry, account: Account) -> Account:
        """*account* with new tokens.

        Raises:
            Denied: the refresh token is used up.
            SignInFailed: the authorization server cannot be asked now.
        """
        asked = {
            "grant_type": "refresh_token",
            "refresh_token": account.refresh,
            "resource": account.url,
        }
        return await self._tokens(entry, account, asked)

    async def revoke(self, entry: ServerEntry, account: Account) -> None:
        """Tell the authorization server that the tokens are not used any more (RFC 7009)."""
        for token, kind in ((account.refresh, "refresh_token"), (account.access, "access_token")):
            if token and account.provider.revoke:
                asked = {"token": token, "token_type_hint": kind}
                await self._post(entry, account.provider.revoke, account.client, asked)

    async def _tokens(
        self, entry: ServerEntry, account: Account, asked: Mapping[str, str]
    ) -> Account:
        answer = await self._post(entry, account.provider.token, account.client, asked)
        told = read_json(answer)
        if told is None:
            refused = read_json(answer, (400, 401))
            error = refused.get("error") if refused is not None else None
            if error in ("invalid_grant", "invalid_client", "unauthorized_client"):
                raise Denied("its authorization server does not accept this any more")
            raise SignInFailed("its authorization server gave no token")
        access, lasts = told.get("access_token"), _seconds(told.get("expires_in"))
        refresh = told.get("refresh_token")
        # RFC 6749, 7.1: a token of a kind that we do not know must not be used.
        bearer = str(told.get("token_type", "")).lower() == "bearer"
        if not (_is_token(access) and bearer):
            raise SignInFailed("its authorization server gave a token of another kind")
        return msgspec.structs.replace(
            account,
            access=access,
            # RFC 6749, 6: without a new one, the old one stays.
            refresh=refresh if _is_token(refresh) else account.refresh,
            until=time.time() + lasts if lasts else 0.0,
            scope=str(told.get("scope") or account.provider.scope)[:2_000],
        )

    async def _post(
        self, entry: ServerEntry, address: str, client: Client, asked: Mapping[str, str]
    ) -> Answer | None:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        form = dict(asked)
        if client.method == "client_secret_basic":
            # RFC 6749, 2.3.1: both are form-encoded first.
            pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = client.id
            if client.method == "client_secret_post":
                form["client_secret"] = client.secret
        data = urlencode(form).encode()
        return await self.ask(entry, "POST", address, headers=headers, data=data)


def _is_token(value: object) -> bool:
    plain = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
    return plain and 0 < len(str(value)) <= TOKEN_CHARS


def _seconds(value: object) -> float:
    """*value*, if it is a sensible number of seconds; else 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 < value < 1e11 else 0.0
